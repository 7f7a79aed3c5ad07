// Package wire is the part of RFC 6455 that is about bytes: frames, masking,
// UTF-8, close payloads. It does no I/O and knows no goroutine, clock, network
// or actor: bytes in, frames and messages out.
package wire

// Package wire is the part of RFC 6455 that is about bytes: frames, masking,
// UTF-8, close payloads. It does no I/O and knows no goroutine, clock, network
// or actor: bytes in, frames and messages out.
//
// On amd64 with AVX2 masking and the check of UTF-8 are in assembly; the build tag
// purego leaves that out.
package wire

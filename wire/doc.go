// Package wire is the part of RFC 6455 that is about bytes: frames, masking, UTF-8,
// close payloads. It takes bytes and returns frames and messages; it does no I/O and
// knows no goroutine, clock, network or actor.
//
// On amd64 with AVX2, masking and the UTF-8 check run in assembly; the build tag
// purego leaves that out.
package wire

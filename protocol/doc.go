// Package protocol is RFC 6455 from the moment a connection is open: the state machine
// of §5.5 and §7 (Machine) and the sending half (Outbound), which decides what may
// still be sent, in which order and within which limits.
//
// It knows neither actors nor sockets, starts no goroutine and reads no clock: what
// happens comes in as values, the time among them, and what is to be done goes out as
// effects.
package protocol

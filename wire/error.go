package wire

// This file is the errors that fail a connection. Each has the status code of the
// Close frame that tells the peer.

import "strconv"

// ProtocolError reports that the peer violated the protocol. The connection must be
// failed with Code (RFC 6455 §7.1.7).
type ProtocolError struct {
	// What is what was wrong, such as "reserved opcode 0x3".
	What string
	// Section is where the rule is, such as "RFC 6455 §5.2".
	Section string
	// Code is StatusProtocolError, or StatusInvalidPayload for text that is not UTF-8.
	Code StatusCode
}

// Error returns one line with all three fields.
func (e *ProtocolError) Error() string {
	return e.Code.String() + ": " + e.What + " (" + e.Section + ")"
}

// CloseCode returns Code.
func (e *ProtocolError) CloseCode() StatusCode { return e.Code }

// violation returns the error for a violation that is answered with 1002.
func violation(section, what string) *ProtocolError {
	return &ProtocolError{What: what, Section: section, Code: StatusProtocolError}
}

// invalidUTF8 returns the error for text that is not UTF-8, which is answered with 1007.
func invalidUTF8(section, what string) *ProtocolError {
	return &ProtocolError{What: what, Section: section, Code: StatusInvalidPayload}
}

// LimitError reports that the peer exceeded one of the Limits of a Receiver. The
// protocol allows what it sent, but this side does not accept so much (RFC 6455 §10.4).
type LimitError struct {
	// What is the limited quantity: "frame size", "message size" (both in bytes) or
	// "number of fragments".
	What string
	// Limit is the largest accepted value.
	Limit int64
	// Got is the value that exceeded it: what the header of a frame announced, which
	// may be more than has arrived.
	Got int64
}

// Error returns one line with all three fields.
func (e *LimitError) Error() string {
	return e.What + " " + strconv.FormatInt(e.Got, 10) +
		" is over the limit of " + strconv.FormatInt(e.Limit, 10)
}

// CloseCode returns StatusMessageTooBig (RFC 6455 §7.4.1).
func (e *LimitError) CloseCode() StatusCode { return StatusMessageTooBig }

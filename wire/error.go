package wire

// This file holds the errors for which a connection has to be failed; each
// tells the status code of the Close frame that says so to the peer.

import "strconv"

// ProtocolError says that the peer broke a rule of the protocol. The connection
// has to be failed with Code (RFC 6455 §7.1.7).
type ProtocolError struct {
	// What was wrong, such as "reserved opcode 0x3".
	What string
	// Section that has the rule, such as "RFC 6455 §5.2".
	Section string
	// Code is StatusProtocolError, or StatusInvalidPayload where text is not UTF-8.
	Code StatusCode
}

// Error returns one line that has all three fields.
func (e *ProtocolError) Error() string {
	return e.Code.String() + ": " + e.What + " (" + e.Section + ")"
}

// CloseCode returns Code.
func (e *ProtocolError) CloseCode() StatusCode { return e.Code }

// violation returns the error for a broken rule that is answered with 1002.
func violation(section, what string) *ProtocolError {
	return &ProtocolError{What: what, Section: section, Code: StatusProtocolError}
}

// invalidUTF8 returns the error for text that is not UTF-8, which is answered with 1007.
func invalidUTF8(section, what string) *ProtocolError {
	return &ProtocolError{What: what, Section: section, Code: StatusInvalidPayload}
}

// LimitError says that the peer passed one of the Limits of a Receiver. What it
// sent was allowed by the protocol, but is more than this side takes (RFC 6455 §10.4).
type LimitError struct {
	// What is limited: "frame size", "message size" (both in bytes) or
	// "number of fragments".
	What string
	// Limit is the largest value that is accepted.
	Limit int64
	// Got is the value that passed it: what the header of a frame announced,
	// which may be more than has arrived.
	Got int64
}

// Error returns one line that has all three fields.
func (e *LimitError) Error() string {
	return e.What + " " + strconv.FormatInt(e.Got, 10) +
		" is over the limit of " + strconv.FormatInt(e.Limit, 10)
}

// CloseCode returns StatusMessageTooBig (RFC 6455 §7.4.1).
func (e *LimitError) CloseCode() StatusCode { return StatusMessageTooBig }

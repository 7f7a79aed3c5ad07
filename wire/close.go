package wire

// This file writes and reads the payload of a Close frame: RFC 6455 §5.5.1, §7.4.

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// maxReason is the longest close reason in bytes: what the code leaves of a
// control frame.
const maxReason = maxControl - 2

// Reasons why AppendClosePayload refuses what the program wants to send.
var (
	// ErrCloseCode: the code must not be in a Close frame (StatusCode.OnWire),
	// or there is a reason without a code.
	ErrCloseCode = errors.New("close code must not be sent")
	// ErrCloseReasonTooLong: the reason has more than 123 bytes.
	ErrCloseReasonTooLong = errors.New("close reason is longer than 123 bytes")
	// ErrCloseReasonUTF8: the reason is not valid UTF-8.
	ErrCloseReasonUTF8 = errors.New("close reason is not valid UTF-8")
)

// AppendClosePayload appends the payload of a Close frame: the code in two bytes
// and the reason. With code 0 and no reason it appends nothing, which is a Close
// frame without a status. On one of the errors above dst is returned as it was.
func AppendClosePayload(dst []byte, code StatusCode, reason string) ([]byte, error) {
	switch {
	case code == 0 && reason == "":
		return dst, nil
	case !code.OnWire(): // RFC 6455 §7.4.1, §7.4.2
		return dst, ErrCloseCode
	case len(reason) > maxReason: // RFC 6455 §5.5
		return dst, ErrCloseReasonTooLong
	case !ValidString(reason): // RFC 6455 §5.5.1
		return dst, ErrCloseReasonUTF8
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...), nil
}

// ParseClosePayload reads the payload of a received Close frame. An empty one
// gives StatusNoStatus (RFC 6455 §7.1.5). The error is a *ProtocolError: with
// 1002 for one byte or a code that must not be sent, with 1007 for a reason that
// is not UTF-8; code and reason are then zero.
func ParseClosePayload(p []byte) (code StatusCode, reason string, err error) {
	if len(p) == 0 {
		return StatusNoStatus, "", nil
	}
	if len(p) == 1 {
		// RFC 6455 §5.5.1: "the first two bytes of the body MUST be a 2-byte unsigned integer".
		return 0, "", violation("RFC 6455 §5.5.1", "close payload of one byte")
	}
	code = StatusCode(binary.BigEndian.Uint16(p))
	if !code.OnWire() {
		// RFC 6455 §7.4.1, §7.4.2: reserved, for reports only, or outside of all ranges.
		return 0, "", violation("RFC 6455 §7.4", "close code "+strconv.Itoa(int(code))+" must not be sent")
	}
	if !Valid(p[2:]) {
		return 0, "", invalidUTF8("RFC 6455 §8.1", "close reason is not valid UTF-8")
	}
	return code, string(p[2:]), nil
}

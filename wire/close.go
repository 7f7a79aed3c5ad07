package wire

// This file writes and reads the payload of a Close frame: RFC 6455 §5.5.1, §7.4.

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// MaxCloseReason is the longest close reason in bytes: what the code leaves of a
// control frame.
const MaxCloseReason = MaxControl - 2

// The errors for frames that must not be sent.
var (
	// ErrInvalidCloseCode is returned for a code that must not be in a Close frame
	// (StatusCode.OnWire), and for a reason without a code.
	ErrInvalidCloseCode = errors.New("close code must not be sent")
	// ErrControlTooLong is returned for a control frame whose payload would exceed
	// MaxControl, such as a close reason longer than MaxCloseReason.
	ErrControlTooLong = errors.New("control frame payload is too long")
	// ErrInvalidUTF8 is returned for text, or a close reason, that is not valid UTF-8.
	ErrInvalidUTF8 = errors.New("not valid UTF-8")
)

// AppendClosePayload appends the payload of a Close frame: the code in two bytes
// and the reason. With code 0 and no reason it appends nothing, which makes a Close
// frame without a status. On one of the errors above it returns dst unchanged.
func AppendClosePayload(dst []byte, code StatusCode, reason string) ([]byte, error) {
	switch {
	case code == 0 && reason == "":
		return dst, nil
	case !code.OnWire(): // RFC 6455 §7.4.1, §7.4.2
		return dst, ErrInvalidCloseCode
	case len(reason) > MaxCloseReason: // RFC 6455 §5.5
		return dst, ErrControlTooLong
	case !ValidString(reason): // RFC 6455 §5.5.1
		return dst, ErrInvalidUTF8
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...), nil
}

// ParseClosePayload reads the payload of a received Close frame. An empty one
// gives StatusNoStatus (RFC 6455 §7.1.5). The error is a *ProtocolError: 1002 for a
// single byte or a code that must not be sent, 1007 for a reason that is not UTF-8;
// code and reason are then zero.
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
		// RFC 6455 §7.4.1, §7.4.2: reserved, for reports only, or outside all ranges.
		return 0, "", violation("RFC 6455 §7.4", "close code "+strconv.Itoa(int(code))+" must not be sent")
	}
	if !Valid(p[2:]) {
		return 0, "", invalidUTF8("RFC 6455 §8.1", "close reason is not valid UTF-8")
	}
	return code, string(p[2:]), nil
}

// This file takes a frame of the client off the byte stream as it is, without
// judging it.

package wstest

import (
	"fmt"
	"math"
	"strings"

	"github.com/dandelionws/dandelion/wire"
)

// Frame is one frame that the client has written.
type Frame struct {
	wire.Header

	// Payload is the payload, unmasked if the frame was masked.
	Payload []byte

	// Raw is the whole frame as it was on the wire. It must not be changed.
	Raw []byte
}

// CloseCode is the status code in a Close frame: StatusNoStatus if it has no
// payload, 0 if the payload is one byte long.
func (f Frame) CloseCode() wire.StatusCode {
	switch len(f.Payload) {
	case 0:
		return wire.StatusNoStatus
	case 1:
		return 0
	}
	return wire.StatusCode(f.Payload[0])<<8 | wire.StatusCode(f.Payload[1])
}

// CloseReason is the reason in a Close frame, "" if there is none.
func (f Frame) CloseReason() string {
	if len(f.Payload) < 2 {
		return ""
	}
	return string(f.Payload[2:])
}

// String describes the frame in one line, with the beginning of its payload.
func (f Frame) String() string { return f.describe(true) }

func (f Frame) describe(wantMasked bool) string {
	var b strings.Builder
	b.WriteString(opcodeName(f.Opcode))
	if !f.Fin {
		b.WriteString(" (no FIN)")
	}
	if f.RSV != 0 {
		fmt.Fprintf(&b, " (RSV bits %02X)", f.RSV)
	}
	switch {
	case wantMasked && !f.Masked:
		b.WriteString(" (not masked)")
	case !wantMasked && f.Masked:
		b.WriteString(" (masked)")
	}
	switch {
	case f.Opcode == wire.OpClose && len(f.Payload) >= 2:
		fmt.Fprintf(&b, " %d %q", uint16(f.CloseCode()), f.CloseReason())
	case f.Opcode == wire.OpText || f.Opcode == wire.OpClose:
		fmt.Fprintf(&b, " %s", quote(f.Payload))
	default:
		fmt.Fprintf(&b, " [%s]", dump(f.Payload))
	}
	return b.String()
}

func opcodeName(op wire.Opcode) string {
	switch op {
	case wire.OpContinuation:
		return "Continuation"
	case wire.OpText:
		return "Text"
	case wire.OpBinary:
		return "Binary"
	case wire.OpClose:
		return "Close"
	case wire.OpPing:
		return "Ping"
	case wire.OpPong:
		return "Pong"
	}
	return fmt.Sprintf("opcode %X", uint8(op))
}

// parseFrame parses the frame at the beginning of p and says how long it is on
// the wire; n is 0 if p holds only a part of it.
func parseFrame(p []byte) (f Frame, n int, err error) {
	h, headerLen, err := wire.ParseHeader(p)
	if err != nil || headerLen == 0 {
		return Frame{}, 0, err
	}
	if h.Length > math.MaxInt32 {
		return Frame{}, 0, fmt.Errorf("a frame of %d bytes is more than a script can hold", h.Length)
	}
	n = headerLen + int(h.Length)
	if len(p) < n {
		return Frame{}, 0, nil
	}
	f = Frame{Header: h, Payload: make([]byte, h.Length), Raw: p[:n:n]}
	if h.Masked {
		wire.MaskCopy(f.Payload, f.Raw[headerLen:], h.Key, 0)
	} else {
		copy(f.Payload, f.Raw[headerLen:])
	}
	return f, n, nil
}

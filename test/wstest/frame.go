// This file is the kit's own reading and writing of frames. It is plain and slow,
// and calls nothing in package wire: a fault there that is the same in both
// directions would cancel out.

package wstest

import (
	"bytes"
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

// AppendFrame appends a frame with exactly this header to dst: it may lie about the
// length of the payload. If h.Masked is set the payload is masked with h.Key. The
// length has its shortest form.
func AppendFrame(dst []byte, h wire.Header, payload []byte) []byte {
	first, second := byte(h.Opcode)|h.RSV, byte(0)
	if h.Fin {
		first |= 0x80
	}
	if h.Masked {
		second = 0x80
	}
	switch {
	case h.Length <= 125:
		dst = append(dst, first, second|byte(h.Length))
	case h.Length <= 0xFFFF:
		dst = append(dst, first, second|126, byte(h.Length>>8), byte(h.Length))
	default:
		dst = append(dst, first, second|127)
		for shift := 56; shift >= 0; shift -= 8 {
			dst = append(dst, byte(h.Length>>shift))
		}
	}
	if !h.Masked {
		return append(dst, payload...)
	}
	dst = append(dst, h.Key[:]...)
	for i, b := range payload {
		dst = append(dst, b^h.Key[i%4])
	}
	return dst
}

// serverFrame is a whole frame of a server, with FIN.
func serverFrame(op wire.Opcode, payload []byte) []byte {
	return AppendFrame(nil, wire.Header{Fin: true, Opcode: op, Length: uint64(len(payload))}, payload)
}

// ParseFrame parses the frame at the beginning of p and returns how long it is on
// the wire; n is 0 if p holds only a part of it. It is an error if the length
// has not its shortest form or is beyond 2 GiB.
func ParseFrame(p []byte) (f Frame, n int, err error) {
	h, headerLen, err := parseHeader(p)
	if err != nil || headerLen == 0 || uint64(len(p)-headerLen) < h.Length {
		return Frame{}, 0, err
	}
	n = headerLen + int(h.Length)
	f = Frame{Header: h, Payload: bytes.Clone(p[headerLen:n]), Raw: p[:n:n]}
	if h.Masked {
		for i := range f.Payload {
			f.Payload[i] ^= h.Key[i%4]
		}
	}
	return f, n, nil
}

// parseHeader parses all of a frame but its payload: RFC 6455 §5.2. n is 0 if p
// holds only a part of it.
func parseHeader(p []byte) (h wire.Header, n int, err error) {
	if len(p) < 2 {
		return h, 0, nil
	}
	h.Fin = p[0]&0x80 != 0
	h.RSV = p[0] & 0x70
	h.Opcode = wire.Opcode(p[0] & 0x0F)
	h.Masked = p[1]&0x80 != 0
	h.Length = uint64(p[1] & 0x7F)
	n = 2

	more, shortest := 0, uint64(0)
	switch h.Length {
	case 126:
		more, shortest = 2, 126
	case 127:
		more, shortest = 8, 1<<16
	}
	if len(p) < n+more {
		return h, 0, nil
	}
	if more > 0 {
		h.Length = 0
		for _, b := range p[n : n+more] {
			h.Length = h.Length<<8 | uint64(b)
		}
		n += more
	}
	switch {
	case h.Length < shortest:
		return h, 0, fmt.Errorf("the length %d has not its shortest form", h.Length)
	case h.Length > math.MaxInt32:
		return h, 0, fmt.Errorf("a frame of %d bytes is more than a script can hold", h.Length)
	}
	if h.Masked {
		if len(p) < n+4 {
			return h, 0, nil
		}
		n += copy(h.Key[:], p[n:])
	}
	return h, n, nil
}

func isControl(op wire.Opcode) bool { return op&8 != 0 }

func isReserved(op wire.Opcode) bool { return op&7 > 2 }

// mayBeSent reports whether a Close frame may have that code: RFC 6455 §7.4, and
// what IANA has registered since.
func mayBeSent(code wire.StatusCode) bool {
	switch code {
	case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014:
		return true
	}
	return 3000 <= code && code <= 4999
}

// closePayload is the payload of a Close; StatusNoStatus makes an empty one.
func closePayload(code wire.StatusCode, reason string) []byte {
	if code == wire.StatusNoStatus {
		return nil
	}
	return append([]byte{byte(code >> 8), byte(code)}, reason...)
}

package wire

// This file writes and reads the header of a frame: RFC 6455 §5.2.

import "encoding/binary"

// Bits of the first two bytes of a header.
const (
	finBit   = 0x80
	rsvBits  = 0x70
	opBits   = 0x0F
	maskBit  = 0x80
	lenBits  = 0x7F
	lenIs16  = 126 // the length follows in 2 bytes
	lenIs64  = 127 // the length follows in 8 bytes
	maxShort = 125 // the longest payload whose length is in the second byte
)

const (
	// MaxHeader is the longest header in bytes: 2, a length of 8 and a key of 4.
	MaxHeader = 14
	// MaxControl is the longest payload of a control frame in bytes (RFC 6455 §5.5).
	MaxControl = 125
)

// Header is a frame without its payload (RFC 6455 §5.2).
type Header struct {
	// Fin is set in the last or only fragment of a message.
	Fin bool
	// RSV holds the reserved bits at their place in the first byte: 0x40 is RSV1,
	// 0x20 RSV2, 0x10 RSV3.
	RSV uint8
	// Opcode is the type of the frame.
	Opcode Opcode
	// Masked is set if the payload is masked with Key.
	Masked bool
	// Key has no meaning unless Masked is set.
	Key [4]byte
	// Length is that of the payload in bytes, at most 1<<63 - 1.
	Length uint64
}

// AppendHeader appends h to dst with its length in the shortest of the three forms,
// as RFC 6455 §5.2 demands. It checks nothing: the caller must ensure that a control
// frame is short and has Fin.
func AppendHeader(dst []byte, h Header) []byte {
	var buf [MaxHeader]byte
	n := putHeader(&buf, &h)
	return append(dst, buf[:n]...)
}

// putHeader writes h to the beginning of buf and returns its length.
func putHeader(buf *[MaxHeader]byte, h *Header) int {
	b0 := h.RSV&rsvBits | byte(h.Opcode)&opBits
	if h.Fin {
		b0 |= finBit
	}
	b1 := byte(0)
	if h.Masked {
		b1 = maskBit
	}
	n := 2
	switch {
	case h.Length <= maxShort:
		b1 |= byte(h.Length)
	case h.Length <= 0xFFFF:
		b1 |= lenIs16
		binary.BigEndian.PutUint16(buf[2:], uint16(h.Length))
		n = 4
	default:
		b1 |= lenIs64
		binary.BigEndian.PutUint64(buf[2:], h.Length)
		n = 10
	}
	buf[0], buf[1] = b0, b1
	if h.Masked {
		*(*[4]byte)(buf[n:]) = h.Key
		n += 4
	}
	return n
}

// ParseHeader reads the header at the beginning of p and returns its length n. If n is
// 0 without an error, p is too short: more bytes are needed.
//
// It checks only the form of the length: the top bit of a 64-bit length must be 0 and
// the length in its shortest form, otherwise the error is a *ProtocolError. Decoder
// checks which frames are allowed on a connection.
func ParseHeader(p []byte) (h Header, n int, err error) {
	n, err = parseHeader(&h, p)
	if n == 0 {
		return Header{}, 0, err
	}
	return h, n, nil
}

// parseHeader is ParseHeader, but leaves the header in h, without a copy; h has no
// meaning if n is 0.
func parseHeader(h *Header, p []byte) (n int, err error) {
	if len(p) < 2 {
		return 0, nil
	}
	h.Fin = p[0]&finBit != 0
	h.RSV = p[0] & rsvBits
	h.Opcode = Opcode(p[0] & opBits)
	h.Masked = p[1]&maskBit != 0
	h.Length = uint64(p[1] & lenBits)
	n = 2
	switch h.Length {
	case lenIs16:
		if len(p) < 4 {
			return 0, nil
		}
		h.Length = uint64(binary.BigEndian.Uint16(p[2:]))
		n = 4
		// RFC 6455 §5.2: "the minimal number of bytes MUST be used".
		if h.Length <= maxShort {
			return 0, violation("RFC 6455 §5.2", "length is not in its shortest form")
		}
	case lenIs64:
		if len(p) < 10 {
			return 0, nil
		}
		h.Length = binary.BigEndian.Uint64(p[2:])
		n = 10
		// RFC 6455 §5.2: "the most significant bit MUST be 0".
		if h.Length>>63 != 0 {
			return 0, violation("RFC 6455 §5.2", "64-bit length has its top bit set")
		}
		if h.Length <= 0xFFFF {
			return 0, violation("RFC 6455 §5.2", "length is not in its shortest form")
		}
	}
	if h.Masked {
		if len(p) < n+4 {
			return 0, nil
		}
		h.Key = [4]byte(p[n:])
		n += 4
	}
	return n, nil
}

package wire

// This file writes whole frames: RFC 6455 §5.2.

import (
	"slices"
	"unsafe"
)

// AppendFrame appends a client's frame, masked with key, and returns the extended
// slice. It allocates only if the capacity of dst is too small: a frame has at most
// MaxHeader bytes more than its payload. payload is neither changed nor kept; it must
// not overlap the free capacity of dst. Like AppendHeader, it checks nothing.
func AppendFrame(dst []byte, fin bool, rsv uint8, op Opcode, key [4]byte, payload []byte) []byte {
	dst, payloadRoom := appendFrame(dst, len(payload), &Header{
		Fin: fin, RSV: rsv, Opcode: op, Masked: true, Key: key, Length: uint64(len(payload)),
	})
	MaskCopy(payloadRoom, payload, key, 0)
	return dst
}

// appendFrame appends the header h and room for a payload of size bytes. It returns
// the extended slice and that room.
func appendFrame(dst []byte, size int, h *Header) (frame, payload []byte) {
	start := len(dst)
	dst = slices.Grow(dst, MaxHeader+size)
	start += putHeader((*[MaxHeader]byte)(dst[start:start+MaxHeader]), h)
	dst = dst[:start+size]
	return dst, dst[start:]
}

// AppendServerFrame appends a server's frame, which has no mask (RFC 6455 §5.1).
// It is for tests and for programs that act as a server.
func AppendServerFrame(dst []byte, fin bool, rsv uint8, op Opcode, payload []byte) []byte {
	dst, payloadRoom := appendFrame(dst, len(payload), &Header{
		Fin: fin, RSV: rsv, Opcode: op, Length: uint64(len(payload)),
	})
	copy(payloadRoom, payload)
	return dst
}

// bytesOf returns the bytes of s without a copy. They must only be read.
func bytesOf(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

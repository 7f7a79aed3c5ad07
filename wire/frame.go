package wire

// This file writes whole frames: RFC 6455 §5.2.

import (
	"slices"
	"unsafe"
)

// AppendFrame appends a client's frame, masked with key, and returns the longer
// slice. It allocates only if dst lacks the room: at most 14 bytes more than the
// payload. payload is not changed and not kept; it must not overlap the room
// behind dst. What AppendHeader does not check is not checked here either.
func AppendFrame(dst []byte, fin bool, rsv uint8, op Opcode, key [4]byte, payload []byte) []byte {
	dst, payloadRoom := appendFrame(dst, len(payload), &Header{
		Fin: fin, RSV: rsv, Opcode: op, Masked: true, Key: key, Length: uint64(len(payload)),
	})
	MaskCopy(payloadRoom, payload, key, 0)
	return dst
}

// appendFrame appends the header h and room for a payload of size bytes, which
// it returns as well.
func appendFrame(dst []byte, size int, h *Header) (frame, payload []byte) {
	start := len(dst)
	dst = slices.Grow(dst, maxHeader+size)
	start += putHeader((*[maxHeader]byte)(dst[start:start+maxHeader]), h)
	dst = dst[:start+size]
	return dst, dst[start:]
}

// AppendFrameString is AppendFrame for a payload that is a string.
func AppendFrameString(dst []byte, fin bool, rsv uint8, op Opcode, key [4]byte, payload string) []byte {
	return AppendFrame(dst, fin, rsv, op, key, bytesOf(payload))
}

// AppendServerFrame appends a server's frame, which has no mask (RFC 6455 §5.1).
// It is for tests and for programs that play the server.
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

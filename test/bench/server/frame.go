package server

import (
	"crypto/subtle"
	"encoding/binary"
	"slices"
)

// Opcodes and bits of RFC 6455 §5.2.
const (
	opClose = 8
	opPing  = 9
	opPong  = 10

	bitFin  = 0x80
	bitMask = 0x80
	opMask  = 0x0F
)

// header is the header of a frame from the client.
type header struct {
	first byte   // Fin, reserved bits, opcode
	key   uint32 // little endian
	size  int    // of the header itself
	body  int    // of the payload
}

// parse reads the header at the beginning of p. It returns false if more bytes are needed.
func parse(p []byte) (header, bool) {
	if len(p) < 6 || p[1]&^bitMask > 125 {
		return parseLong(p)
	}
	return header{p[0], binary.LittleEndian.Uint32(p[2:]), 6, int(p[1] &^ bitMask)}, true
}

// parseLong is parse for payloads of more than 125 bytes.
func parseLong(p []byte) (header, bool) {
	switch {
	case len(p) < 6:
	case p[1]&^bitMask == 126 && len(p) >= 8:
		return header{p[0], binary.LittleEndian.Uint32(p[4:]), 8, int(binary.BigEndian.Uint16(p[2:]))}, true
	case p[1]&^bitMask == 127 && len(p) >= 14:
		return header{p[0], binary.LittleEndian.Uint32(p[10:]), 14, int(binary.BigEndian.Uint64(p[2:]))}, true
	}
	return header{}, false
}

// AppendHeader appends the header of a frame with n bytes of payload, as a
// server sends it. first has Fin and opcode.
func AppendHeader(dst []byte, first byte, n int) []byte {
	switch {
	case n < 126:
		return append(dst, first, byte(n))
	case n <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(n))
}

// AppendFrame appends a whole message in one frame.
func AppendFrame(dst []byte, op byte, p []byte) []byte {
	return append(AppendHeader(dst, bitFin|op, len(p)), p...)
}

// patternSize is how much of a repeated key XORBytes gets at once, in bytes.
const patternSize = 512

// appendUnmasked appends the payload p, which was masked with key.
func appendUnmasked(dst, p []byte, key uint32) []byte {
	at := len(dst)
	dst = slices.Grow(dst, len(p))[:at+len(p)]
	to := dst[at:]
	k := uint64(key) * 0x1_0000_0001
	if len(p) >= patternSize {
		var pattern [patternSize]byte
		for i := 0; i < patternSize; i += 8 {
			binary.LittleEndian.PutUint64(pattern[i:], k)
		}
		for len(p) >= patternSize {
			subtle.XORBytes(to, p[:patternSize], pattern[:])
			to, p = to[patternSize:], p[patternSize:]
		}
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(p)^k)
		to, p = to[8:], p[8:]
	}
	for i, c := range p {
		to[i] = c ^ byte(k>>(8*(i&3)))
	}
	return dst
}

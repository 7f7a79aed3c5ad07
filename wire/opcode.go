package wire

// This file names the frame types: RFC 6455 §5.2, §11.8.

import "strconv"

// Opcode is the type of a frame, four bits on the wire (RFC 6455 §5.2).
type Opcode uint8

// The opcodes that RFC 6455 §11.8 defines; all others are reserved.
const (
	OpContinuation Opcode = 0x0
	OpText         Opcode = 0x1
	OpBinary       Opcode = 0x2
	OpClose        Opcode = 0x8
	OpPing         Opcode = 0x9
	OpPong         Opcode = 0xA
)

// IsControl reports whether op is in the range of control frames, 8 to F, including
// the reserved ones (RFC 6455 §5.5).
func (op Opcode) IsControl() bool { return op&0x8 != 0 }

// IsData reports whether frames with op carry data: continuation, text or binary
// (RFC 6455 §5.6).
func (op Opcode) IsData() bool { return op <= OpBinary }

// IsReserved reports whether no specification defines op: 3 to 7, B to F, and values
// that do not fit into four bits.
func (op Opcode) IsReserved() bool {
	return op > OpBinary && op < OpClose || op > OpPong
}

// String returns the name in lower case, such as "text", or "reserved 0x3".
func (op Opcode) String() string {
	switch op {
	case OpContinuation:
		return "continuation"
	case OpText:
		return "text"
	case OpBinary:
		return "binary"
	case OpClose:
		return "close"
	case OpPing:
		return "ping"
	case OpPong:
		return "pong"
	}
	return "reserved 0x" + strconv.FormatUint(uint64(op), 16)
}

package wire

// This file tests the opcodes.

import "testing"

// req: 6455-5.2-05 6455-5.2-07
func TestOpcode(t *testing.T) {
	names := map[Opcode]string{
		OpContinuation: "continuation", OpText: "text", OpBinary: "binary",
		OpClose: "close", OpPing: "ping", OpPong: "pong",
		0x3: "reserved 0x3", 0x7: "reserved 0x7", 0xB: "reserved 0xb", 0xF: "reserved 0xf",
		0x10: "reserved 0x10",
	}
	for op, name := range names {
		if got := op.String(); got != name {
			t.Errorf("Opcode(%#x).String() = %q, want %q", uint8(op), got, name)
		}
	}
	for op := Opcode(0); op <= 0xF; op++ {
		if got, want := op.IsControl(), op >= 8; got != want {
			t.Errorf("Opcode(%#x).IsControl() = %v, want %v", uint8(op), got, want)
		}
		if got, want := op.IsData(), op <= 2; got != want {
			t.Errorf("Opcode(%#x).IsData() = %v, want %v", uint8(op), got, want)
		}
		want := op >= 3 && op <= 7 || op >= 0xB
		if got := op.IsReserved(); got != want {
			t.Errorf("Opcode(%#x).IsReserved() = %v, want %v", uint8(op), got, want)
		}
	}
}

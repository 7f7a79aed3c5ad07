package wire

// This file tests writing and reading headers.

import (
	"bytes"
	"math"
	"testing"
)

var headerCases = []struct {
	name string
	h    Header
	wire string
}{
	{"empty text", Header{Fin: true, Opcode: OpText}, "81 00"},
	{"first fragment", Header{Opcode: OpBinary, Length: 1}, "02 01"},
	{"last fragment", Header{Fin: true, Length: 5}, "80 05"},
	{"all reserved bits", Header{Fin: true, RSV: 0x70, Opcode: OpClose}, "F8 00"},
	{"RSV1", Header{Fin: true, RSV: 0x40, Opcode: OpText, Length: 7}, "C1 07"},
	{"RSV2", Header{Fin: true, RSV: 0x20, Opcode: OpText, Length: 7}, "A1 07"},
	{"RSV3", Header{Fin: true, RSV: 0x10, Opcode: OpText, Length: 7}, "91 07"},
	{"reserved opcode", Header{Fin: true, Opcode: 0xF}, "8F 00"},
	{"masked", Header{Fin: true, Opcode: OpText, Masked: true, Key: [4]byte{0x37, 0xFA, 0x21, 0x3D}, Length: 5}, "81 85 37 FA 21 3D"},
	{"125 bytes", Header{Fin: true, Opcode: OpBinary, Length: 125}, "82 7D"},
	{"126 bytes", Header{Fin: true, Opcode: OpBinary, Length: 126}, "82 7E 00 7E"},
	{"256 bytes", Header{Fin: true, Opcode: OpBinary, Length: 256}, "82 7E 01 00"},
	{"65535 bytes", Header{Fin: true, Opcode: OpBinary, Length: 65535}, "82 7E FF FF"},
	{"65536 bytes", Header{Fin: true, Opcode: OpBinary, Length: 65536}, "82 7F 00 00 00 00 00 01 00 00"},
	{"2^60 bytes", Header{Fin: true, Opcode: OpBinary, Length: 1 << 60}, "82 7F 10 00 00 00 00 00 00 00"},
	{"longest", Header{Fin: true, Opcode: OpBinary, Length: math.MaxInt64}, "82 7F 7F FF FF FF FF FF FF FF"},
	{"masked, 16 bits", Header{Fin: true, Opcode: OpPong, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: 300}, "8A FE 01 2C 01 02 03 04"},
	{"masked, 64 bits", Header{Fin: true, Opcode: OpPong, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: 70000}, "8A FF 00 00 00 00 00 01 11 70 01 02 03 04"},
}

// req: 6455-5.2-01 6455-5.2-11 6455-5.3-05
func TestAppendHeader(t *testing.T) {
	for _, tc := range headerCases {
		t.Run(tc.name, func(t *testing.T) {
			want := unhex(t, tc.wire)
			got := AppendHeader([]byte("before"), tc.h)
			if !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Errorf("AppendHeader = % X, want % X after what was there", got, want)
			}
		})
	}
}

// req: 6455-5.2-07 6455-5.2-08 6455-5.2-09
func TestParseHeader(t *testing.T) {
	for _, tc := range headerCases {
		t.Run(tc.name, func(t *testing.T) {
			raw := unhex(t, tc.wire)
			for _, extra := range []int{0, 1, 20} {
				p := append(bytes.Clone(raw), make([]byte, extra)...)
				h, n, err := ParseHeader(p)
				if err != nil || n != len(raw) || h != tc.h {
					t.Errorf("ParseHeader(% X) = %+v, %d, %v, want %+v, %d", p, h, n, err, tc.h, len(raw))
				}
			}
			for i := range raw {
				h, n, err := ParseHeader(raw[:i])
				if err != nil || n != 0 || h != (Header{}) {
					t.Errorf("ParseHeader(% X) = %+v, %d, %v, want that more is needed", raw[:i], h, n, err)
				}
			}
		})
	}
}

// req: 6455-5.2-10 6455-5.2-12
func TestParseHeaderRefuses(t *testing.T) {
	for _, tc := range []struct{ name, wire string }{
		{"top bit of the length", "82 7F 80 00 00 00 00 00 00 00"},
		{"all bits of the length", "82 7F FF FF FF FF FF FF FF FF"},
		{"0 in 16 bits", "82 7E 00 00"},
		{"125 in 16 bits", "82 7E 00 7D"},
		{"5 in 64 bits", "82 7F 00 00 00 00 00 00 00 05"},
		{"65535 in 64 bits", "82 7F 00 00 00 00 00 00 FF FF"},
		{"masked, 124 in 16 bits", "82 FE 00 7C"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, n, err := ParseHeader(unhex(t, tc.wire))
			if codeOf(t, err) != StatusProtocolError || sectionOf(err) != "RFC 6455 §5.2" {
				t.Errorf("error %v, want a protocol error of RFC 6455 §5.2", err)
			}
			if n != 0 || h != (Header{}) {
				t.Errorf("ParseHeader = %+v, %d with the error, want nothing", h, n)
			}
		})
	}
}

// An accepted header is what AppendHeader writes.
func FuzzParseHeader(f *testing.F) {
	for _, tc := range headerCases {
		f.Add(unhex(f, tc.wire))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		h, n, err := ParseHeader(p)
		switch {
		case err != nil:
			if codeOf(t, err) != StatusProtocolError || n != 0 {
				t.Fatalf("ParseHeader(% X) = %d, %v", p, n, err)
			}
		case n == 0:
			if len(p) >= MaxHeader {
				t.Fatalf("ParseHeader wants more than % X", p)
			}
		default:
			if again := AppendHeader(nil, h); !bytes.Equal(again, p[:n]) {
				t.Fatalf("ParseHeader(% X) = %+v, %d; written again % X", p, h, n, again)
			}
		}
	})
}

package wire

// This file tests cutting bytes into frames.

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// decodedFrame is a frame put together from its pieces.
type decodedFrame struct {
	header  Header
	payload string
	done    bool
}

// decode feeds the parts to d and puts the frames together. It checks what must hold
// for pieces of any input.
func decode(t testing.TB, d *Decoder, parts [][]byte) ([]decodedFrame, error) {
	t.Helper()
	var frames []decodedFrame
	open := false
	for _, p := range parts {
		for {
			given := len(p)
			pc, n, ok, err := d.Next(p)
			if err != nil {
				if ok || n != 0 {
					t.Fatalf("Next = n %d, ok %v along with error %v", n, ok, err)
				}
				if _, _, _, again := d.Next(p); again != err {
					t.Fatalf("error %v, then %v", err, again)
				}
				return frames, err
			}
			if !ok {
				if n != given {
					t.Fatalf("Next took %d of %d bytes and gave no piece", n, given)
				}
				break
			}
			p = p[n:]
			if pc.Start == open {
				t.Fatalf("piece %+v: Start = %v inside a frame = %v", pc, pc.Start, open)
			}
			if pc.Start {
				frames = append(frames, decodedFrame{header: pc.Header})
			}
			f := &frames[len(frames)-1]
			if pc.Header != f.header {
				t.Fatalf("header %+v in a frame with header %+v", pc.Header, f.header)
			}
			if pc.Offset != uint64(len(f.payload)) {
				t.Fatalf("piece at offset %d, want %d", pc.Offset, len(f.payload))
			}
			if len(pc.Payload) == 0 && !pc.Start {
				t.Fatalf("empty piece %+v inside a frame", pc)
			}
			f.payload += string(pc.Payload)
			if want := uint64(len(f.payload)) == f.header.Length; pc.End != want {
				t.Fatalf("piece %+v: End = %v, want %v", pc, pc.End, want)
			}
			f.done = pc.End
			open = !pc.End
		}
	}
	return frames, nil
}

// req: 6455-5.2-07 6455-5.2-08 6455-5.2-09 6455-5.5.1-01 6455-5.5.2-01 6455-5.6-04
func TestDecoder(t *testing.T) {
	for _, tc := range []struct {
		name string
		d    Decoder
		in   string
		want []decodedFrame
	}{
		{"text", Decoder{}, "81 05 48 65 6C 6C 6F", []decodedFrame{
			{Header{Fin: true, Opcode: OpText, Length: 5}, "Hello", true},
		}},
		{"all six opcodes", Decoder{}, "01 01 61 80 01 62 82 01 63 89 01 64 8A 01 65 88 02 03 E8", []decodedFrame{
			{Header{Opcode: OpText, Length: 1}, "a", true},
			{Header{Fin: true, Length: 1}, "b", true},
			{Header{Fin: true, Opcode: OpBinary, Length: 1}, "c", true},
			{Header{Fin: true, Opcode: OpPing, Length: 1}, "d", true},
			{Header{Fin: true, Opcode: OpPong, Length: 1}, "e", true},
			{Header{Fin: true, Opcode: OpClose, Length: 2}, "\x03\xE8", true},
		}},
		{"empty frames", Decoder{}, "82 00 02 00 00 00 80 00", []decodedFrame{
			{Header{Fin: true, Opcode: OpBinary}, "", true},
			{Header{Opcode: OpBinary}, "", true},
			{Header{}, "", true},
			{Header{Fin: true}, "", true},
		}},
		{"longest control frame", Decoder{}, "89 7D FE*125 81 00", []decodedFrame{
			{Header{Fin: true, Opcode: OpPing, Length: 125}, strings.Repeat("\xFE", 125), true},
			{Header{Fin: true, Opcode: OpText}, "", true},
		}},
		{"16 bits", Decoder{}, "82 7E 01 00 07*256 81 00", []decodedFrame{
			{Header{Fin: true, Opcode: OpBinary, Length: 256}, strings.Repeat("\a", 256), true},
			{Header{Fin: true, Opcode: OpText}, "", true},
		}},
		{"64 bits, unfinished", Decoder{}, "82 7F 00 00 00 00 00 01 00 00 07*20", []decodedFrame{
			{Header{Fin: true, Opcode: OpBinary, Length: 65536}, strings.Repeat("\a", 20), false},
		}},
		{"only a header", Decoder{}, "82 7F 10 00 00 00 00 00 00 00", []decodedFrame{
			{Header{Fin: true, Opcode: OpBinary, Length: 1 << 60}, "", false},
		}},
		{"half a header", Decoder{}, "82 01 61 82 7E 01", []decodedFrame{
			{Header{Fin: true, Opcode: OpBinary, Length: 1}, "a", true},
		}},
		{"payload like a key", Decoder{}, "82 04 00 00 00 00 81 01 61", []decodedFrame{
			{Header{Fin: true, Opcode: OpBinary, Length: 4}, "\x00\x00\x00\x00", true},
			{Header{Fin: true, Opcode: OpText, Length: 1}, "a", true},
		}},
		{"RSV1 allowed", Decoder{AllowRSV: 0x40}, "C1 01 61 42 01 62 80 01 63", []decodedFrame{
			{Header{Fin: true, RSV: 0x40, Opcode: OpText, Length: 1}, "a", true},
			{Header{RSV: 0x40, Opcode: OpBinary, Length: 1}, "b", true},
			{Header{Fin: true, Length: 1}, "c", true},
		}},
		{"server unmasks", Decoder{Role: Server}, "81 85 37 FA 21 3D 7F 9F 4D 51 58 89 80 01 02 03 04", []decodedFrame{
			{Header{Fin: true, Opcode: OpText, Masked: true, Key: frameKey, Length: 5}, "Hello", true},
			{Header{Fin: true, Opcode: OpPing, Masked: true, Key: [4]byte{1, 2, 3, 4}}, "", true},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachCut(unhex(t, tc.in), func(name string, parts [][]byte) {
				d := tc.d
				got, err := decode(t, &d, parts)
				if err != nil || !reflect.DeepEqual(got, tc.want) {
					t.Errorf("cut %s:\n got %+v, %v\nwant %+v", name, got, err, tc.want)
				}
			})
		})
	}
}

// req: 6455-5.1-03 6455-5.2-03 6455-5.2-04 6455-5.2-05 6455-5.2-10 6455-5.2-12 6455-5.4-06 6455-5.5-02
func TestDecoderRefuses(t *testing.T) {
	type refusal struct {
		name    string
		d       Decoder
		in      string
		section string
		what    string // in the error
	}
	cases := []refusal{
		{"RSV1", Decoder{}, "C1 05 48 65 6C 6C 6F", "§5.2", "reserved bits 0x40 in a text frame"},
		{"RSV2", Decoder{}, "A1 01 61", "§5.2", "reserved bits 0x20"},
		{"RSV3", Decoder{}, "91 01 61", "§5.2", "reserved bits 0x10"},
		{"RSV2 and 3", Decoder{}, "B1 01 61", "§5.2", "reserved bits 0x30"},
		{"ping with RSV2", Decoder{}, "A9 00", "§5.2", "reserved bits 0x20 in a ping frame"},
		{"pong with RSV3", Decoder{}, "9A 00", "§5.2", "reserved bits 0x10 in a pong frame"},
		{"close with all RSV", Decoder{}, "F8 00", "§5.2", "reserved bits 0x70 in a close frame"},
		{"RSV2 where RSV1 is allowed", Decoder{AllowRSV: 0x40}, "E1 01 61", "§5.2", "reserved bits"},
		{"RSV1 in a ping where it is allowed in data", Decoder{AllowRSV: 0x40}, "C9 00", "§5.2", "reserved bits"},
		{"RSV1 in a continuation where it is allowed in data", Decoder{AllowRSV: 0x40}, "C0 00", "§5.2", "reserved bits"},
		{"masked text", Decoder{}, "81 85 37 FA 21 3D 7F 9F 4D 51 58", "§5.1", "masked frame from the server"},
		{"masked ping", Decoder{}, "89 80 00 00 00 00", "§5.1", "masked frame from the server"},
		{"masked continuation", Decoder{}, "80 81 00 00 00 00 62", "§5.1", "masked frame from the server"},
		{"unmasked to a server", Decoder{Role: Server}, "81 05 48 65 6C 6C 6F", "§5.1", "unmasked frame from the client"},
		{"top bit of the length", Decoder{}, "82 7F 80 00 00 00 00 00 00 00", "§5.2", "top bit"},
		{"124 in 16 bits", Decoder{}, "82 7E 00 7C 00*124", "§5.2", "shortest form"},
		{"5 in 64 bits", Decoder{}, "82 7F 00 00 00 00 00 00 00 05 00*5", "§5.2", "shortest form"},
		{"fragmented ping", Decoder{}, "09 01 61", "§5.5", "fragmented ping"},
		{"fragmented pong", Decoder{}, "0A 00", "§5.5", "fragmented pong"},
		{"fragmented close", Decoder{}, "08 02 03 E8", "§5.5", "fragmented close"},
		{"long ping, header only", Decoder{}, "89 7E 00 7E", "§5.5", "ping frame with more than 125 bytes"},
		{"long pong", Decoder{}, "8A 7E 00 7E 00*126", "§5.5", "pong frame with more than 125 bytes"},
		{"long close", Decoder{}, "88 7E 00 7E 03 E8 61*124", "§5.5", "close frame with more than 125 bytes"},
		{"very long ping", Decoder{}, "89 7F 00 00 00 00 00 01 00 00", "§5.5", "ping frame with more than 125 bytes"},
	}
	for _, op := range []int{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		what := fmt.Sprintf("reserved opcode %#x", op)
		cases = append(cases,
			refusal{what, Decoder{}, fmt.Sprintf("8%X 00", op), "§5.2", what},
			refusal{what + " with payload", Decoder{}, fmt.Sprintf("8%X 05 61*5", op), "§5.2", what})
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			// The frame before is returned, the ping after is not.
			frame := func(op Opcode) []byte {
				if tc.d.Role == Server {
					return AppendFrame(nil, true, 0, op, frameKey, []byte("a"))
				}
				return AppendServerFrame(nil, true, 0, op, []byte("a"))
			}
			in := append(frame(OpText), unhex(t, tc.in)...)
			in = append(in, frame(OpPing)...)
			eachCut(in, func(name string, parts [][]byte) {
				d := tc.d
				frames, err := decode(t, &d, parts)
				if codeOf(t, err) != StatusProtocolError || sectionOf(err) != "RFC 6455 "+tc.section ||
					!strings.Contains(err.Error(), tc.what) {
					t.Errorf("cut %s: error %v, want %q of %s", name, err, tc.what, tc.section)
				}
				if len(frames) != 1 || frames[0].payload != "a" {
					t.Errorf("cut %s: frames %+v, want one with a", name, frames)
				}
			})
		})
	}
}

// A violation in the first two bytes is an error before the rest of the header comes.
//
// req: 6455-5.5-02
func TestDecoderRefusesEarly(t *testing.T) {
	for _, in := range []string{"83 7F", "C1 7E", "81 FF", "89 7E", "09 7D"} {
		var d Decoder
		if _, _, _, err := d.Next(unhex(t, in)); err == nil {
			t.Errorf("Next(%s) gave no error", in)
		}
	}
}

// The first piece comes with the header, before any payload.
func TestDecoderHeaderFirst(t *testing.T) {
	var d Decoder
	pc, n, ok, err := d.Next(unhex(t, "82 05"))
	want := Piece{Header: Header{Fin: true, Opcode: OpBinary, Length: 5}, Payload: []byte{}, Start: true}
	if err != nil || !ok || n != 2 || !reflect.DeepEqual(pc, want) {
		t.Fatalf("Next = %+v, %d, %v, %v, want %+v", pc, n, ok, err, want)
	}
	if pc, n, ok, err := d.Next(nil); ok || n != 0 || err != nil {
		t.Fatalf("Next(nil) = %+v, %d, %v, %v, want nothing", pc, n, ok, err)
	}
	in := []byte("abcdefg")
	pc, n, ok, err = d.Next(in)
	if err != nil || !ok || n != 5 || string(pc.Payload) != "abcde" || pc.Start || !pc.End {
		t.Fatalf("Next = %+v, %d, %v, %v, want the payload", pc, n, ok, err)
	}
	if &pc.Payload[0] != &in[0] || cap(pc.Payload) != 5 {
		t.Error("the payload is not a slice of the input with no capacity after it")
	}
}

func TestRoleString(t *testing.T) {
	if Client.String() != "client" || Server.String() != "server" {
		t.Errorf("got %q and %q", Client, Server)
	}
}

func TestDecoderAllocs(t *testing.T) {
	in := AppendServerFrame(nil, true, 0, OpBinary, bytes.Repeat([]byte("x"), 300))
	var d Decoder
	if got := testing.AllocsPerRun(100, func() {
		for _, p := range [][]byte{in[:1], in[1:3], in[3:50], in[50:]} {
			for len(p) > 0 {
				_, n, _, err := d.Next(p)
				if err != nil {
					t.Fatal(err)
				}
				p = p[n:]
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// However the input is cut, the frames and the error are the same.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		"81 05 48 65 6C 6C 6F 89 00", "82 7E 01 00 07*256 81 00", "C1 01 61 83 00", "01 00 00 00 80 01 61",
		"82 7F 00 00 00 00 00 01 00 00 07*20", "82 7F FF FF FF FF FF FF FF FF",
	} {
		f.Add(unhex(f, s), false, uint8(0), 3)
	}
	f.Add(unhex(f, "81 85 37 FA 21 3D 7F 9F 4D 51 58 89 80 01 02 03 04"), true, uint8(0), 7)
	f.Fuzz(func(t *testing.T, in []byte, server bool, rsv uint8, size int) {
		start := Decoder{AllowRSV: rsv & rsvBits}
		if server {
			start.Role = Server
		}
		d := start
		want, wantErr := decode(t, &d, [][]byte{bytes.Clone(in)})
		for _, size := range []int{1, max(1, min(size, len(in)))} {
			d := start
			got, err := decode(t, &d, cut(bytes.Clone(in), size))
			if !reflect.DeepEqual(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("in parts of %d bytes:\n got %+v, %v\nwant %+v, %v", size, got, err, want, wantErr)
			}
		}
	})
}

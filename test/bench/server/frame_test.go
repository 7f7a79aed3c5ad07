package server

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/dandelionws/dandelion/test/bench/payload"
)

// masked returns a frame as a client sends it.
func masked(first byte, p []byte, key [4]byte) []byte {
	b := AppendHeader(nil, first, len(p))
	b[1] |= bitMask
	b = append(b, key[:]...)
	for i, c := range p {
		b = append(b, c^key[i&3])
	}
	return b
}

func TestParseAndUnmask(t *testing.T) {
	key := [4]byte{1, 2, 3, 4}
	for _, size := range []int{0, 1, 7, 125, 126, 4095, 4096, 4099, 65535, 65536, 100_000} {
		p := payload.Make(payload.Mixed, size)
		frame := masked(bitFin|byte(payload.Text), p, key)
		h, ok := parse(frame)
		if !ok || h.body != size || h.key != binary.LittleEndian.Uint32(key[:]) || h.size != len(frame)-size {
			t.Errorf("%d bytes: got %+v, %v", size, h, ok)
		}
		if got := appendUnmasked([]byte("x"), frame[h.size:], h.key); !bytes.Equal(got[1:], p) {
			t.Errorf("%d bytes: payload differs", size)
		}
		for n := range h.size {
			if _, ok := parse(frame[:n]); ok {
				t.Errorf("%d bytes: header was complete after %d of %d bytes", size, n, h.size)
			}
		}
	}
}

// stream gives its input in pieces and keeps what is written.
type stream struct {
	in  []byte
	cut int
	out bytes.Buffer
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, bytes.ErrTooLarge
	}
	n := copy(p, s.in[:min(s.cut, len(s.in))])
	s.in = s.in[n:]
	return n, nil
}

func (s *stream) Write(p []byte) (int, error) { return s.out.Write(p) }

func TestEchoInPieces(t *testing.T) {
	key := [4]byte{9, 8, 7, 6}
	var in, want []byte
	for _, size := range []int{5, 3000, 20_000, 0, 126} {
		p := payload.Make(payload.ASCII, size)
		in = append(in, masked(bitFin|byte(payload.Binary), p, key)...)
		want = AppendFrame(want, byte(payload.Binary), p)
	}
	for _, cut := range []int{1, 13, 1000, len(in)} {
		s := &stream{in: in, cut: cut}
		echo(s)
		if !bytes.Equal(s.out.Bytes(), want) {
			t.Errorf("pieces of %d: echo differs", cut)
		}
	}
}

func TestSinkInPieces(t *testing.T) {
	key := [4]byte{9, 8, 7, 6}
	var in []byte
	total := Counts{}
	for _, size := range []int{5, 300_000, 0, 126, 70_000} {
		in = append(in, masked(bitFin|byte(payload.Binary), make([]byte, size), key)...)
		total.Messages++
		total.Bytes += int64(size)
	}
	in = append(in, masked(byte(payload.Binary), make([]byte, 10), key)...) // a message in two frames
	in = append(in, masked(bitFin, make([]byte, SinkEnd), key)...)
	total.Messages++
	total.Bytes += 10 + SinkEnd
	in = append(in, masked(bitFin|byte(payload.Text), make([]byte, SinkEnd), key)...)
	for _, cut := range []int{1, 13, 100_000, len(in)} {
		s := &stream{in: in, cut: cut}
		sink(s)
		got := s.out.Bytes()
		if len(got) != 2+CountsSize {
			t.Fatalf("pieces of %d: got %d bytes", cut, len(got))
		}
		if c := ParseCounts(got[2:]); c != total {
			t.Errorf("pieces of %d: got %+v, want %+v", cut, c, total)
		}
	}
}

func TestFloodOf(t *testing.T) {
	for _, size := range []int{1, 128, 64 << 10, writeSize, writeSize + 1, 1 << 20} {
		part := payload.Make(payload.ASCII, min(size, writeSize))
		var b bytes.Buffer
		n, err := floodOf(byte(payload.Binary), part, size)(&b)
		if err != nil {
			t.Fatal(err)
		}
		frame := len(AppendHeader(nil, 0, size)) + size
		if b.Len() != n*frame {
			t.Errorf("%d bytes: got %d bytes for %d messages of %d", size, b.Len(), n, frame)
		}
		if size > 0xFFFF && binary.BigEndian.Uint64(b.Bytes()[2:]) != uint64(size) {
			t.Errorf("%d bytes: the header says something else", size)
		}
	}
}

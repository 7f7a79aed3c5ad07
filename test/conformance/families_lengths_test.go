package conformance_test

// This file tests families of cases: messages of all lengths, in all pieces, there and back.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// textOf returns valid UTF-8 of that many bytes, with characters of all lengths.
func textOf(size int) []byte {
	text := stretch([]byte("aß€😀 Grüße, 日本語, κόσμε. "), size)[:size]
	for n := size; n > 0; n-- {
		if r, _ := utf8.DecodeLastRune(text[:n]); r != utf8.RuneError {
			break
		}
		text[n-1] = '.' // of the character that was cut
	}
	return text
}

// dataOf returns a payload of that kind.
func dataOf(kind messages.Kind, size int) []byte {
	if kind == messages.KindText {
		return textOf(size)
	}
	return pattern(size)
}

// echo echoes what the client receives, until the connection ends.
func (s *session) echo() {
	for {
		msg, err := s.client.Read(s.ctx)
		if err == nil {
			err = s.client.Write(s.ctx, msg)
		}
		if err != nil {
			return
		}
	}
}

// expectEcho reads one message in one frame.
func (s *session) expectEcho(kind messages.Kind, want []byte) {
	s.Helper()
	f := s.server.ReadFrame()
	if !f.Fin || f.Opcode != kind.Opcode() || !bytes.Equal(f.Payload, want) {
		s.Fatalf("got %v, want %v [%s]", f, kind, show(want))
	}
}

// Lengths at the bounds of the three forms, up to 16 MiB, as text and as binary, in one
// piece, byte by byte and in random pieces; the client echoes each.
//
// req: 6455-5.2-09 6455-5.2-11 6455-6.2-01
func TestLengthFamily(t *testing.T) {
	type split func(p []byte) []int // the sizes of pieces; the rest is another piece
	random := func(most int) split {
		return func(p []byte) (sizes []int) {
			r := rand.New(rand.NewPCG(6, uint64(len(p))))
			for n := len(p); n > 0; {
				size := 1 + r.IntN(min(n, most))
				sizes = append(sizes, size)
				n -= size
			}
			return sizes
		}
	}
	whole := func([]byte) []int { return nil }
	// Sending all of a large message byte by byte would take minutes: if it is much longer
	// than this, only its two ends are sent so.
	const bytewise = 32 << 10
	bytes := func(p []byte) []int {
		if len(p) <= 3*bytewise {
			return slices.Repeat([]int{1}, len(p))
		}
		ones := slices.Repeat([]int{1}, bytewise)
		return slices.Concat(ones, random(bytewise)(p[bytewise:len(p)-bytewise]), ones)
	}
	const large = 16 << 20
	short := []int{0, 1, 2, 124, 125, 126, 127, 128, 255, 256}
	sizes := append(short[:len(short):len(short)], 65534, 65535, 65536, 65537)
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name  string
			kind  messages.Kind
			split split
			sizes []int
		}{
			{"text, one piece", messages.KindText, whole, sizes},
			{"text, byte by byte", messages.KindText, bytes, append(short[:len(short):len(short)], 65536)},
			{"text, random pieces", messages.KindText, random(100 << 10), append(sizes[:len(sizes):len(sizes)], large)},
			{"binary, one piece", messages.KindBinary, whole, append(sizes[:len(sizes):len(sizes)], large)},
			{"binary, byte by byte", messages.KindBinary, bytes, append(short[:len(short):len(short)], 65535, large)},
			{"binary, random pieces", messages.KindBinary, random(1 << 10), sizes},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{unread: true})
				go s.echo()
				for _, size := range c.sizes {
					data := dataOf(c.kind, size)
					p := frame(true, c.kind.Opcode(), data)
					s.writeParts(p, c.split(p))
					s.expectEcho(c.kind, data)
				}
			})
		}
	})
}

// Messages of up to 16 MiB in fragments of 64 B to 256 KiB, with a ping between two of
// them, in both directions.
//
// req: 6455-5.4-02 6455-5.4-13
func TestFragmentSizeFamily(t *testing.T) {
	const MiB = 1 << 20
	// Sending alternates with the writer for each fragment, so fewer sizes are tried.
	const sentFragments, sentBytes = 2 << 10, 2 * MiB
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			kind     messages.Kind
			size     int
			fragment int
		}{
			{messages.KindText, MiB / 4, 64},
			{messages.KindBinary, 16 * MiB, 64},
			{messages.KindBinary, MiB, 256},
			{messages.KindText, MiB, 1 << 10},
			{messages.KindBinary, 4 * MiB, 4 << 10},
			{messages.KindBinary, 4 * MiB, 16 << 10},
			{messages.KindText, 4 * MiB, 64 << 10},
			{messages.KindBinary, 16 * MiB, 256 << 10},
		} {
			l.Case(fmt.Sprintf("%v of %d bytes in fragments of %d", c.kind, c.size, c.fragment), func(l *lab) {
				s := l.open(setup{unread: true, client: limits(wire.Limits{MaxFragments: -1})})
				data := dataOf(c.kind, c.size)

				// To the client, which echoes it in one frame.
				var p []byte
				op := c.kind.Opcode()
				for rest := data; len(rest) > 0; op = wire.OpContinuation {
					n := min(c.fragment, len(rest))
					p = append(p, frame(n == len(rest), op, rest[:n])...)
					if rest = rest[n:]; len(rest) == c.size/c.fragment/2*c.fragment {
						p = append(p, frame(true, wire.OpPing, []byte("in the middle"))...)
					}
				}
				go s.echo()
				s.writeParts(p, slices.Repeat([]int{64 << 10}, len(p)/(64<<10)))
				s.server.ExpectPong([]byte("in the middle"))
				s.expectEcho(c.kind, data)

				// From the client, in fragments of the same size.
				data = data[:min(c.size, sentFragments*c.fragment, sentBytes)]
				if c.kind == messages.KindText {
					data = textOf(len(data))
				}
				sent := make(chan error, 1)
				go func() {
					w := s.client.Writer(s.ctx, c.kind)
					for p := range slices.Chunk(data, c.fragment) {
						if _, err := w.Write(p); err != nil {
							sent <- err
							return
						}
					}
					sent <- w.Close()
				}()
				got := make([]byte, 0, len(data))
				for last := false; !last; {
					f := s.server.ReadFrame()
					got = append(got, f.Payload...)
					last = f.Fin
				}
				s.check(<-sent)
				if !bytes.Equal(got, data) {
					s.Errorf("got %s, want %s", show(got), show(data))
				}
			})
		}
	})
}

// A message that is announced and never comes costs little, however large it may be.
//
// req: 6455-10.4-01
func TestAnnouncedLengthCostsNothing(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{client: limits(wire.Limits{MaxMessage: -1})})
		before := heap()
		s.server.WriteRaw(append(wstest.Hex("82 7F 0000010000000000"), make([]byte, 1<<10)...)) // 1 TiB
		s.server.Stall(1)
		if after := heap(); after > before+1<<20 {
			s.Errorf("the heap has grown from %d to %d bytes, want less than 1 MiB more", before, after)
		}
	})
}

// writeParts writes p in pieces of these sizes, then the rest, without a line for each in
// the transcript.
func (s *session) writeParts(p []byte, sizes []int) {
	s.Helper()
	stream := s.server.Stream()
	for _, part := range cut(p, sizes) {
		if len(part) == 0 {
			continue
		}
		if _, err := stream.Write(part); err != nil {
			s.Fatalf("writing to the client: %v", err)
		}
	}
}

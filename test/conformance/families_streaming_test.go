package conformance_test

// This file tests families of cases: receiving with Options.Streaming.

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// streaming returns the options of a client that gets the parts of messages as they arrive.
func streaming(l wire.Limits) dandelion.Options {
	opts := limits(l)
	opts.Streaming = true
	return opts
}

// expectStreamed waits for a message in any number of parts.
func (s *session) expectStreamed(kind messages.Kind, want []byte) (parts int) {
	s.Helper()
	var got []byte
	for final := false; !final; parts++ {
		r := s.next(fmt.Sprintf("part %d of a %v message [%s]", parts, kind, show(want)))
		if r.err != nil || r.Kind() != kind || r.First() != (parts == 0) {
			s.Fatalf("part %d: got %v, first %v, error %v; want %v, first %v", parts, r.Kind(), r.First(), r.err, kind, parts == 0)
		}
		got = append(got, r.Bytes()...)
		final = r.Final()
	}
	if !bytes.Equal(got, want) {
		s.Fatalf("got %s in %d parts, want %s", show(got), parts, show(want))
	}
	return parts
}

// Streamed messages arrive whole and in order, however they are cut; control frames
// between their parts are handled at once.
//
// req: 6455-5.4-14 6455-5.4-13
func TestStreamedMessages(t *testing.T) {
	bubble(t, func(l *lab) {
		for seed := range uint64(20) {
			l.Case(fmt.Sprint("seed ", seed), func(l *lab) {
				r := rand.New(rand.NewPCG(seed, 14))
				s := l.open(setup{client: streaming(wire.Limits{})})
				for n := range 20 {
					kind := []messages.Kind{messages.KindText, messages.KindBinary}[r.IntN(2)]
					data := dataOf(kind, r.IntN(1<<r.IntN(17)))
					var p []byte
					op := kind.Opcode()
					for rest := data; ; op = wire.OpContinuation {
						n := r.IntN(len(rest) + 1)
						last := n == len(rest)
						p = append(p, frame(last, op, rest[:n])...)
						if last {
							break
						}
						rest = rest[n:]
						if r.IntN(4) == 0 {
							p = append(p, frame(true, wire.OpPong, nil)...)
						}
					}
					var sizes []int
					for left := len(p); left > 0; {
						size := 1 + r.IntN(left)
						sizes = append(sizes, size)
						left -= size
					}
					ping := fmt.Appendf(nil, "ping %d", n)
					written := s.server.Go(func(*wstest.Conn) { s.writeParts(p, sizes) })
					s.expectStreamed(kind, data)
					written.Wait()
					s.server.SendPing(ping)
					s.server.ExpectPong(ping)
				}
				s.closeFromServer()
			})
		}
	})
}

// The part of a message that has arrived is delivered before the rest: at the end of a
// fragment, inside a frame, inside a character.
//
// req: 6455-5.4-14
func TestStreamedPartsComeAtOnce(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{client: streaming(wire.Limits{})})
		for _, c := range []struct {
			hex         string
			want        string
			first, last bool
		}{
			{"01 05 48656C6C6F", "Hello", true, false},
			{"00 04 20", " ", false, false},
			{"E2", "\xE2", false, false}, // a part may end inside a character
			{"82", "\x82", false, false},
			{"AC", "\xAC", false, false},
			{"89 00, 80 01 21", "!", false, true},
			{"81 01 61", "a", true, true},
			{"82 02 01", "\x01", true, false},
			{"02", "\x02", false, true},
		} {
			s.server.WriteRaw(wstest.Hex(c.hex))
			r := s.next(c.want)
			if r.err != nil || string(r.Bytes()) != c.want || r.First() != c.first || r.Final() != c.last {
				s.Errorf("%s: got %q, first %v, final %v, error %v; want %q, first %v, final %v",
					c.hex, r.Bytes(), r.First(), r.Final(), r.err, c.want, c.first, c.last)
			}
			s.expectNothing(time.Second)
		}
		s.server.ExpectPong(nil)
		s.closeFromServer()
	})
}

// UTF-8 is checked across the parts: the stress set, split at every byte, fails the
// connection as soon as it is certain; the part before is delivered.
//
// req: 6455-8.1-01 6455-8.1-04
func TestStreamedUTF8(t *testing.T) {
	bubble(t, func(l *lab) {
		for i, text := range decoderStress() {
			p := []byte(text)
			for at := i % 3; at <= len(p); at += 3 { // all splits are in the set without streaming
				l.Case(fmt.Sprintf("% X, split at %d", p, at), func(l *lab) {
					s := l.open(setup{bare: true, client: streaming(wire.Limits{})})
					s.server.WriteFrame(wire.Header{Opcode: wire.OpText}, p[:at])
					if hopeful(p[:at]) {
						r := s.next("the first part")
						if r.err != nil || !bytes.Equal(r.Bytes(), p[:at]) || !r.First() || r.Final() {
							s.Fatalf("got [%s], error %v; want [% X]", show(r.Bytes()), r.err, p[:at])
						}
						s.server.WriteFrame(wire.Header{}, p[at:])
					}
					s.expectFailed(wire.StatusInvalidPayload)
				})
			}
		}
		for _, text := range decoderValid() {
			l.Case(fmt.Sprintf("% X", text), func(l *lab) {
				s := l.open(setup{bare: true, client: streaming(wire.Limits{})})
				for at := range len(text) + 1 {
					s.server.SendFragments(wire.OpText, []byte(text[:at]), []byte(text[at:]))
					s.expectStreamed(messages.KindText, []byte(text))
				}
				s.closeFromServer()
			})
		}
	})
}

// By default a streamed message has no limit, as nothing is stored; limits that are set
// hold.
//
// req: 6455-10.4-03
func TestStreamedLimits(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name   string
			limits wire.Limits
			hex    string
			what   string
		}{
			{"message size, one frame", wire.Limits{MaxMessage: 3}, "82 04", "message size"},
			{"message size, fragments", wire.Limits{MaxMessage: 3}, "02 02 0102, 00 02", "message size"},
			{"frame size", wire.Limits{MaxFrame: 3}, "82 04", "frame size"},
			{"number of fragments", wire.Limits{MaxFragments: 2}, "02 00, 00 00, 00", "number of fragments"},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{unread: true, client: streaming(c.limits)})
				s.server.WriteRaw(wstest.Hex(c.hex))
				if c.what == "number of fragments" {
					s.server.ExpectSilence(time.Second)
					s.server.WriteRaw([]byte{0})
				}
				s.server.ExpectFailure(wire.StatusMessageTooBig)
				var limit *wire.LimitError
				<-s.client.Done()
				if !errors.As(s.client.Err(), &limit) || limit.What != c.what {
					s.Errorf("got %v, want the limit of the %s", s.client.Err(), c.what)
				}
			})
		}
		l.Case("none by default", func(l *lab) {
			s := l.open(setup{client: streaming(wire.Limits{})})
			s.server.WriteRaw(wstest.Hex("82 7F 7FFFFFFFFFFFFFFF 61"))
			if r := s.next("a byte"); r.err != nil || string(r.Bytes()) != "a" {
				s.Errorf("got [%s], error %v; want a", show(r.Bytes()), r.err)
			}
			s.server.ExpectSilence(time.Second)
		})
	})
}

// A text of 1 GiB passes through less than 32 MiB of memory, in one frame and in
// fragments, to Read and to a handler.
//
// req: 6455-10.4-02 6455-5.4-14
func TestStreamedMemory(t *testing.T) {
	const bound = 32 << 20
	size := int64(1 << 30)
	if raceDetector {
		size = 32 << 20 // the detector takes a minute for 1 GiB; memory is bounded just the same
	}
	block := textOf(256 << 10)
	for _, c := range []struct {
		name     string
		fragment int64
		handler  bool
	}{
		{"one frame, Read", size, false},
		{"fragments of 256 KiB, handler", 256 << 10, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(l *lab) {
				set := setup{unread: true, client: streaming(wire.Limits{})}
				var got int64
				var most, base uint64
				parts := 0
				final := make(chan struct{})
				take := func(kind messages.Kind, data []byte, first, last bool) {
					if kind != messages.KindText || first != (parts == 0) || last != (got+int64(len(data)) == size) {
						l.Errorf("at %d of %d: got %v, first %v, final %v", got, size, kind, first, last)
					}
					if got/(size/16) != (got+int64(len(data)))/(size/16) {
						most = max(most, heap())
					}
					parts++
					got += int64(len(data))
					if last {
						close(final)
					}
				}
				if c.handler {
					set.client.Handler = &dandelion.Handler{OnFragment: func(_ *dandelion.Client, e *messages.FragmentReceived) {
						take(e.Kind, e.Data, e.First, e.Final)
					}}
				}
				s := l.open(set)
				base = heap()
				if !c.handler {
					go func() {
						for got < size {
							msg, err := s.client.Read(s.ctx)
							if err != nil {
								s.Errorf("after %d bytes: %v", got, err)
								return
							}
							take(msg.Kind(), msg.Bytes(), msg.First(), msg.Final())
						}
					}()
				}
				stream := s.server.Stream()
				op := wire.OpText
				for sent := int64(0); sent < size; {
					header := wstest.AppendFrame(nil, wire.Header{Fin: sent+c.fragment == size, Opcode: op, Length: uint64(c.fragment)}, nil)
					_, err := stream.Write(header)
					s.check(err)
					for end := sent + c.fragment; sent < end; sent += int64(len(block)) {
						_, err := stream.Write(block)
						s.check(err)
					}
					op = wire.OpContinuation
				}
				<-final
				if most > base+bound {
					t.Errorf("the heap has grown from %d to %d MiB, want %d MiB more at most", base>>20, most>>20, bound>>20)
				}
				t.Logf("heap: %d MiB more", (most-min(most, base))>>20)
			})
		})
	}
}

package conformance_test

// This file tests fragmentation: RFC 6455 §5.4, §6.1, §6.2.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// Messages made of frames in every way are received.
func TestFragmentsReceived(t *testing.T) {
	type message struct {
		kind messages.Kind
		data string
	}
	text := func(s string) message { return message{messages.KindText, s} }
	data := func(s string) message { return message{messages.KindBinary, s} }
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name, hex string
			want      []message
		}{
			// req: 6455-5.4-01
			{"one frame", "81 05 48656C6C6F", []message{text("Hello")}},
			// req: 6455-5.4-02
			{"any number of fragments, both kinds, any sequence", `
				01 03 48656C, 80 02 6C6F
				82 01 00
				02 01 01, 00 01 02, 00 00, 00 01 03, 80 00
				01 00, 00 00, 80 00
				01 00, 80 01 61
				81 01 64`,
				[]message{text("Hello"), data("\x00"), data("\x01\x02\x03"), text(""), text("a"), text("d")}},
			// req: 6455-5.4-03
			{"all fragments have the type of the first", "02 01 FF, 80 01 FE", []message{data("\xFF\xFE")}},
			// req: 6455-6.2-04
			{"what follows the last fragment is a new message", "01 01 61, 80 01 62, 02 01 63, 80 01 64",
				[]message{text("ab"), data("cd")}},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(wstest.Hex(c.hex))
				for _, m := range c.want {
					s.expectMessage(m.kind, []byte(m.data))
				}
				s.expectNothing(time.Second)
				s.closeFromServer()
			})
		}
	})
}

// Frames in the wrong order fail the connection with 1002.
func TestFragmentViolations(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name, hex string
			before    string // a text that is delivered
		}{
			// req: 6455-5.4-06
			{"fragmented ping", "09 01 61, 80 01 62", ""},
			{"fragmented pong", "0A 00, 80 01 62", ""},
			{"fragmented close", "08 02 03E8, 80 01 62", ""},
			// req: 6455-5.4-09
			{"text inside a message", "01 01 61, 81 01 62", ""},
			{"binary inside a message", "01 01 61, 02 01 62", ""},
			// req: 6455-5.4-10
			{"final continuation of nothing", "80 01 61", ""},
			{"continuation of nothing", "00 01 61", ""},
			{"continuation of a message that is complete", "01 01 61, 80 01 62, 00 01 63", "ab"},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(wstest.Hex(c.hex))
				if c.before != "" {
					s.expectText(c.before)
				}
				s.expectFailed(wire.StatusProtocolError)
			})
		}
	})
}

// Fragments keep their order in both directions.
//
// req: 6455-5.4-07
func TestFragmentsKeepTheirOrder(t *testing.T) {
	var parts [][]byte
	for i := range 256 {
		parts = append(parts, []byte{byte(i)})
	}
	want := slicesJoin(parts...)
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.SendFragments(wire.OpBinary, parts...)
		s.expectBinary(want)

		w := s.client.Writer(s.ctx, messages.KindBinary)
		for _, p := range parts[:255] {
			_, err := w.Write(p)
			s.check(err)
		}
		s.check(w.WriteFinal(parts[255]))
		s.server.ExpectMessage(wire.OpBinary, want)
	})
}

// The same text, cut randomly in ten ways, even inside characters, is ten equal messages.
//
// req: 6455-5.4-13
func TestCutsMeanNothing(t *testing.T) {
	text := strings.Repeat("aß€😀", 100) // 1000 bytes
	if len(text) != 1000 {
		t.Fatalf("the text has %d bytes", len(text))
	}
	random := rand.New(rand.NewPCG(1, 2))
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for range 10 {
			var parts [][]byte
			for rest := []byte(text); len(rest) > 0; {
				n := min(random.IntN(40), len(rest))
				parts = append(parts, rest[:n])
				rest = rest[n:]
			}
			s.server.SendFragments(wire.OpText, parts...)
			s.expectText(text)
		}
		s.closeFromServer()
	})
}

// Control frames inside a message are handled at once.
//
// req: 6455-5.4-11
func TestControlFramesInsideAMessage(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("01 03 48656C, 89 02 7031"))
		s.server.ExpectPong([]byte("p1"))
		s.expectNothing(time.Second)
		s.server.WriteRaw(wstest.Hex("80 02 6C6F"))
		s.expectText("Hello")
		s.closeFromServer()
	})
}

// A message is received when it is complete, and not before.
//
// req: 6455-6.2-03
func TestMessageIsReceivedWhenComplete(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct{ name, first, rest string }{
			{"half a frame", "81 02 61", "62"},
			{"half of two frames", "01 01 61", "80 01 62"},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(wstest.Hex(c.first))
				s.expectNothing(100 * time.Millisecond)
				s.server.WriteRaw(wstest.Hex(c.rest))
				s.expectText("ab")
				s.expectNothing(time.Second)
				s.closeFromServer()
			})
		}
	})
}

// A ping is answered while a message is being sent.
//
// req: 6455-5.4-04
func TestPongBetweenFragments(t *testing.T) {
	const before, after = 20, 20
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		w := s.client.Writer(s.ctx, messages.KindText)
		write := func(i int) {
			_, err := w.Write(fmt.Appendf(nil, "%02d", i))
			s.check(err)
		}
		var got []wstest.Frame
		read := func(n int) {
			for range n {
				got = append(got, s.server.ReadFrame())
			}
		}
		for i := range before {
			write(i)
		}
		s.server.WriteRaw(wstest.Hex("89 01 41"))
		read(before + 1)
		for i := range after {
			write(before + i)
		}
		s.check(w.Close())
		read(after + 1)

		if pong := got[before]; pong.Opcode != wire.OpPong || string(pong.Payload) != "A" {
			s.Fatalf("frame %d is %v, want the Pong with A", before, pong)
		}
		fragments := append(got[:before:before], got[before+1:]...)
		for i, f := range fragments {
			wantOp, wantText, last := wire.OpContinuation, fmt.Sprintf("%02d", i), i == len(fragments)-1
			if i == 0 {
				wantOp = wire.OpText
			}
			if last {
				wantText = ""
			}
			if f.Opcode != wantOp || string(f.Payload) != wantText || f.Fin != last {
				s.Errorf("fragment %d is %v, want %v %q, FIN %v", i, f, wantOp, wantText, last)
			}
		}
	})
}

// Control frames are not fragmented, although the message around them is.
//
// req: 6455-5.4-05
func TestControlFramesAreNotFragmented(t *testing.T) {
	reason := strings.Repeat("r", 123)
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		w := s.client.Writer(s.ctx, messages.KindText)
		piece := bytes.Repeat([]byte("x"), 16)
		_, err := w.Write(piece)
		s.check(err)
		s.server.ReadFrame()
		var closed <-chan error
		for _, c := range []struct {
			name   string
			send   func() error
			header string
		}{
			{"empty ping", func() error { return s.client.SendPing(nil) }, "89 80"},
			{"ping of 125 bytes", func() error { return s.client.SendPing(make([]byte, 125)) }, "89 FD"},
			{"close with a reason of 123 bytes", func() error {
				closed = s.startClose(wire.StatusNormal, reason)
				return nil
			}, "88 FD"},
		} {
			s.check(c.send())
			f := s.server.ReadFrame()
			if want := wstest.Hex(c.header); !bytes.Equal(f.Raw[:2], want) {
				s.Errorf("%s: first bytes are % X, want % X", c.name, f.Raw[:2], want)
			}
		}
		s.server.SendClose(wire.StatusNormal, "")
		s.server.Close()
		s.check(<-closed)
	})
}

// Outgoing messages are not interleaved, although they are sent at the same time: two
// goroutines stream, and a third one sends messages in one frame.
//
// req: 6455-5.4-08
func TestOutgoingMessagesAreNotMixed(t *testing.T) {
	const streaming, each, fragments = 2, 50, 10
	piece := func(sender, n, i int) []byte {
		return fmt.Appendf(nil, "sender %d, message %d, fragment %d\n", sender, n, i)
	}
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		stream := func(sender, n int) error {
			w := s.client.Writer(s.ctx, messages.KindText)
			for i := range fragments - 1 {
				if _, err := w.Write(piece(sender, n, i)); err != nil {
					return err
				}
				time.Sleep(time.Millisecond) // so that the others get their turn
			}
			return w.WriteFinal(piece(sender, n, fragments-1))
		}
		var sending sync.WaitGroup
		for sender := range streaming + 1 {
			sending.Go(func() {
				for n := range each {
					var err error
					if sender < streaming {
						err = stream(sender, n)
					} else {
						err = s.client.Write(s.ctx, dandelion.TextBytes(piece(sender, n, 0)))
						time.Sleep(3 * time.Millisecond)
					}
					if err != nil {
						s.Errorf("sender %d, message %d: %v", sender, n, err)
						return
					}
				}
			})
		}
		next := make([]int, streaming+1)
		for range len(next) * each {
			// Fails if a first frame comes before the message is finished.
			_, got := s.server.ReadMessage()
			var sender int
			fmt.Sscanf(string(got), "sender %d", &sender)
			want := piece(sender, next[sender], 0)
			for i := 1; sender < streaming && i < fragments; i++ {
				want = append(want, piece(sender, next[sender], i)...)
			}
			if !bytes.Equal(got, want) {
				s.Fatalf("got message %q, want %q", got, want)
			}
			next[sender]++
		}
		sending.Wait()
	})
}

// A message that is sent in one call is one frame; one that is sent in pieces goes out
// piece by piece.
//
// req: 6455-5.4-12
func TestFragmentsOfAnySize(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		whole := pattern(1 << 20)
		s.check(s.client.Send(dandelion.Binary(whole)))
		s.server.ExpectBinary(whole)

		const pieces, size, early = 256, 4 << 10, 16
		w := s.client.Writer(s.ctx, messages.KindBinary)
		resume := make(chan struct{})
		var sending sync.WaitGroup
		sending.Go(func() {
			for i := range pieces {
				if i == early {
					<-resume
				}
				p := whole[i*size:][:size]
				var err error
				if i < pieces-1 {
					_, err = w.Write(p)
				} else {
					err = w.WriteFinal(p)
				}
				if err != nil {
					s.Errorf("piece %d: %v", i, err)
				}
			}
		})
		for i := range pieces {
			if i == early {
				s.server.ExpectSilence(time.Second) // everything that was written has arrived
				close(resume)
			}
			f := s.server.ReadFrame()
			wantOp := wire.OpContinuation
			if i == 0 {
				wantOp = wire.OpBinary
			}
			if f.Opcode != wantOp || f.Fin != (i == pieces-1) || !bytes.Equal(f.Payload, whole[i*size:][:size]) {
				s.Fatalf("piece %d: got %v, want %v, FIN %v, [%s]", i, f, wantOp, i == pieces-1, show(whole[i*size:][:size]))
			}
		}
		sending.Wait()
	})
}

// The type is in the first frame, FIN in the last.
//
// req: 6455-6.1-03
func TestFirstBytesOfFragments(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for _, c := range []struct {
			name   string
			kind   messages.Kind
			pieces []string
			final  *string // nil: Close
			frames []string
		}{
			{"text", messages.KindText, []string{"a", "b"}, new("c"), []string{"01 a", "00 b", "80 c"}},
			{"binary", messages.KindBinary, []string{"a", "b"}, new("c"), []string{"02 a", "00 b", "80 c"}},
			{"ends at a fragment border", messages.KindText, []string{"a", "b"}, nil, []string{"01 a", "00 b", "80 "}},
			{"no data", messages.KindText, nil, nil, []string{"81 "}},
		} {
			w := s.client.Writer(s.ctx, c.kind)
			for _, p := range c.pieces {
				_, err := w.Write([]byte(p))
				s.check(err)
			}
			if c.final != nil {
				s.check(w.WriteFinal([]byte(*c.final)))
			} else {
				s.check(w.Close())
			}
			for i, want := range c.frames {
				f := s.server.ReadFrame()
				if got := fmt.Sprintf("%02X %s", f.Raw[0], f.Payload); got != want {
					s.Errorf("%s: frame %d is %q, want %q", c.name, i, got, want)
				}
				if c.pieces == nil && (len(f.Raw) != 6 || f.Raw[1] != 0x80) {
					s.Errorf("%s: got % X, want 81 80 and a key", c.name, f.Raw)
				}
			}
		}
		s.closeFromServer()
	})
}

// A finished message takes no further fragments, and a text is checked across its
// fragments.
func TestFragmentAPI(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		w := s.client.Writer(s.ctx, messages.KindText)
		s.check(w.WriteFinal([]byte("a")))
		_, err := w.Write([]byte("b"))
		s.wantError(err, messages.ErrFinalFragmentSent)
		s.wantError(w.WriteFinal([]byte("b")), messages.ErrFinalFragmentSent)
		s.check(w.Close())
		s.server.ExpectText("a")
		s.closeFromServer()
	})
}

// With streaming, the beginning of a frame is delivered while the rest is missing;
// without, only the whole message is.
//
// req: 6455-5.4-14
func TestStreamingReceive(t *testing.T) {
	const size = 1 << 20
	message := pattern(size)
	bytesOnWire := frame(true, wire.OpBinary, message)
	head := len(bytesOnWire) - size + 10
	bubble(t, func(l *lab) {
		l.Case("streaming", func(l *lab) {
			s := l.open(setup{client: dandelion.Options{Streaming: true}})
			s.server.WriteRaw(bytesOnWire[:head])
			got := s.next("the first 10 bytes")
			if got.err != nil || got.Kind() != messages.KindBinary || !got.First() || got.Final() || !bytes.Equal(got.Bytes(), message[:10]) {
				s.Fatalf("got %+v, want the first part, [%s]", got, show(message[:10]))
			}
			s.expectNothing(time.Second)
			rest := s.server.Go(func(c *wstest.Conn) { c.WriteRaw(bytesOnWire[head:]) })
			data := got.Bytes()
			for !got.Final() {
				got = s.next("more of the message")
				if got.err != nil || got.First() {
					s.Fatalf("got %+v, want a further part", got)
				}
				data = append(data, got.Bytes()...)
			}
			rest.Wait()
			if !bytes.Equal(data, message) {
				s.Errorf("got %s, want %s", show(data), show(message))
			}
			s.closeFromServer()
		})
		l.Case("whole messages", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(bytesOnWire[:head])
			s.expectNothing(time.Second)
			rest := s.server.Go(func(c *wstest.Conn) { c.WriteRaw(bytesOnWire[head:]) })
			s.expectBinary(message)
			rest.Wait()
			s.closeFromServer()
		})
	})
}

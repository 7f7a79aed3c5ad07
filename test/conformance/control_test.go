package conformance_test

// This file tests Ping and Pong, and what all control frames have in common: RFC 6455
// §5.5, §5.5.2, §5.5.3.

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// Up to 125 bytes are sent, more are refused.
//
// req: 6455-5.5-01
func TestLongControlFramesSent(t *testing.T) {
	bubble(t, func(l *lab) {
		l.Case("ping", func(l *lab) {
			s := l.open(setup{})
			s.check(s.client.SendPing(pattern(125)))
			s.server.ExpectFrame(wire.OpPing, pattern(125))
			s.wantError(s.client.SendPing(pattern(126)), messages.ErrControlTooLong)
			s.wantError(s.client.SendPong(pattern(126)), messages.ErrControlTooLong)
			s.stillOpen()
		})
		l.Case("close with a reason of 123 bytes", func(l *lab) {
			s := l.open(setup{})
			reason := strings.Repeat("r", 123)
			closed := s.startClose(wire.StatusNormal, reason)
			s.server.ExpectFrame(wire.OpClose, closing(wire.StatusNormal, reason))
			s.answerClose()
			s.check(<-closed)
		})
		l.Case("close with a reason of 124 bytes", func(l *lab) {
			s := l.open(setup{})
			s.wantError(s.client.Close(s.ctx, wire.StatusNormal, strings.Repeat("r", 124)), messages.ErrControlTooLong)
			s.stillOpen()
		})
	})
}

// stillOpen fails unless nothing was written that the test has not read, a message passes
// in each direction, and the server can close in order.
func (s *session) stillOpen() {
	s.Helper()
	s.server.ExpectSilence(time.Second)
	if got := s.client.State(); got != messages.StateOpen {
		s.Fatalf("state is %v, want OPEN", got)
	}
	s.check(s.client.Write(s.ctx, dandelion.Text("to the server")))
	s.server.ExpectText("to the server")
	s.server.SendText("to the client")
	s.expectText("to the client")
	s.closeFromServer()
}

// Control frames that are too long fail the connection, as soon as the header has come.
//
// req: 6455-5.5-02
func TestLongControlFramesReceived(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name, header string
			payload      []byte
		}{
			{"ping of 126 bytes", "89 7E 007E", make([]byte, 126)},
			{"pong of 126 bytes", "8A 7E 007E", make([]byte, 126)},
			{"close of 126 bytes", "88 7E 007E", closing(wire.StatusNormal, strings.Repeat("r", 124))},
			{"ping of 65536 bytes", "89 7F 0000000000010000", make([]byte, 65536)},
		} {
			header := wstest.Hex(c.header)
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(128 << 10)}})
				s.server.WriteRaw(append(header, c.payload...))
				s.expectFailed(wire.StatusProtocolError)
			})
			l.Case(c.name+", header alone", func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(header)
				s.expectFailed(wire.StatusProtocolError)
			})
		}
	})
}

// Pings may carry data.
//
// req: 6455-5.5.2-01
func TestPingsSent(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.check(s.client.SendPing(nil))
		if f := s.server.ExpectFrame(wire.OpPing, nil); len(f.Raw) != 6 || f.Raw[0] != 0x89 || f.Raw[1] != 0x80 {
			s.Errorf("got % X, want 89 80 and a key", f.Raw)
		}
		s.check(s.client.SendPing([]byte{0, 0xFF, 0x10}))
		if f := s.server.ExpectFrame(wire.OpPing, []byte{0, 0xFF, 0x10}); len(f.Raw) != 9 || f.Raw[0] != 0x89 || f.Raw[1] != 0x83 {
			s.Errorf("got % X, want 89 83, a key and 3 bytes", f.Raw)
		}
	})
}

// Pings are answered with the same data, and nothing else happens.
//
// req: 6455-5.5.2-02 6455-5.5.3-01
func TestPongs(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, data := range [][]byte{
			nil,
			[]byte("Hello"),
			{0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF},
			bytes.Repeat([]byte{0xFE}, 125),
		} {
			l.Case(fmt.Sprintf("%d bytes", len(data)), func(l *lab) {
				s := l.open(setup{})
				s.server.SendPing(data)
				if f := s.server.ExpectPong(data); f.Raw[0] != 0x8A || f.Raw[1] != 0x80|byte(len(data)) {
					s.Errorf("first bytes are % X, want 8A %02X", f.Raw[:2], 0x80|len(data))
				}
				s.server.Trickle(frame(true, wire.OpPing, data), 1, time.Millisecond)
				s.server.ExpectPong(data)
				s.expectNothing(time.Second)
				s.stillOpen()
			})
		}
	})
}

// No Pong is sent after the server's Close.
//
// req: 6455-5.5.2-03
func TestNoPongAfterTheServersClose(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("88 02 03E8, 89 01 61"))
		s.server.ExpectClose(wire.StatusNormal)
		s.server.ExpectSilence(time.Second)
		s.server.Close()
		s.expectClosed(wire.StatusNormal, "")
	})
}

// Pings are answered after the client's Close, until the server's Close has come.
//
// req: 6455-5.5.2-04
func TestPongAfterTheClientsClose(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		closed := s.startClose(wire.StatusNormal, "")
		s.server.ExpectClose(wire.StatusNormal)
		s.server.WriteRaw(wstest.Hex("89 01 61"))
		s.server.ExpectPong([]byte("a"))
		s.answerClose()
		s.check(<-closed)
		s.expectClosed(wire.StatusNormal, "")
	})
}

// A Pong overtakes the data in the queue: it is sent at once if the writer is free, and
// otherwise after the write that is under way.
//
// req: 6455-5.5.2-05
func TestPongDoesNotWaitForTheQueue(t *testing.T) {
	const (
		senders = 8
		queued  = 1000
		size    = 4 << 10
		// How many bytes can come before it: a write under way is not cut short, and
		// may be as large as this.
		buffer  = 4 << 10
		inWrite = 256 << 10
	)
	queue := func(s *session) *sync.WaitGroup {
		var sending sync.WaitGroup
		for range senders {
			sending.Go(func() {
				for range queued / senders {
					if err := s.client.Send(dandelion.Binary(make([]byte, size))); err != nil {
						s.Errorf("send: %v", err)
					}
				}
			})
		}
		return &sending
	}
	readOn := func(s *session) (before int, after int) {
		pongs := 0
		for range queued + 1 {
			switch f := s.server.ReadFrame(); {
			case f.Opcode == wire.OpPong:
				pongs++
			case pongs == 0:
				before++
			default:
				after++
			}
		}
		if pongs != 1 {
			s.Fatalf("got %d Pongs, want 1", pongs)
		}
		return before, after
	}
	bubble(t, func(l *lab) {
		l.Case("server reads", func(l *lab) {
			s := l.open(setup{})
			sending := queue(s)
			start := time.Now()
			s.server.SendPing([]byte("a"))
			readOn(s)
			if took := time.Since(start); took > 100*time.Millisecond {
				s.Errorf("the Pong took %v, want at most 100 ms", took)
			}
			sending.Wait()
		})
		l.Case("server stalls", func(l *lab) {
			s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(buffer)}})
			queue(s).Wait()
			s.server.SendPing([]byte("a"))
			s.server.Stall(time.Second) // the client has read the Ping
			before, after := readOn(s)
			if most := (buffer+inWrite)/size + 1; before > most {
				s.Errorf("%d messages are before the Pong and %d after it, want at most %d before it", before, after, most)
			}
		})
	})
}

// While the connection is open the user can ping, and there is a keepalive; after the
// client's Close there is neither.
//
// req: 6455-5.5.2-06
func TestPingsWhileOpen(t *testing.T) {
	bubble(t, func(l *lab) {
		l.Case("by the user", func(l *lab) {
			s := l.open(setup{})
			pinged := make(chan error, 1)
			ping := func() {
				_, err := s.client.Ping(s.ctx)
				pinged <- err
			}
			go ping()
			s.server.SendPong(s.server.ExpectPing().Payload)
			s.check(<-pinged)
			s.check(s.client.SendPing([]byte("a")))
			s.server.ExpectFrame(wire.OpPing, []byte("a"))

			closed := s.startClose(wire.StatusNormal, "")
			s.server.ExpectClose(wire.StatusNormal)
			s.wantError(s.client.SendPing([]byte("late")), messages.ErrClosed)
			s.wantError(s.client.SendPong([]byte("late")), messages.ErrClosed)
			ping()
			s.wantError(<-pinged, messages.ErrClosed)
			s.server.ExpectSilence(time.Second)
			s.answerClose()
			s.check(<-closed)
			ping()
			s.wantError(<-pinged, messages.ErrClosed)
			s.wantError(s.client.SendPing([]byte("late")), messages.ErrClosed)
		})
		l.Case("keepalive", func(l *lab) {
			s := l.open(setup{client: dandelion.Options{PingInterval: 10 * time.Second}})
			for range 3 {
				s.server.ExpectSilence(9 * time.Second)
				s.server.SendPong(s.server.ExpectPing().Payload)
			}
			closed := s.startClose(wire.StatusNormal, "")
			s.server.ExpectClose(wire.StatusNormal)
			s.server.ExpectSilence(4 * time.Second)
			s.answerClose()
			s.check(<-closed)
		})
	})
}

// By default there is no keepalive; with it the connection is failed when no Pong comes.
//
// req: 6455-5.5.2-07
func TestKeepaliveFindsADeadServer(t *testing.T) {
	keepalive := dandelion.Options{PingInterval: 100 * time.Millisecond,
		PongTimeout: 100 * time.Millisecond}
	const within = 300 * time.Millisecond
	bubble(t, func(l *lab) {
		l.Case("off by default", func(l *lab) {
			s := l.open(setup{})
			s.server.ExpectSilence(time.Hour)
			s.stillOpen()
		})
		l.Case("idle", func(l *lab) {
			start := time.Now()
			s := l.open(setup{client: keepalive})
			end := s.expectEnd()
			s.wantError(end, messages.ErrPongTimeout)
			if took := time.Since(start); took > within {
				s.Errorf("receive returned after %v, want %v at most", took, within)
			}
			s.wantError(s.client.Write(s.ctx, dandelion.Text("x")), messages.ErrPongTimeout)
			s.wantError(s.client.Send(dandelion.Text("x")), messages.ErrPongTimeout)
		})
		l.Case("a send is under way", func(l *lab) {
			start := time.Now()
			s := l.open(setup{client: keepalive, server: []wstest.Option{wstest.WithBuffer(1 << 10)}})
			sent := make(chan error, 2)
			go func() { sent <- s.client.Write(s.ctx, dandelion.Binary(make([]byte, 1<<20))) }()
			go func() {
				time.Sleep(time.Millisecond) // after the other one
				sent <- s.client.Write(s.ctx, dandelion.Text("queued"))
			}()
			for range 2 {
				s.wantError(<-sent, messages.ErrPongTimeout)
				if took := time.Since(start); took > within {
					s.Errorf("send returned after %v, want %v at most", took, within)
				}
			}
			s.wantError(s.expectEnd(), messages.ErrPongTimeout)
		})
	})
}

// Several pings are answered one by one, in order.
//
// req: 6455-5.5.3-02
func TestSeveralPings(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		var pings []byte
		for i := range 10 {
			pings = append(pings, frame(true, wire.OpPing, fmt.Appendf(nil, "payload-%d", i))...)
		}
		s.server.WriteRaw(pings)
		for i := range 10 {
			s.server.ExpectPong(fmt.Appendf(nil, "payload-%d", i))
		}
		s.stillOpen()
	})
}

// Pongs without a ping are sent by the user only.
//
// req: 6455-5.5.3-03
func TestPongsWithoutAPing(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{client: dandelion.Options{PingInterval: time.Minute}})
		for range 10 {
			// Only the Pings of the keepalive.
			s.server.ExpectSilence(59 * time.Second)
			s.server.SendPong(s.server.ExpectPing().Payload)
		}
		s.check(s.client.SendPong([]byte("abc")))
		if f := s.server.ExpectPong([]byte("abc")); len(f.Raw) != 9 || f.Raw[0] != 0x8A || f.Raw[1] != 0x83 {
			s.Errorf("got % X, want 8A 83, a key and 3 bytes", f.Raw)
		}
	})
}

// Unsolicited Pongs are accepted and not answered.
//
// req: 6455-5.5.3-04
func TestUnsolicitedPongs(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("8A 00, 8A 03 616263, 89 01 70"))
		s.server.ExpectPong([]byte("p"))
		s.expectNothing(time.Second)
		s.stillOpen()
	})
}

// A Pong is matched to its Ping by its data.
//
// req: 6455-5.5.3-05
func TestPongIsMatchedToItsPing(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		seen := make(map[string]bool)
		for range 10 {
			type outcome struct {
				rtt time.Duration
				err error
			}
			done := make(chan outcome, 1)
			go func() {
				rtt, err := s.client.Ping(s.ctx)
				done <- outcome{rtt, err}
			}()
			f := s.server.ExpectPing()
			if seen[string(f.Payload)] {
				s.Errorf("Ping data % X was used before", f.Payload)
			}
			seen[string(f.Payload)] = true
			for _, other := range []string{"", "other", string(f.Payload) + "x", string(f.Payload[:len(f.Payload)-1])} {
				s.server.SendPong([]byte(other))
			}
			time.Sleep(time.Second)
			select {
			case got := <-done:
				s.Fatalf("ping returned %v, %v before its Pong", got.rtt, got.err)
			default:
			}
			s.server.SendPong(f.Payload)
			got := <-done
			s.check(got.err)
			if got.rtt != time.Second {
				s.Errorf("round-trip time is %v, want 1s", got.rtt)
			}
		}

		ctx, cancel := context.WithTimeout(s.ctx, time.Second)
		defer cancel()
		_, err := s.client.Ping(ctx)
		s.wantError(err, context.DeadlineExceeded)
		s.server.ExpectPing()
		s.stillOpen()
	})
}

// Control frames are separate events, not messages.
//
// req: 6455-6.2-02
func TestControlFramesAreNotMessages(t *testing.T) {
	bubble(t, func(l *lab) {
		var log eventLog
		s := l.open(setup{client: dandelion.Options{Handler: &dandelion.Handler{
			OnPing: func(_ *dandelion.Client, data []byte) { log.addf("ping %s", data) },
			OnPong: func(_ *dandelion.Client, e *messages.PongReceived) { log.addf("pong %s", e.Data) },
		}}})
		s.server.WriteRaw(wstest.Hex("89 01 61, 8A 01 62, 81 01 63"))
		s.expectText("c")
		s.server.ExpectPong([]byte("a"))
		s.stillOpen()
		log.expect(s, "ping a", "pong b")
	})
}

// eventLog collects what the handlers get.
type eventLog struct {
	mu    sync.Mutex
	lines []string
}

func (e *eventLog) addf(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, fmt.Sprintf(format, args...))
}

func (e *eventLog) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.lines, "\n")
}

// expect fails unless the log has exactly these lines.
func (e *eventLog) expect(t testing.TB, want ...string) {
	t.Helper()
	if got, want := e.String(), strings.Join(want, "\n"); got != want {
		t.Errorf("the handlers saw\n%s\nwant\n%s", got, want)
	}
}

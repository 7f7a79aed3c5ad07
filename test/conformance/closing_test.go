package conformance_test

// This file tests the closing handshake: RFC 6455 §5.5.1, §7.1.1.

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// No data is sent after the client's Close, although other goroutines keep sending.
//
// req: 6455-5.5.1-05
func TestNoDataAfterTheClientsClose(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		senders := []func() error{
			func() error { return s.client.Write(s.ctx, dandelion.Text("written")) },
			func() error { return s.client.Send(dandelion.Text("sent")) },
			func() error { return s.client.Write(s.ctx, dandelion.Binary([]byte("binary"))) },
			func() error {
				w := s.client.Writer(s.ctx, messages.KindText)
				for range 10 {
					if _, err := w.Write([]byte("streamed")); err != nil {
						return err
					}
				}
				return w.Close()
			},
		}
		var sending sync.WaitGroup
		for i, send := range senders {
			sending.Go(func() {
				for {
					err := send()
					if errors.Is(err, messages.ErrQueueFull) {
						time.Sleep(time.Microsecond)
						continue
					}
					if err != nil {
						if !errors.Is(err, messages.ErrClosed) {
							s.Errorf("sender %d: got error %v, want ErrClosed", i, err)
						}
						return
					}
				}
			})
		}
		for range 500 {
			s.server.ReadFrame()
		}
		closed := s.startClose(1000, "")
		s.server.SkipTo(wire.OpClose)
		sending.Wait()
		s.server.ExpectSilence(time.Second)
		s.answerClose()
		s.check(<-closed)
	})
}

// The server's Close is answered with exactly one Close, at once and without another call
// by the user; then TCP is closed, even if the server leaves it open.
//
// req: 6455-5.5.1-06 6455-5.5.1-08 6455-5.5.1-10
func TestServersCloseIsAnswered(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("88 02 03E8"))
		s.server.Within(100*time.Millisecond).ExpectFrame(wire.OpClose, closing(1000, ""))
		s.server.Within(5*time.Second + time.Millisecond).ExpectEOF()
		s.expectClosed(1000, "")
	})
}

// The answer to a Close does not wait for the message that is being sent: the current
// frame is completed, then the Close is sent.
//
// req: 6455-5.5.1-09
func TestAnswerDoesNotWaitForTheMessage(t *testing.T) {
	bubble(t, func(l *lab) {
		l.Case("between two fragments", func(l *lab) {
			s := l.open(setup{})
			w := s.client.Writer(s.ctx, messages.KindText)
			for _, p := range []string{"one", "two"} {
				_, err := w.Write([]byte(p))
				s.check(err)
			}
			s.readFrames("01one", "00two")
			s.server.SendClose(1000, "")
			s.server.ExpectClose(1000)
			_, err := w.Write([]byte("three"))
			s.wantError(err, messages.ErrClosed)
			s.wantError(w.Close(), messages.ErrClosed)
			s.server.ExpectSilence(time.Second)
			s.server.Close()
			s.expectClosed(1000, "")
		})
		l.Case("inside a fragment", func(l *lab) {
			s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(1 << 10)}})
			part := pattern(1 << 20)
			written := make(chan error, 1)
			w := s.client.Writer(s.ctx, messages.KindBinary)
			go func() {
				_, err := w.Write(part)
				written <- err
			}()
			s.server.Peek(100)
			s.server.SendClose(1000, "")
			s.server.Stall(time.Second)
			f := s.server.ReadFrame()
			if f.Opcode != wire.OpBinary || f.Fin || !bytes.Equal(f.Payload, part) {
				s.Errorf("got %v, want the whole first fragment", f)
			}
			s.server.ExpectClose(1000)
			<-written // it may have succeeded
			_, err := w.Write(part)
			s.wantError(err, messages.ErrClosed)
			s.server.ExpectSilence(time.Second)
			s.server.Close()
			s.expectClosed(1000, "")
		})
	})
}

// The client waits for the server to close TCP first, as long as it was told to.
//
// req: 6455-5.5.1-11 6455-5.5.1-12
func TestServerClosesTCPFirst(t *testing.T) {
	bubble(t, func(l *lab) {
		l.Case("server closes after 200 ms", func(l *lab) {
			s := l.open(setup{})
			s.server.SendClose(1000, "")
			s.server.ExpectClose(1000)
			s.server.ExpectSilence(200 * time.Millisecond)
			s.server.CloseWrite()
			s.server.Within(time.Millisecond).ExpectEOF()
			s.expectClosed(1000, "")
		})
		l.Case("client gives up after its close wait", func(l *lab) {
			s := l.open(setup{client: dandelion.Options{
				CloseTimeout: 200 * time.Millisecond,
			}})
			s.server.SendClose(1001, "later")
			s.server.ExpectClose(1001)
			s.server.ExpectSilence(199 * time.Millisecond)
			s.server.Within(2 * time.Millisecond).ExpectEOF()
			s.expectClosed(1001, "later")
		})
	})
}

// Two Closes that cross are a complete closing handshake.
//
// req: 6455-5.5.1-13
func TestCrossingCloses(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		closed := s.startClose(1000, "")
		s.server.Peek(1) // it is on its way, but not read
		s.server.SendClose(1001, "")
		s.server.ExpectClose(1000)
		s.server.ExpectSilence(time.Second)
		s.server.CloseWrite()
		s.server.ExpectEOF()
		s.check(<-closed)
		s.expectClosed(1001, "")
	})
}

// Frames after the server's Close are ignored.
//
// req: 6455-5.5.1-14
func TestFramesAfterTheServersClose(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name  string
			after []byte
		}{
			{"text", wstest.Hex("81 01 61")},
			{"another close", wstest.Hex("88 00")},
			{"reserved opcode", wstest.Hex("83 00")},
			{"garbage", bytes.Repeat([]byte{0xFF, 0x3C, 0x07}, 10)},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(append(wstest.Hex("88 02 03E8"), c.after...))
				s.expectOneClose(1000)
			})
		}
	})
}

// A message with a Close inside is not delivered.
//
// req: 6455-5.5.1-16
func TestCloseInsideAMessage(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("01 01 61, 88 02 03E8, 80 01 62"))
		s.expectOneClose(1000)
	})
}

// Frames are read while the client waits for the server's Close.
//
// req: 6455-5.5.1-17
func TestFramesBeforeTheServersClose(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		closed := s.startClose(1000, "")
		s.server.ExpectClose(1000)
		s.server.WriteRaw(wstest.Hex("81 01 61, 82 01 62, 01 01 63, 80 01 64, 81 01 65"))
		s.expectText("a")
		s.expectBinary([]byte("b"))
		s.expectText("cd")
		s.expectText("e")
		s.answerClose()
		s.check(<-closed)
		s.expectClosed(1000, "")
	})
}

// The wait for the server's Close is bounded.
//
// req: 6455-5.5.1-18
func TestWaitForTheServersClose(t *testing.T) {
	short := dandelion.Options{CloseTimeout: 200 * time.Millisecond}
	check := func(s *session, closed <-chan error, start time.Time) {
		s.Helper()
		err := <-closed
		s.wantError(err, messages.ErrCloseTimeout)
		if took := time.Since(start); took < 200*time.Millisecond || took > 210*time.Millisecond {
			s.Errorf("close returned after %v, want 200 ms", took)
		}
		var end *messages.CloseError
		if !errors.As(err, &end) || end.Code != 1006 || end.Clean {
			s.Errorf("close returned %v, want not clean, code 1006", err)
		}
	}
	bubble(t, func(l *lab) {
		l.Case("server is silent", func(l *lab) {
			s := l.open(setup{client: short})
			start := time.Now()
			closed := s.startClose(1000, "")
			s.server.ExpectClose(1000)
			s.server.Within(201 * time.Millisecond).ExpectEOF()
			check(s, closed, start)
			s.wantError(s.expectEnd(), messages.ErrCloseTimeout)
		})
		l.Case("server goes on sending", func(l *lab) {
			s := l.open(setup{client: short})
			start := time.Now()
			closed := s.startClose(1000, "")
			sending := s.server.Go(func(c *wstest.Conn) {
				for c.Try(func(c *wstest.Conn) { c.SendText("more") }) == nil {
					c.Stall(time.Millisecond)
				}
			})
			s.server.ExpectClose(1000)
			if end := s.server.Within(210 * time.Millisecond).ExpectEnd(); end == wstest.EndOpen {
				s.Error("TCP is still open")
			}
			check(s, closed, start)
			sending.Wait()
		})
	})
}

// The server sees the end of the stream, not a reset, and over TLS a close_notify before
// it.
//
// req: 6455-7.1.1-01
func TestOrderlyShutdown(t *testing.T) {
	loopback(t, func(l *lab) {
		for _, server := range []struct {
			name string
			opts []wstest.Option
		}{
			{"ws", nil},
			{"wss", []wstest.Option{wstest.WithTLS()}},
		} {
			short := setup{
				server: server.opts,
				client: dandelion.Options{CloseTimeout: 100 * time.Millisecond},
			}
			// The server reads to the end, which comes after the client's wait.
			l.Case(server.name+", server closes", func(l *lab) {
				s := l.open(short)
				s.server.SendClose(1000, "")
				s.server.ExpectClose(1000)
				s.server.ExpectEOF()
			})
			l.Case(server.name+", client closes", func(l *lab) {
				s := l.open(short)
				closed := s.startClose(1000, "")
				s.server.ExpectClose(1000)
				s.server.SendClose(1000, "")
				s.server.ExpectEOF()
				s.check(<-closed)
			})
			l.Case(server.name+", server ends its stream first", func(l *lab) {
				s := l.open(setup{server: server.opts})
				s.server.CloseHandshake(1000, "")
				s.expectClosed(1000, "")
			})
		}
	})
}

// The client ends its side at once and keeps reading for a bounded time, so that data that
// the server still sends does not turn the end into a reset, which would destroy the
// client's Close.
//
// req: 6455-7.1.1-02
func TestDrain(t *testing.T) {
	masked := wstest.Hex("81 85 37FA213D 7F9F4D5158")
	more := bytes.Repeat(frame(true, wire.OpBinary, make([]byte, 1020)), 100)
	t.Run("TCP", func(t *testing.T) {
		loopback(t, func(l *lab) {
			s := l.open(setup{})
			start := time.Now()
			s.server.WriteRaw(append(masked, more...))
			time.Sleep(50 * time.Millisecond) // the server is slow to read
			s.server.ExpectFailure(wire.StatusProtocolError)
			s.expectFailureReported(wire.StatusProtocolError)
			if took := time.Since(start); took > time.Second {
				s.Errorf("it took %v, want less than 1 s", took)
			}
		})
	})
	t.Run("in memory", func(t *testing.T) {
		bubble(t, func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(append(masked, more[:1<<10]...))
			s.server.Within(time.Millisecond).ExpectFailure(wire.StatusProtocolError)
			for range 4 { // the client still reads, although it has ended its side
				s.server.Stall(100 * time.Millisecond)
				s.server.WriteRaw(more)
			}
			s.server.Stall(time.Second)
			if err := s.server.Try(func(c *wstest.Conn) { c.WriteRaw(more) }); err == nil {
				s.Error("the client still reads after more than a second")
			}
			s.expectFailureReported(wire.StatusProtocolError)
		})
	})
}

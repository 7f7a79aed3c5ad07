package conformance_test

// This file tests how connections end, and what is reported then: RFC 6455 §7.1, §7.3.

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// A hard close drops TCP without a closing handshake, although a send is blocked.
//
// req: 6455-7.1.1-03
func TestHardClose(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(1 << 10)}})
		blocked := make(chan error, 3)
		go func() { blocked <- s.client.Write(s.ctx, dandelion.Binary(pattern(1<<20))) }()
		s.server.Peek(100)
		go func() { blocked <- s.client.Write(s.ctx, dandelion.Text("queued")) }()
		go func() {
			_, err := s.client.Ping(s.ctx)
			blocked <- err
		}()
		s.server.Stall(time.Second)
		start := time.Now()
		s.client.Abort()
		for range 3 {
			err := <-blocked
			s.wantError(err, messages.ErrClosed)
		}
		end := s.expectEnd()
		if end.Clean || end.Code != 1006 || end.SentCode != 0 || end.By != messages.Local {
			s.Errorf("got %v, want not clean, code 1006, nothing sent, by the local side", end)
		}
		got, how := s.server.Within(time.Millisecond).ReadAll()
		if how == wstest.EndOpen {
			s.Error("TCP is still open")
		}
		if n := len(got); n > 4<<10 {
			s.Errorf("the server got %d bytes after the hard close, want what was on its way", n)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			s.Errorf("it took %v, want at most 100 ms", took)
		}
	})
}

// No data is sent while the connection is closing, whoever began it.
//
// req: 6455-7.1.3-01
func TestNothingIsSentWhileClosing(t *testing.T) {
	check := func(s *session) {
		s.Helper()
		if got := s.client.State(); got != messages.StateClosing {
			s.Errorf("state is %v, want CLOSING", got)
		}
		_, fragment := s.client.Writer(s.ctx, messages.KindText).Write([]byte("x"))
		for name, err := range map[string]error{
			"text written": s.client.Write(s.ctx, dandelion.Text("x")),
			"Write":        s.client.Write(s.ctx, dandelion.Binary([]byte("x"))),
			"text sent":    s.client.Send(dandelion.Text("x")),
			"Send":         s.client.Send(dandelion.Binary([]byte("x"))),
			"Writer":       fragment,
		} {
			if !errors.Is(err, messages.ErrClosed) {
				s.Errorf("%s: got error %v, want ErrClosed", name, err)
			}
		}
		s.server.ExpectSilence(time.Second)
	}
	bubble(t, func(l *lab) {
		l.Case("client closes", func(l *lab) {
			s := l.open(setup{})
			closed := s.startClose(1000, "")
			s.server.ExpectClose(1000)
			check(s)
			s.answerClose()
			s.check(<-closed)
		})
		l.Case("server closes", func(l *lab) {
			s := l.open(setup{})
			s.server.SendClose(1000, "")
			s.server.ExpectClose(1000)
			check(s)
			s.server.Close()
			s.expectClosed(1000, "")
		})
	})
}

// All calls end with the connection, both pending and later ones.
//
// req: 6455-7.1.4-01
func TestAllCallsEnd(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{
			server: []wstest.Option{wstest.WithBuffer(1 << 10)},
			client: dandelion.Options{QueueMessages: 2},
		})
		type call struct {
			name string
			do   func() error
		}
		calls := []call{
			{"Read", func() error { _, err := s.client.Read(s.ctx); return err }},
			{"Write", func() error { return s.client.Write(s.ctx, dandelion.Binary(pattern(100<<10))) }},
			{"Write text", func() error { return s.client.Write(s.ctx, dandelion.Text("x")) }},
			{"Writer", func() error { _, err := s.client.Writer(s.ctx, messages.KindText).Write([]byte("x")); return err }},
			{"Ping", func() error { _, err := s.client.Ping(s.ctx); return err }},
			{"Messages", func() error {
				for _, err := range s.client.Messages(s.ctx) {
					return err
				}
				return nil
			}},
		}
		type outcome struct {
			name string
			err  error
			at   time.Time
		}
		// The first is being written when the others come; then the queue is full.
		first := make(chan error, 1)
		go func() { first <- s.client.Write(s.ctx, dandelion.Binary(pattern(100<<10))) }()
		s.server.Peek(100)
		pending := make(chan outcome, len(calls))
		for _, c := range calls {
			go func() {
				err := c.do()
				pending <- outcome{c.name, err, time.Now()}
			}()
		}
		s.server.Stall(time.Second)
		select {
		case o := <-pending:
			s.Fatalf("%s returned %v while the connection was open", o.name, o.err)
		default:
		}

		s.server.SendClose(1001, "going")
		synctest.Wait() // else more may be written before the client has read that
		s.server.SkipTo(wire.OpClose)
		s.server.CloseWrite()
		s.server.ExpectEOF()
		end := time.Now()
		<-first
		for range calls {
			o := <-pending
			if !errors.Is(o.err, messages.ErrClosed) {
				s.Errorf("%s, pending: got error %v, want the closing error", o.name, o.err)
			}
			if late := o.at.Sub(end); late > time.Second {
				s.Errorf("%s, pending: returned %v after the end", o.name, late)
			}
		}
		want := s.expectClosed(1001, "going")
		start := time.Now()
		for _, c := range calls {
			err := c.do()
			var got *messages.CloseError
			if !errors.As(err, &got) || got != want {
				s.Errorf("%s, later: got error %v, want %v", c.name, err, want)
			}
		}
		for name, err := range map[string]error{
			"text sent": s.client.Send(dandelion.Text("x")),
			"SendPing":  s.client.SendPing(nil),
			"SendPong":  s.client.SendPong(nil),
			"Err":       s.client.Err(),
		} {
			var got *messages.CloseError
			if !errors.As(err, &got) || got != want {
				s.Errorf("%s, later: got error %v, want %v", name, err, want)
			}
		}
		s.check(s.client.Close(s.ctx, 1000, "")) // the end was clean
		if took := time.Since(start); took > 0 {
			s.Errorf("later calls took %v, want none to wait", took)
		}
	})
}

// Ends with a complete closing handshake are clean.
//
// req: 6455-7.1.4-02
func TestCleanEnds(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name  string
			end   func(s *session)
			clean bool
		}{
			{"handshake from the server", func(s *session) { s.server.CloseHandshake(1000, "") }, true},
			{"handshake from the client", func(s *session) {
				s.startClose(1000, "")
				s.server.AnswerClose(1000)
			}, true},
			{"EOF without Close", func(s *session) { s.server.Close() }, false},
			{"half-close without Close", func(s *session) { s.server.CloseWrite() }, false},
			{"reset", func(s *session) { s.server.Reset() }, false},
			{"EOF after the client's Close", func(s *session) {
				s.startClose(1000, "")
				s.server.ExpectClose(1000)
				s.server.Close()
			}, false},
			{"reset after the client's Close", func(s *session) {
				s.startClose(1000, "")
				s.server.ExpectClose(1000)
				s.server.Reset()
			}, false},
		} {
			l.Case(c.name, func(l *lab) {
				var log eventLog
				s := l.open(setup{client: dandelion.Options{Handler: &dandelion.Handler{
					OnClosed: func(_ *dandelion.Client, e *messages.Closed) { log.addf("clean %v", e.Err.Clean) },
				}}})
				c.end(s)
				if end := s.expectEnd(); end.Clean != c.clean {
					s.Errorf("got %v, want clean %v", end, c.clean)
				}
				log.expect(s, fmt.Sprintf("clean %v", c.clean))
			})
		}
		l.Case("failed dial", func(l *lab) {
			s, d := l.dial(setup{})
			c := d.srv.Accept(s.ctx)
			c.ReadRequest()
			c.Close()
			err := d.wait()
			var end *messages.CloseError
			if err == nil || errors.As(err, &end) {
				l.Errorf("dial returned %v (%T), want an error without a closing", err, err)
			}
		})
	})
}

// An end without a Close is reported as 1006, with its cause.
//
// req: 6455-7.1.5-03
func TestEndWithoutAClose(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name string
			end  func(c *wstest.Conn)
		}{
			{"EOF", (*wstest.Conn).Close},
			{"reset", (*wstest.Conn).Reset},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.SendText("a")
				s.expectText("a")
				c.end(s.server)
				end := s.expectEnd()
				if end.Code != 1006 || end.Clean || end.Cause == nil || end.By != messages.Neither {
					s.Errorf("got %v, want code 1006, not clean, with a cause, by neither side", end)
				}
				var violation *wire.ProtocolError
				if errors.As(end, &violation) {
					s.Errorf("got %v, want no protocol error", end)
				}
			})
		}
		l.Case("protocol error", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("83 00"))
			s.server.ExpectClose(1002)
			s.server.Close()
			s.expectFailureReported(1002) // 1006, with the protocol error
		})
	})
}

// An idle connection stays open until the user closes it.
//
// req: 6455-7.1.7-06
func TestIdleConnectionStaysOpen(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for range 60 {
			runtime.GC()
			s.server.ExpectSilence(time.Second)
		}
		s.check(s.client.Write(s.ctx, dandelion.Text("to the server")))
		s.server.ExpectText("to the server")
		s.server.SendText("to the client")
		s.expectText("to the client")

		closed := s.startClose(1000, "")
		s.server.ExpectClose(1000)
		s.server.ExpectSilence(time.Second)
		select {
		case err := <-closed:
			s.Fatalf("close returned %v before the server's Close", err)
		default:
		}
		s.answerClose()
		s.check(<-closed)
		s.expectClosed(1000, "")
	})
}

// The server closes at any time: right after the 101, in the middle of a send, while a
// Pong is awaited.
//
// req: 6455-7.3-01
func TestServerClosesAtAnyTime(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, code := range []wire.StatusCode{1000, 1001} {
			l.Case(fmt.Sprintf("%d after the 101", code), func(l *lab) {
				s := l.open(setup{answer: []wstest.Edit{wstest.After(frame(true, wire.OpClose, closing(code, "")))}})
				s.server.ExpectClose(code)
				s.server.ExpectSilence(time.Second)
				s.wantError(s.client.Write(s.ctx, dandelion.Text("x")), messages.ErrClosed)
				s.server.Close()
				s.expectClosed(code, "")
			})
			l.Case(fmt.Sprintf("%d during a send", code), func(l *lab) {
				s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(1 << 10)}})
				sent := make(chan error, 2)
				first := pattern(100 << 10)
				go func() { sent <- s.client.Write(s.ctx, dandelion.Binary(first)) }()
				s.server.Peek(100)
				go func() { sent <- s.client.Write(s.ctx, dandelion.Text("queued")) }()
				s.server.Stall(time.Second)
				s.server.SendClose(code, "")
				s.server.Stall(time.Second)
				s.server.ExpectBinary(first) // its frame had begun
				s.server.ExpectClose(code)
				s.server.ExpectSilence(time.Second)
				s.server.Close()
				failed := 0
				for range 2 {
					if err := <-sent; err != nil {
						s.wantError(err, messages.ErrClosed)
						failed++
					}
				}
				if failed == 0 {
					s.Error("no send has failed, want at least the one that was not written")
				}
				s.expectClosed(code, "")
			})
			l.Case(fmt.Sprintf("%d during the wait for a Pong", code), func(l *lab) {
				s := l.open(setup{client: dandelion.Options{PingInterval: time.Second}})
				s.server.ExpectPing()
				s.server.SendClose(code, "")
				s.server.ExpectClose(code)
				s.server.ExpectSilence(4 * time.Second)
				s.server.Close()
				s.expectClosed(code, "")
			})
		}
	})
}

// By default both kinds are accepted; a user who wants text only fails the connection with
// 1003.
//
// req: 6455-7.4.1-05
func TestOneKindOfDataOnly(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{unread: true, client: dandelion.Options{Handler: &dandelion.Handler{
			OnText: func(c *dandelion.Client, text string) {},
			OnBinary: func(c *dandelion.Client, data []byte) {
				l.system.Root.Send(c.PID(), &messages.FailConnection{
					Code:  wire.StatusUnsupportedData,
					Cause: errors.New("binary message, want text"),
				})
			},
		}}})
		s.server.SendText("a")
		s.server.WriteRaw(wstest.Hex("82 01 00"))
		s.server.ExpectFailure(wire.StatusUnsupportedData)
		<-s.client.Done()
		var end *messages.CloseError
		if err := s.client.Err(); !errors.As(err, &end) || end.SentCode != 1003 || !strings.Contains(err.Error(), "binary message") {
			s.Errorf("got %v, want an error that names the binary message, sent 1003", err)
		}
	})
}

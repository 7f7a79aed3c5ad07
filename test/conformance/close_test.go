package conformance_test

// The Close frame, the closing handshake and how the end is reported: RFC 6455
// §5.5.1, §7.1, §7.3, §7.4.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// TestClosesSent: what the user closes with is what the frame has.
//
// req: 6455-5.5.1-01 6455-5.5.1-02 6455-7.1.2-01 6455-7.4.1-01 6455-7.4.2-02
func TestClosesSent(t *testing.T) {
	type sent struct {
		code   wire.StatusCode
		reason string
		body   string
	}
	cases := []sent{
		{0, "", ""},
		{1000, "", "03E8"},
		{1000, "bye", "03E8 627965"},
		{1001, "", "03E9"},
		{4999, "", "1387"},
		{4001, "done", "0FA1 646F6E65"},
	}
	for _, code := range []wire.StatusCode{1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000} {
		cases = append(cases, sent{code, "", fmt.Sprintf("%04X", uint16(code))})
	}
	bubble(t, func(l *lab) {
		for _, c := range cases {
			l.Case(fmt.Sprintf("%d %q", uint16(c.code), c.reason), func(l *lab) {
				s := l.open(setup{})
				closed := s.startClose(c.code, c.reason)
				body := wstest.Hex(c.body)
				f := s.server.ReadFrame()
				head := []byte{0x88, 0x80 | byte(len(body))}
				if !bytes.Equal(f.Raw[:2], head) || len(f.Raw) != 2+4+len(body) || !bytes.Equal(f.Payload, body) {
					s.Errorf("got % X, want % X, a key and % X masked", f.Raw, head, body)
				}
				s.answerClose()
				s.check(<-closed)
				end := s.expectClosed(wire.StatusNormal, "")
				if want := max(c.code, 1000); end.By != messages.Local || c.code != 0 && end.SentCode != want || end.SentReason != c.reason {
					s.Errorf("got %+v, want by the local side, sent %d %q", end, want, c.reason)
				}
			})
		}
		l.Case("reason of the server", func(l *lab) {
			s := l.open(setup{})
			s.server.CloseHandshake(1000, "bye")
			s.expectClosed(1000, "bye")
		})
	})
}

// TestClosesRefused: what must not be in a Close frame is an error, nothing is
// written, and the connection is as good as before.
func TestClosesRefused(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for _, c := range []struct {
			name   string
			code   wire.StatusCode
			reason string
			want   error
		}{
			// req: 6455-5.5.1-03
			{"reason FF FE", 1000, "\xFF\xFE", messages.ErrInvalidUTF8},
			// req: 6455-7.4.1-02
			{"1004", 1004, "", messages.ErrInvalidCloseCode},
			{"1005", 1005, "", messages.ErrInvalidCloseCode},
			{"1006", 1006, "", messages.ErrInvalidCloseCode},
			{"1015", 1015, "", messages.ErrInvalidCloseCode},
			// req: 6455-7.4.2-01
			{"reason without a code", 0, "reason", messages.ErrInvalidCloseCode},
			{"999", 999, "", messages.ErrInvalidCloseCode},
			{"1016", 1016, "", messages.ErrInvalidCloseCode},
			{"1100", 1100, "", messages.ErrInvalidCloseCode},
			{"2000", 2000, "", messages.ErrInvalidCloseCode},
			{"2999", 2999, "", messages.ErrInvalidCloseCode},
			// req: 6455-7.4.2-03
			{"5000", 5000, "", messages.ErrInvalidCloseCode},
		} {
			if err := s.client.Close(s.ctx, c.code, c.reason); !errors.Is(err, c.want) {
				s.Errorf("%s: got error %v, want %v", c.name, err, c.want)
			}
		}
		s.server.ExpectSilence(time.Second)
		closed := s.startClose(1000, "proper")
		s.server.ExpectFrame(wire.OpClose, closing(1000, "proper"))
		s.answerClose()
		s.check(<-closed)
	})
}

// TestReportedCodeIsNotSentBack: the user passes on 1005, which was reported for a
// Close without a status.
//
// req: 6455-7.4.1-02
func TestReportedCodeIsNotSentBack(t *testing.T) {
	bubble(t, func(l *lab) {
		refused := make(chan error, 1)
		s := l.open(setup{client: dandelion.Options{Handler: &dandelion.Handler{
			OnClosing: func(c *dandelion.Client, e *messages.Closing) {
				if e.Code != wire.StatusNoStatus {
					l.Errorf("reported code is %d, want 1005", e.Code)
				}
				refused <- c.Close(context.Background(), e.Code, e.Reason)
			},
		}}})
		s.server.WriteRaw(wstest.Hex("88 00"))
		s.server.ExpectClose(wire.StatusNoStatus)
		s.wantError(<-refused, messages.ErrInvalidCloseCode)
		s.server.ExpectSilence(time.Second)
		s.server.Close()
		s.expectClosed(wire.StatusNoStatus, "")
	})
}

// TestCloseViolations fail the connection with 1002, and their code is not reported.
func TestCloseViolations(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct{ name, hex string }{
			// req: 6455-5.5.1-15
			{"one byte", "88 01 03"},
			// req: 6455-7.4.1-03
			{"1004", "88 02 03EC"},
			{"1005", "88 02 03ED"},
			{"1006", "88 02 03EE"},
			{"1015", "88 02 03F7"},
			// req: 6455-7.4.2-01
			{"0", "88 02 0000"},
			{"999", "88 02 03E7"},
			{"1016", "88 02 03F8"},
			{"1100", "88 02 044C"},
			{"2000", "88 02 07D0"},
			{"2999", "88 02 0BB7"},
			// req: 6455-7.4.2-03
			{"5000", "88 02 1388"},
			{"65535", "88 02 FFFF"},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(wstest.Hex(c.hex))
				s.expectFailed(wire.StatusProtocolError) // the reported code is 1006
			})
		}
	})
}

// TestClosesReceived are answered with the same status without the reason, and
// reported as they came.
//
// req: 6455-5.5.1-07 6455-7.1.5-01 6455-7.1.5-02 6455-7.1.6-01 6455-7.4.1-04 6455-7.4.2-02
func TestClosesReceived(t *testing.T) {
	long := strings.Repeat("r", 122) + "!"
	type received struct {
		code   wire.StatusCode
		reason string
	}
	cases := []received{
		{wire.StatusNoStatus, ""},
		{1000, ""},
		{1000, "bye"},
		{1000, long},
	}
	for _, code := range []wire.StatusCode{
		1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
	} {
		cases = append(cases, received{code, "why"})
	}
	bubble(t, func(l *lab) {
		for _, c := range cases {
			l.Case(fmt.Sprintf("%d %q", uint16(c.code), c.reason), func(l *lab) {
				s := l.open(setup{})
				s.server.SendClose(c.code, c.reason)
				if f := s.server.ExpectClose(c.code); f.CloseReason() != "" {
					s.Errorf("the answer has the reason %q, want none", f.CloseReason())
				}
				s.server.CloseWrite()
				s.server.ExpectEOF()
				if end := s.expectClosed(c.code, c.reason); end.By != messages.Remote {
					s.Errorf("closed by the %v side, want remote", end.By)
				}
			})
		}
		l.Case("1001 and then 1002", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("88 02 03E9, 88 02 03EA"))
			s.server.ExpectClose(1001)
			s.server.ExpectSilence(time.Second)
			s.server.Close()
			s.expectClosed(1001, "")
		})
		l.Case("4001 crosses the client's 4000", func(l *lab) {
			s := l.open(setup{})
			closed := s.startClose(4000, "")
			s.server.Peek(1) // it is on its way, and not read
			s.server.SendClose(4001, "")
			s.server.ExpectClose(4000)
			s.server.ExpectSilence(time.Second)
			s.server.Close()
			s.check(<-closed)
			s.expectClosed(4001, "")
		})
	})
}

// TestReasonIsShownToTheCallerOnly: nothing of the library writes it to stdout,
// stderr or the default loggers.
//
// req: 6455-5.5.1-04
func TestReasonIsShownToTheCallerOnly(t *testing.T) {
	const reason = "secret-6455"
	if !inChild(t) {
		c := startChild(t)
		c.wait()
		for name, out := range map[string]string{"stdout": c.stdout.String(), "stderr": c.stderr.String()} {
			if strings.Contains(out, reason) {
				t.Errorf("%s has the reason:\n%s", name, out)
			}
		}
		return
	}
	loopback(t, func(l *lab) { // with the library's own actor system
		var log eventLog
		s := l.open(setup{client: dandelion.Options{Handler: &dandelion.Handler{
			OnClosing: func(_ *dandelion.Client, e *messages.Closing) { log.addf("closing %s", e.Reason) },
			OnClosed:  func(_ *dandelion.Client, e *messages.Closed) { log.addf("closed %s", e.Err.Reason) },
		}}})
		s.server.CloseHandshake(1000, reason)
		s.expectClosed(1000, reason)
		log.expect(s, "closing "+reason, "closed "+reason)
	})
}

// TestNoDataAfterTheClientsClose, although others go on sending.
//
// req: 6455-5.5.1-05
func TestNoDataAfterTheClientsClose(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		senders := []func() error{
			func() error { return s.client.WriteText(s.ctx, "written") },
			func() error { return s.client.SendText("sent") },
			func() error { return s.client.Write(s.ctx, messages.Binary, []byte("binary")) },
			func() error {
				w := s.client.Writer(s.ctx, messages.Text)
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

// TestServersCloseIsAnswered with exactly one Close, at once and without another
// call by the user; then TCP is closed, also if the server leaves it open.
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

// TestAnswerDoesNotWaitForTheMessage that is being sent: a frame that has begun is
// completed, then the Close goes out.
//
// req: 6455-5.5.1-09
func TestAnswerDoesNotWaitForTheMessage(t *testing.T) {
	bubble(t, func(l *lab) {
		l.Case("between two fragments", func(l *lab) {
			s := l.open(setup{})
			w := s.client.Writer(s.ctx, messages.Text)
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
			w := s.client.Writer(s.ctx, messages.Binary)
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

// TestServerClosesTCPFirst: the client waits for that, as long as it was told to.
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
				Settings: actors.Settings{CloseTimeout: 200 * time.Millisecond},
			}})
			s.server.SendClose(1001, "later")
			s.server.ExpectClose(1001)
			s.server.ExpectSilence(199 * time.Millisecond)
			s.server.Within(2 * time.Millisecond).ExpectEOF()
			s.expectClosed(1001, "later")
		})
	})
}

// TestClosesThatCross are a complete handshake.
//
// req: 6455-5.5.1-13
func TestClosesThatCross(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		closed := s.startClose(1000, "")
		s.server.Peek(1) // it is on its way, and not read
		s.server.SendClose(1001, "")
		s.server.ExpectClose(1000)
		s.server.ExpectSilence(time.Second)
		s.server.CloseWrite()
		s.server.ExpectEOF()
		s.check(<-closed)
		s.expectClosed(1001, "")
	})
}

// TestFramesBehindTheServersClose are ignored.
//
// req: 6455-5.5.1-14
func TestFramesBehindTheServersClose(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name   string
			behind []byte
		}{
			{"text", wstest.Hex("81 01 61")},
			{"another close", wstest.Hex("88 00")},
			{"reserved opcode", wstest.Hex("83 00")},
			{"garbage", bytes.Repeat([]byte{0xFF, 0x3C, 0x07}, 10)},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(append(wstest.Hex("88 02 03E8"), c.behind...))
				s.server.ExpectClose(1000)
				s.server.ExpectSilence(time.Second)
				s.server.Close()
				s.expectClosed(1000, "")
			})
		}
	})
}

// TestCloseInsideAMessage: the message is not delivered.
//
// req: 6455-5.5.1-16
func TestCloseInsideAMessage(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("01 01 61, 88 02 03E8, 80 01 62"))
		s.server.ExpectClose(1000)
		s.server.ExpectSilence(time.Second)
		s.server.Close()
		s.expectClosed(1000, "")
	})
}

// TestFramesBeforeTheServersClose are read while the client waits for it.
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

// TestWaitForTheServersClose is bounded.
//
// req: 6455-5.5.1-18
func TestWaitForTheServersClose(t *testing.T) {
	short := dandelion.Options{Settings: actors.Settings{CloseTimeout: 200 * time.Millisecond}}
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

// TestOrderlyShutdown: the server finds the end of the stream, not a reset, and
// over TLS a close_notify before it.
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
				client: dandelion.Options{Settings: actors.Settings{CloseTimeout: 100 * time.Millisecond}},
			}
			// The server reads to the end, which the client makes after its wait.
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

// TestDrain: the client ends its side at once and reads on for a bounded time, so
// that what the server still sends does not make a reset of the end, which would
// destroy the client's Close.
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
			for range 4 { // the client takes what comes, although it has ended its side
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

// TestHardClose drops TCP without a closing handshake, although a send is blocked.
//
// req: 6455-7.1.1-03
func TestHardClose(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(1 << 10)}})
		blocked := make(chan error, 3)
		go func() { blocked <- s.client.Write(s.ctx, messages.Binary, pattern(1<<20)) }()
		s.server.Peek(100)
		go func() { blocked <- s.client.WriteText(s.ctx, "queued") }()
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

// TestNothingIsSentWhileClosing, whoever began it.
//
// req: 6455-7.1.3-01
func TestNothingIsSentWhileClosing(t *testing.T) {
	check := func(s *session) {
		s.Helper()
		if got := s.client.State(); got != messages.StateClosing {
			s.Errorf("state is %v, want CLOSING", got)
		}
		_, fragment := s.client.Writer(s.ctx, messages.Text).Write([]byte("x"))
		for name, err := range map[string]error{
			"WriteText": s.client.WriteText(s.ctx, "x"),
			"Write":     s.client.Write(s.ctx, messages.Binary, []byte("x")),
			"SendText":  s.client.SendText("x"),
			"Send":      s.client.Send(messages.Binary, []byte("x")),
			"Writer":    fragment,
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

// TestAllCallsEnd with the connection, those that are pending and later ones.
//
// req: 6455-7.1.4-01
func TestAllCallsEnd(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{
			server: []wstest.Option{wstest.WithBuffer(1 << 10)},
			client: dandelion.Options{Settings: actors.Settings{QueueMessages: 2}},
		})
		type call struct {
			name string
			do   func() error
		}
		calls := []call{
			{"Read", func() error { _, err := s.client.Read(s.ctx); return err }},
			{"Write", func() error { return s.client.Write(s.ctx, messages.Binary, pattern(100<<10)) }},
			{"WriteText", func() error { return s.client.WriteText(s.ctx, "x") }},
			{"Writer", func() error { _, err := s.client.Writer(s.ctx, messages.Text).Write([]byte("x")); return err }},
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
		// The first is being written when the others come; the queue is full then.
		first := make(chan error, 1)
		go func() { first <- s.client.Write(s.ctx, messages.Binary, pattern(100<<10)) }()
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
			"SendText": s.client.SendText("x"),
			"SendPing": s.client.SendPing(nil),
			"SendPong": s.client.SendPong(nil),
			"Err":      s.client.Err(),
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

// TestCleanEnds are those with a complete closing handshake.
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

// TestEndWithoutAClose is reported as 1006, with what caused it.
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

// TestIdleConnectionStaysOpen until the user closes it.
//
// req: 6455-7.1.7-06
func TestIdleConnectionStaysOpen(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for range 60 {
			runtime.GC()
			s.server.ExpectSilence(time.Second)
		}
		s.check(s.client.WriteText(s.ctx, "to the server"))
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

// TestServerClosesAnyTime: right behind the 101, in the middle of a send, while a
// Pong is awaited.
//
// req: 6455-7.3-01
func TestServerClosesAnyTime(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, code := range []wire.StatusCode{1000, 1001} {
			l.Case(fmt.Sprintf("%d behind the 101", code), func(l *lab) {
				s := l.open(setup{answer: []wstest.Edit{wstest.Behind(frame(true, wire.OpClose, closing(code, "")))}})
				s.server.ExpectClose(code)
				s.server.ExpectSilence(time.Second)
				s.wantError(s.client.WriteText(s.ctx, "x"), messages.ErrClosed)
				s.server.Close()
				s.expectClosed(code, "")
			})
			l.Case(fmt.Sprintf("%d during a send", code), func(l *lab) {
				s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(1 << 10)}})
				sent := make(chan error, 2)
				first := pattern(100 << 10)
				go func() { sent <- s.client.Write(s.ctx, messages.Binary, first) }()
				s.server.Peek(100)
				go func() { sent <- s.client.WriteText(s.ctx, "queued") }()
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
				s := l.open(setup{client: dandelion.Options{Settings: actors.Settings{PingInterval: time.Second}}})
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

// TestOneKindOfDataOnly: by default both are taken; who wants text only fails the
// connection with 1003.
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

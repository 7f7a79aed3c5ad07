package conformance_test

// This file tests what users of the protocol can do and rely on: RFC 6455 §2.1, §6.1, §12.

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// writeLog is a connection that records its writes.
type writeLog struct {
	net.Conn
	mu     sync.Mutex
	writes [][]byte
}

func (w *writeLog) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.writes = append(w.writes, bytes.Clone(p))
	w.mu.Unlock()
	return w.Conn.Write(p)
}

// written returns the bytes written, without the opening handshake.
func (w *writeLog) written() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slicesJoin(w.writes[1:]...)
}

// A frame is written as soon as the writer is free, and reported as sent when it is
// written. No timer is involved.
//
// req: 6455-2.1-01
func TestSendsAreNotHeldBack(t *testing.T) {
	const size = 2 + 4 + 5
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name string
			send func(s *session) error // returns when the send is reported as done
		}{
			{"Write text", func(s *session) error { return s.client.Write(s.ctx, dandelion.Text("Hello")) }},
			{"Write", func(s *session) error { return s.client.Write(s.ctx, dandelion.TextBytes([]byte("Hello"))) }},
			{"Writer", func(s *session) error {
				return s.client.Writer(s.ctx, messages.KindText).WriteFinal([]byte("Hello"))
			}},
			{"command", func(s *session) error {
				answer, err := s.system.Root.RequestFuture(s.client.PID(), &messages.SendText{Text: "Hello", Ref: 7}, time.Minute).Result()
				if sent, ok := answer.(*messages.Sent); err == nil && (!ok || sent.Ref != 7) {
					return fmt.Errorf("the answer is %#v", answer)
				}
				return err
			}},
		} {
			l.Case(c.name, func(l *lab) {
				var log *writeLog
				s := l.open(setup{wrap: func(c net.Conn) net.Conn {
					log = &writeLog{Conn: c}
					return log
				}})
				start := time.Now()
				s.check(c.send(s))
				if got := log.written(); len(got) != size {
					s.Errorf("the send is done and % X is written, want %d bytes", got, size)
				}
				s.server.Within(100 * time.Millisecond).ExpectText("Hello")
				if took := time.Since(start); took != 0 {
					s.Errorf("it took %v, want no timer to be involved", took)
				}
				s.server.ExpectSilence(time.Second)
			})
		}
		l.Case("Send", func(l *lab) {
			s := l.open(setup{})
			start := time.Now()
			s.check(s.client.Send(dandelion.Text("Hello")))
			s.server.ExpectText("Hello")
			if took := time.Since(start); took != 0 {
				s.Errorf("it took %v, want no timer to be involved", took)
			}
		})
	})
}

// Frames that are queued while a write is under way are written together.
//
// req: 6455-2.1-01
func TestSendsShareWrites(t *testing.T) {
	const queued = 1000
	bubble(t, func(l *lab) {
		var log *writeLog
		s := l.open(setup{
			server: []wstest.Option{wstest.WithBuffer(1 << 10)},
			wrap: func(c net.Conn) net.Conn {
				log = &writeLog{Conn: c}
				return log
			},
		})
		s.check(s.client.Send(dandelion.Binary(make([]byte, 4<<10))))
		s.server.Stall(time.Second) // the writer waits for the server
		for i := range queued {
			s.check(s.client.Send(dandelion.Text(fmt.Sprint(i))))
		}
		s.server.ReadFrame()
		for i := range queued {
			s.server.ExpectText(fmt.Sprint(i))
		}
		if n := len(log.writes) - 2; n > queued/10 {
			s.Errorf("%d messages that were queued took %d writes", queued, n)
		}
	})
}

// Sending needs an open connection.
//
// req: 6455-6.1-01
func TestSendingNeedsAnOpenConnection(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name string
			end  func(s *session)
		}{
			{"a completed close by the user", func(s *session) {
				closed := s.startClose(1000, "")
				s.server.ExpectClose(1000)
				s.answerClose()
				s.check(<-closed)
			}},
			{"a completed close by the server", func(s *session) { s.closeFromServer() }},
			{"a failed connection", func(s *session) {
				s.server.WriteRaw(wstest.Hex("83 00"))
				s.expectFailed(1002)
			}},
			{"a lost connection", func(s *session) {
				s.server.Close()
				s.expectEnd()
			}},
			{"a received Close", func(s *session) {
				s.server.SendClose(1000, "")
				s.server.ExpectClose(1000)
			}},
		} {
			l.Case(c.name, func(l *lab) {
				var log *writeLog
				s := l.open(setup{wrap: func(c net.Conn) net.Conn {
					log = &writeLog{Conn: c}
					return log
				}})
				c.end(s)
				before := len(log.written())
				_, fragment := s.client.Writer(s.ctx, messages.KindText).Write([]byte("late"))
				_, ping := s.client.Ping(s.ctx)
				for name, err := range map[string]error{
					"text written": s.client.Write(s.ctx, dandelion.Text("late")),
					"Write":        s.client.Write(s.ctx, dandelion.Binary([]byte("late"))),
					"text sent":    s.client.Send(dandelion.Text("late")),
					"Send":         s.client.Send(dandelion.Binary([]byte("late"))),
					"Writer":       fragment,
					"Ping":         ping,
					"SendPing":     s.client.SendPing(nil),
					"SendPong":     s.client.SendPong(nil),
				} {
					if !errors.Is(err, messages.ErrClosed) {
						s.Errorf("%s: got error %v, want ErrClosed", name, err)
					}
				}
				answer, err := s.system.Root.RequestFuture(s.client.PID(), &messages.SendText{Text: "late"}, time.Second).Result()
				if _, sent := answer.(*messages.Sent); sent || err == nil && answer == nil {
					s.Errorf("command: got %#v, %v, want an error", answer, err)
				}
				time.Sleep(time.Second)
				if after := len(log.written()); after != before {
					s.Errorf("%d bytes were written", after-before)
				}
			})
		}
	})
}

// A send is given up when the connection is no longer open, although the server reads
// nothing.
//
// req: 6455-6.1-02
func TestSendIsGivenUp(t *testing.T) {
	run := func(l *lab, size int, stop func(c *wstest.Conn), closed bool) {
		s := l.open(setup{})
		sent := make(chan error, 1)
		go func() { sent <- s.client.Write(s.ctx, dandelion.Binary(make([]byte, size))) }()
		s.server.Peek(100)
		start := time.Now()
		stop(s.server)
		s.wantError(<-sent, messages.ErrClosed)
		if took := time.Since(start); took > time.Second {
			s.Errorf("the send returned after %v, want 1 s at most", took)
		}
		if !closed {
			s.expectEnd()
			return
		}
		// A part of the frame was under way, or all of it and the Close.
		s.server.CloseWrite()
		got, how := s.server.ReadAll()
		if how == wstest.EndOpen {
			s.Error("TCP is still open")
		}
		header := len(wire.AppendHeader(nil, wire.Header{Masked: true, Length: uint64(size)}))
		if extra := len(got) - header - size; extra > 0 {
			if rest := got[header+size:]; rest[0] != 0x88 || len(rest) != 8 {
				s.Errorf("%s follows the message, want a Close", show(rest))
			}
		}
	}
	for _, c := range []struct {
		name   string
		stop   func(c *wstest.Conn)
		closed bool
	}{
		{"server closes", func(c *wstest.Conn) { c.SendClose(1000, "") }, true},
		{"server resets", (*wstest.Conn).Reset, false},
	} {
		t.Run(c.name+", in memory", func(t *testing.T) {
			bubble(t, func(l *lab) { run(l, 1<<20, c.stop, c.closed) })
		})
		t.Run(c.name+", TCP", func(t *testing.T) {
			loopback(t, func(l *lab) { run(l, 64<<20, c.stop, c.closed) })
		})
	}
}

// Frames are written whole and in order, although the transport takes a few bytes at a
// time.
//
// req: 6455-6.1-04
func TestFramesAreWrittenWhole(t *testing.T) {
	const senders, each = 8, 1000
	run := func(l *lab, set setup, pad int) {
		s := l.open(set)
		padding := strings.Repeat("-", pad)
		var sending sync.WaitGroup
		for sender := range senders {
			sending.Go(func() {
				for n := range each {
					if err := s.client.Write(s.ctx, dandelion.Text(fmt.Sprintf("%d %d %s", sender, n, padding))); err != nil {
						s.Errorf("sender %d, message %d: %v", sender, n, err)
						return
					}
				}
			})
		}
		next := make([]int, senders)
		for range senders * each {
			op, p := s.server.ReadMessage()
			var sender, n int
			fmt.Sscan(string(p), &sender, &n)
			if want := fmt.Sprintf("%d %d %s", sender, next[sender], padding); op != wire.OpText || string(p) != want {
				s.Fatalf("got %.40q, want %.40q", p, want)
			}
			next[sender]++
		}
		sending.Wait()
		s.closeFromServer()
	}
	t.Run("in memory", func(t *testing.T) {
		bubble(t, func(l *lab) { run(l, setup{server: []wstest.Option{wstest.WithBuffer(7)}}, 0) })
	})
	t.Run("TCP", func(t *testing.T) {
		loopback(t, func(l *lab) {
			run(l, setup{
				server: []wstest.Option{wstest.WithBuffer(2 << 10)},
				wrap: func(c net.Conn) net.Conn {
					if err := c.(*net.TCPConn).SetWriteBuffer(1); err != nil { // the smallest possible
						l.Error(err)
					}
					return c
				},
			}, 100)
		})
	})
}

// One session uses everything that users need.
//
// req: 6455-12-01
func TestEverythingUsersNeed(t *testing.T) {
	bubble(t, func(l *lab) {
		var log eventLog
		s, d := l.dial(setup{path: "/chat?room=1", client: dandelion.Options{
			Origin:       "https://app.example",
			Subprotocols: []string{"superchat", "chat"},
			Handler: &dandelion.Handler{
				OnOpen:   func(_ *dandelion.Client, e *messages.Opened) { log.addf("open %s", e.Subprotocol) },
				OnText:   func(_ *dandelion.Client, text string) { log.addf("text %s", text) },
				OnBinary: func(_ *dandelion.Client, data []byte) { log.addf("binary % X", data) },
				OnClosed: func(_ *dandelion.Client, e *messages.Closed) {
					log.addf("closed %d %q clean %v", e.Err.Code, e.Err.Reason, e.Err.Clean)
				},
			},
		}})
		s.server = d.srv.Accept(s.ctx)
		req := s.server.Upgrade(wstest.Subprotocol("chat"))
		s.check(d.wait())
		for _, got := range [][2]string{
			{req.Target, "/chat?room=1"},
			{req.Value("Origin"), "https://app.example"},
			{strings.Join(req.Subprotocols(), " "), "superchat chat"},
			{s.client.Opened().Subprotocol, "chat"},
			{fmt.Sprint(s.client.State()), "OPEN"},
		} {
			if got[0] != got[1] {
				s.Errorf("got %q, want %q", got[0], got[1])
			}
		}
		s.server.WriteRaw(wstest.Hex("81 01 61, 82 02 0102, 01 01 62, 80 01 63"))
		s.check(s.client.Write(s.ctx, dandelion.Text("text")))
		s.server.ExpectText("text")
		s.check(s.client.Write(s.ctx, dandelion.Binary([]byte{1})))
		s.server.ExpectBinary([]byte{1})
		closed := s.startClose(4000, "enough")
		s.server.ExpectFrame(wire.OpClose, closing(4000, "enough"))
		s.server.SendClose(4000, "agreed")
		s.server.Close()
		s.check(<-closed)
		synctest.Wait() // for the callbacks
		log.expect(s, "open chat", "text a", "binary 01 02", "text bc", `closed 4000 "agreed" clean true`)
	})
}

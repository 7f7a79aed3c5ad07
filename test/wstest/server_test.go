package wstest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// A session with everything in it, over every transport.
func TestSession(t *testing.T) {
	onEachTransport(t, func(t *testing.T, srv *wstest.Server) {
		client := connect(t, srv)
		script := srv.Script(func(c *wstest.Conn) {
			req := c.Upgrade(wstest.Subprotocol("chat"), wstest.After(wstest.Hex("81 05 48656C6C6F")))
			if req.Target != "/chat?x=1" || req.Key() != sampleKey {
				t.Errorf("request %s, key %s", req.Target, req.Key())
			}
			c.ExpectText("Hello")
			c.SendFragments(wire.OpBinary, []byte{1}, nil, []byte{2})
			f := c.ReadFrame()
			if f.Fin || f.Opcode != wire.OpText || string(f.Payload) != "fr" || f.Key != maskKey {
				t.Errorf("first fragment: %v", f)
			}
			c.ExpectPong([]byte("early"))
			f = c.ReadFrame()
			if !f.Fin || f.Opcode != wire.OpContinuation || string(f.Payload) != "ag" {
				t.Errorf("last fragment: %v", f)
			}
			c.ExpectMessage(wire.OpText, []byte("joined"))
			c.SendPing([]byte("p"))
			c.SendPong(c.ExpectPing().Payload)
			f = c.AnswerClose(wire.StatusNormal)
			if f.CloseReason() != "bye" {
				t.Errorf("reason %q", f.CloseReason())
			}
		})

		resp := client.handshake("/chat?x=1", "Sec-WebSocket-Protocol: superchat, chat")
		if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != sampleAccept ||
			resp.Header.Get("Sec-WebSocket-Protocol") != "chat" {
			t.Errorf("answer %v", resp)
		}
		client.expect(wstest.Hex("81 05 48656C6C6F"))
		client.frame(true, wire.OpText, "Hello")
		client.expect(wstest.Hex("02 01 01, 00 00, 80 01 02"))
		client.frame(false, wire.OpText, "fr")
		client.frame(true, wire.OpPong, "early")
		client.frame(true, wire.OpContinuation, "ag")
		client.frame(false, wire.OpText, "joi")
		client.frame(true, wire.OpContinuation, "ned")
		client.expect(wstest.Hex("89 01 70"))
		client.frame(true, wire.OpPing, "q")
		client.expect(wstest.Hex("8A 01 71"))
		client.frame(true, wire.OpClose, "\x03\xE8bye")
		client.expect(wstest.Hex("88 05 03E8 627965"))
		if rest, err := client.end(); len(rest) > 0 || err != io.EOF {
			t.Errorf("after the Close came % X, %v", rest, err)
		}
		client.Close()
		script.Wait()
	})
}

func TestServerStartsTheClosingHandshake(t *testing.T) {
	onEachTransport(t, func(t *testing.T, srv *wstest.Server) {
		client, c := open(t, srv)
		script := c.Go(func(c *wstest.Conn) { c.CloseHandshake(wire.StatusGoingAway, "later") })
		client.expect(append(wstest.Hex("88 07 03E9"), "later"...))
		client.frame(true, wire.OpClose, "\x03\xE9")
		if rest, err := client.end(); len(rest) > 0 || err != io.EOF {
			t.Errorf("after the Close came % X, %v", rest, err)
		}
		client.Close()
		script.Wait()
	})
}

func TestAddresses(t *testing.T) {
	srv := wstest.NewTLSServer(t)
	host, port, err := net.SplitHostPort(srv.Addr())
	if err != nil || host != "127.0.0.1" || port == "0" || srv.URL() != "wss://"+srv.Addr() {
		t.Errorf("address %s, URL %s", srv.Addr(), srv.URL())
	}
	srv = wstest.NewServer(t, wstest.WithAddress("[::1]:0"))
	if !strings.HasPrefix(srv.URL(), "ws://[::1]:") {
		t.Errorf("URL %s", srv.URL())
	}
	connect(t, srv)
	srv.Accept(t.Context())

	srv = wstest.NewPipe(t)
	if srv.URL() != "ws://pipe.test" {
		t.Errorf("URL %s", srv.URL())
	}
	for _, addr := range []string{"example.test:80", "example.test:443"} {
		conn, err := srv.DialContext(t.Context(), "tcp", addr)
		check(t, err)
		defer conn.Close()
	}
	if got := srv.Dialed(); !slices.Equal(got, []string{"example.test:80", "example.test:443"}) {
		t.Errorf("dialed %q", got)
	}
	if n := srv.Accepted(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// In a bubble every wait takes exactly its timeout, and no time at all.
func TestTimeoutsInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewPipe(t, wstest.WithTimeout(5*time.Second))
		client, c := open(t, srv)

		waits := []struct {
			name  string
			wait  func(*wstest.Conn)
			parts []string
		}{
			{"text", func(c *wstest.Conn) { c.ExpectText("x") }, []string{`waiting for Text "x"`, "still open after 5s", "GET /"}},
			{"close", func(c *wstest.Conn) { c.ExpectClose(1000, 1001) }, []string{"Close 1000 or 1001", "still open"}},
			{"EOF", (*wstest.Conn).ExpectEOF, []string{"expected FIN", "still open after 5s"}},
			{"end", func(c *wstest.Conn) { c.ExpectEnd() }, []string{"expected the end of the connection", "still open"}},
			{"bytes", func(c *wstest.Conn) { c.ReadN(3) }, []string{"waiting for 3 bytes", "still open"}},
			{"raw", func(c *wstest.Conn) { c.ExpectRaw(wstest.Hex("81")) }, []string{"waiting for 1 bytes", "still open"}},
			{"request", func(c *wstest.Conn) { c.ReadRequest() }, []string{"waiting for an HTTP request", "still open"}},
		}
		for _, w := range waits {
			start := time.Now()
			err := c.Try(w.wait)
			wantError(t, err, timedOut, w.parts...)
			if took := time.Since(start); took != wstest.DefaultTimeout {
				t.Errorf("%s: took %v", w.name, took)
			}
		}

		start := time.Now()
		c.ExpectSilence(10 * time.Minute)
		c.Stall(time.Hour)
		if p, end := c.Within(time.Minute).ReadAll(); len(p) > 0 || end != wstest.EndOpen {
			t.Errorf("ReadAll: % X, %v", p, end)
		}
		srv.ExpectNoConn(time.Hour)
		err := srv.Try(func(s *wstest.Server) { s.Accept(t.Context()) })
		wantError(t, err, timedOut, "no connection came", "1 came before")
		if took, want := time.Since(start), 2*time.Hour+11*time.Minute+wstest.DefaultTimeout; took != want {
			t.Errorf("took %v, want %v", took, want)
		}

		// A half frame is shown, and is still there afterwards.
		client.write(wstest.Hex("81 85 37FA213D 7F9F"))
		err = c.Try(func(c *wstest.Conn) { c.ReadFrame() })
		wantError(t, err, timedOut, "8 bytes of an incomplete frame: 81 85 37 FA 21 3D 7F 9F")
		client.write(wstest.Hex("4D5158"))
		c.ExpectText("Hello")

		// A client that does not read stops the server when the pipe is full.
		c.WriteRaw(make([]byte, wstest.DefaultPipeBuffer))
		err = c.Try(func(c *wstest.Conn) { c.WriteRaw([]byte{1}) })
		wantError(t, err, timedOut, "did not take 1 bytes within 5s")
	})
}

func TestStalledScriptBlocksTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewPipe(t, wstest.WithBuffer(10))
		client := connect(t, srv)
		c := srv.Accept(t.Context())
		check(t, client.SetWriteDeadline(time.Now().Add(time.Hour)))
		n, err := client.Write(make([]byte, 11))
		wantError(t, err, timedOut)
		if n != 10 {
			t.Errorf("%d bytes fit, want 10", n)
		}
		if got := c.ReadN(10); len(got) != 10 {
			t.Errorf("read %d bytes", len(got))
		}
	})
}

func TestStalledScriptBlocksTheClientOverTCP(t *testing.T) {
	srv := wstest.NewServer(t, wstest.WithBuffer(64<<10))
	client := connect(t, srv)
	c := srv.Accept(t.Context())
	check(t, client.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	const much = 64 << 20
	n, err := client.Write(make([]byte, much))
	wantError(t, err, timedOut)
	c.ReadN(n)
}

func TestWithTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewPipe(t, wstest.WithTimeout(time.Hour))
		_, c := open(t, srv)
		start := time.Now()
		wantError(t, c.Try((*wstest.Conn).ExpectEOF), timedOut, "connection 1", "after 1h0m0s")
		if took := time.Since(start); took != time.Hour {
			t.Errorf("took %v", took)
		}
	})
}

func TestEnds(t *testing.T) {
	onEachTransport(t, func(t *testing.T, srv *wstest.Server) {
		secure := strings.HasPrefix(srv.URL(), "wss:")

		client, c := open(t, srv)
		err := c.Within(time.Millisecond).Try((*wstest.Conn).ExpectEOF)
		wantError(t, err, timedOut, "expected FIN, but the connection is still open after 1ms")
		client.frame(true, wire.OpText, "more")
		wantError(t, c.Try((*wstest.Conn).ExpectEOF), nil, `expected FIN, got Text "more"`, "read and not yet expected")
		wantError(t, c.Try(func(c *wstest.Conn) { c.ExpectSilence(time.Hour) }), nil, `silence`, `got Text "more"`)
		c.ExpectText("more")
		client.Close()
		wantError(t, c.Try(func(c *wstest.Conn) { c.ExpectSilence(time.Hour) }), io.EOF, "the client has ended the stream: FIN")
		if end := c.ExpectEnd(); end != wstest.EndFIN {
			t.Errorf("end %v", end)
		}
		c.ExpectEOF()
		c.ExpectEOF()
		if end := c.ExpectEnd(); end != wstest.EndFIN {
			t.Errorf("end %v, want FIN", end)
		}

		client, c = open(t, srv)
		resetConn(t, client.Conn)
		wantError(t, c.Try((*wstest.Conn).ExpectEOF), syscall.ECONNRESET, "expected FIN, got RST")
		wantError(t, c.Try((*wstest.Conn).ExpectEOF), syscall.ECONNRESET, "expected FIN, got RST")
		if p, end := c.ReadAll(); len(p) > 0 || end != wstest.EndReset {
			t.Errorf("ReadAll: % X, %v", p, end)
		}

		client, c = open(t, srv)
		client.frame(true, wire.OpText, "last")
		check(t, lower(client.Conn).Close())
		want := wstest.EndFIN
		if secure {
			want = wstest.EndTruncated
		}
		p, end := c.ReadAll()
		if len(p) != 10 || end != want {
			t.Errorf("ReadAll: % X, %v, want %v", p, end, want)
		}
		if secure {
			wantError(t, c.Try((*wstest.Conn).ExpectEOF), io.EOF, "expected FIN, got FIN without close_notify")
		}
		if end := c.ExpectEnd(); end != want {
			t.Errorf("end %v, want %v", end, want)
		}
	})
}

// What the server does to a connection, as the client sees it.
func TestServerEnds(t *testing.T) {
	onEachTransport(t, func(t *testing.T, srv *wstest.Server) {
		secure := strings.HasPrefix(srv.URL(), "wss:")

		client, c := open(t, srv)
		c.Reset()
		c.Reset()
		if _, err := client.end(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after Reset: %v", err)
		}

		client, c = open(t, srv)
		c.WriteRaw(wstest.Hex("81 05 48"))
		c.Drop()
		c.Close()
		got, err := client.end()
		if err != io.EOF || !bytes.Equal(got, wstest.Hex("81 05 48")) {
			t.Errorf("after Drop: % X, %v", got, err)
		}
		err = c.Try(func(c *wstest.Conn) { c.SendText("x") })
		wantError(t, err, net.ErrClosed)

		client, c = open(t, srv)
		c.CloseWrite()
		if _, err := client.end(); err != io.EOF {
			t.Errorf("after CloseWrite: %v", err)
		}
		client.frame(true, wire.OpText, "still writing")
		c.ExpectText("still writing")

		client, c = open(t, srv)
		c.Close()
		if _, err := client.end(); err != io.EOF {
			t.Errorf("after Close: %v", err)
		}
		if secure {
			if n, err := lower(client.Conn).Read(make([]byte, 1)); n > 0 || err != io.EOF {
				t.Errorf("after the close_notify: %d bytes, %v", n, err)
			}
		}
	})
}

func TestRefuseHangResume(t *testing.T) {
	onEachTransport(t, func(t *testing.T, srv *wstest.Server) {
		addr := srv.Addr()
		client, c := open(t, srv)
		srv.Refuse()
		_, err := srv.DialContext(t.Context(), "tcp", addr)
		wantError(t, err, syscall.ECONNREFUSED)
		if !strings.HasPrefix(addr, "pipe") {
			_, err := net.Dial("tcp", addr)
			wantError(t, err, syscall.ECONNREFUSED)
		}
		// What is open stays open.
		client.frame(true, wire.OpText, "x")
		c.ExpectText("x")

		srv.Hang()
		_, err = srv.DialContext(contextFor(t, 10*time.Millisecond), "tcp", addr)
		wantError(t, err, context.DeadlineExceeded)
		dialed := make(chan error)
		go func() {
			conn, err := srv.DialContext(t.Context(), "tcp", addr)
			if err == nil {
				defer conn.Close()
			}
			dialed <- err
		}()
		srv.Resume()
		srv.Accept(t.Context())
		check(t, <-dialed)

		srv.Restart()
		if _, err := client.end(); err != io.EOF && err != io.ErrUnexpectedEOF {
			t.Errorf("after Restart: %v", err)
		}
		if srv.Addr() != addr {
			t.Errorf("address was %s, is %s", addr, srv.Addr())
		}
		client, _ = open(t, srv)
		srv.DropAll()
		if _, err := client.end(); err == nil {
			t.Error("open after DropAll")
		}
		srv.Close()
		_, err = srv.DialContext(t.Context(), "tcp", addr)
		wantError(t, err, syscall.ECONNREFUSED)
		wantError(t, srv.Try((*wstest.Server).Resume), nil, "closed")
		srv.Close()
	})
}

// Connections that no script took are dropped with the others.
func TestDropAllReachesTheQueue(t *testing.T) {
	srv := wstest.NewPipe(t)
	client := connect(t, srv)
	srv.DropAll()
	if _, err := client.end(); err != io.EOF {
		t.Errorf("got %v", err)
	}
	err := srv.Try(func(s *wstest.Server) { s.Accept(contextFor(t, time.Millisecond)) })
	wantError(t, err, context.DeadlineExceeded, "no connection came")
}

func TestHandleServesEveryConnection(t *testing.T) {
	srv := wstest.NewServer(t)
	srv.Handle(func(c *wstest.Conn) {
		c.Upgrade()
		c.Echo()
	})
	for range 3 {
		client := connect(t, srv)
		client.handshake("/")
		client.frame(true, wire.OpText, "Hello")
		client.expect(wstest.Hex("81 05 48656C6C6F"))
		client.frame(true, wire.OpClose, "")
		client.expect(wstest.Hex("88 00"))
		if _, err := client.end(); err != io.EOF {
			t.Errorf("end: %v", err)
		}
		client.Close()
	}
}

func TestEchoInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewPipe(t)
		srv.Handle(func(c *wstest.Conn) {
			c.Upgrade()
			c.Echo()
		})
		client := connect(t, srv)
		client.handshake("/")
		time.Sleep(24 * time.Hour) // an idle day
		client.frame(true, wire.OpBinary, "x")
		client.expect(wstest.Hex("82 01 78"))
		client.Close()
	})
}

func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("session", func(t *testing.T) {
		for _, transport := range transports {
			srv := transport.make(t)
			srv.Handle(func(c *wstest.Conn) { c.ReadFrame() }) // waits until it is cut off
			srv.Script(func(c *wstest.Conn) { c.ReadFrame() })
			client, err := srv.DialContext(t.Context(), "tcp", srv.Addr())
			check(t, err)
			srv.Close()
			client.Close()
		}
	})
	giveUp := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(giveUp) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("goroutines left:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

func TestFailureModes(t *testing.T) {
	t.Run("in the test", func(t *testing.T) {
		f := newFailingT(t)
		var line string
		f.run(func() {
			srv := wstest.NewPipe(f)
			client, c := open(t, srv)
			client.frame(true, wire.OpText, "got")
			line = nextLine()
			c.ExpectText("want")
			t.Error("the script went on")
		})
		f.end()
		f.expectAt(line, "wstest: connection 1: expected Text \"want\", got Text \"got\"\n  what happened before:\n")
	})
	t.Run("in a script", func(t *testing.T) {
		f := newFailingT(t)
		var scriptLine, line string
		var script *wstest.Script
		f.run(func() {
			srv := wstest.NewPipe(f)
			client := connect(t, srv)
			script = srv.Script(func(c *wstest.Conn) {
				c.Upgrade()
				scriptLine = nextLine()
				c.ExpectClose()
				t.Error("the script went on")
			})
			client.handshake("/")
			client.frame(true, wire.OpPing, "")
			<-script.Done()
		})
		f.expectAt(scriptLine, "wstest: connection 1: expected Close any code, got Ping []")
		f.run(func() {
			line = nextLine()
			script.Wait()
			t.Error("Wait returned")
		})
		f.expectAt(line, "wstest: a script did not run to its end")
		f.end()
	})
	t.Run("a script that is cut off", func(t *testing.T) {
		f := newFailingT(t)
		f.run(func() {
			srv := wstest.NewPipe(f)
			connect(t, srv)
			srv.Script(func(c *wstest.Conn) { c.ReadFrame() })
			connect(t, srv)
			srv.Handle(func(c *wstest.Conn) { c.ReadFrame() })
		})
		f.end()
		f.expect()
	})
	t.Run("try", func(t *testing.T) {
		srv := wstest.NewPipe(t)
		_, c := open(t, srv)
		check(t, c.Try(func(c *wstest.Conn) { c.SendText("x") }))
		check(t, srv.Try(func(s *wstest.Server) { s.ExpectNoConn(time.Millisecond) }))
		connect(t, srv)
		wantError(t, srv.Try(func(s *wstest.Server) { s.ExpectNoConn(time.Millisecond) }), nil, "connection 2 came")
		defer func() {
			if r := recover(); r != "mine" {
				t.Errorf("recovered %v", r)
			}
		}()
		c.Try(func(*wstest.Conn) { panic("mine") })
	})
}

package conformance_test

// This file tests the way from the dial to the open connection: RFC 6455 §4.1, RFC 9110 §7.5.

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/testcert"
	"github.com/dandelionws/dandelion/internal/testkit"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
)

// The connection is not open until the server sends the response that it withholds.
//
// req: 6455-4.1-01 6455-4.1-17 6455-4.1-31
func TestConnectWithheldAnswer(t *testing.T) {
	t.Run("Dial", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
			d := startDial(t, srv.URL(), opts)
			c := srv.Accept(t.Context())
			if head := string(c.ReadRequest().Raw); !strings.HasSuffix(head, "\r\n\r\n") {
				t.Errorf("the request does not end in an empty line: %q", head)
			}
			c.ExpectSilence(300 * time.Millisecond)
			synctest.Wait()
			if !d.pending() {
				t.Fatal("dial has returned before the response")
			}
			c.Accept101()
			client := d.open(t)
			if client.State() != messages.StateOpen {
				t.Errorf("state is %v, want OPEN", client.State())
			}
			exchange(t, client, c)
			if n := srv.Accepted(); n != 1 {
				t.Errorf("%d connections were made, want 1", n)
			}
		})
	})
	t.Run("Supervise", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
			client := startSupervised(t, srv.URL(), opts)
			c := srv.Accept(t.Context())
			c.ReadRequest()
			if client.State() != messages.StateConnecting {
				t.Errorf("state is %v, want CONNECTING", client.State())
			}
			if client.Opened() != nil {
				t.Errorf("opened is %+v before the response", client.Opened())
			}
			if err := client.Send(dandelion.Text("early")); !errors.Is(err, messages.ErrNotOpen) {
				t.Errorf("sending before the response gave %v, want ErrNotOpen", err)
			}
			waiting := make(chan error, 1)
			ctx := newContext(t)
			go func() { waiting <- client.Write(ctx, dandelion.Text("waits")) }()
			c.ExpectSilence(300 * time.Millisecond)
			c.Accept101()
			c.ExpectText("waits")
			if err := <-waiting; err != nil {
				t.Errorf("the write that waited failed: %v", err)
			}
			if client.State() != messages.StateOpen {
				t.Errorf("state is %v, want OPEN", client.State())
			}
		})
	})
	t.Run("over TCP", func(t *testing.T) {
		srv := wstest.NewServer(t)
		d := startDial(t, srv.URL(), nil)
		c := srv.Accept(t.Context())
		c.ReadRequest()
		c.ExpectSilence(silence)
		if !d.pending() {
			t.Fatal("dial has returned before the response")
		}
		c.Accept101()
		exchange(t, d.open(t), c)
	})
}

// req: 6455-4.1-02
func TestConnectByAnotherAgent(t *testing.T) {
	t.Run("an in-memory pipe", func(t *testing.T) {
		ours, theirs := net.Pipe()
		d := startDial(t, "ws://h.test/", &dandelion.Options{
			DialContext: func(context.Context, string, string) (net.Conn, error) { return ours, nil },
		})
		srv := wstest.NewPipe(t) // its script plays the other end
		go relay(theirs, srv)
		c := srv.Accept(t.Context())
		wantTarget(t, c.Upgrade(), "/")
		client := d.open(t)
		exchange(t, client, c)
		go client.Close(newContext(t), 1000, "")
		c.AnswerClose(1000)
		<-client.Done()
	})
	t.Run("by itself", func(t *testing.T) {
		srv := wstest.NewServer(t)
		client, c := open(t, srv, &dandelion.Options{})
		exchange(t, client, c)
	})
}

// relay copies bytes between conn and a new connection to srv until one of them ends.
func relay(conn net.Conn, srv *wstest.Server) {
	to, err := srv.DialContext(context.Background(), "tcp", "")
	if err != nil {
		conn.Close()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(to, conn)
		to.Close()
		conn.Close()
	}()
	io.Copy(conn, to)
	conn.Close()
	to.Close()
	<-done
}

// req: 6455-4.1-04
func TestConnectOneAttemptPerAddress(t *testing.T) {
	for _, test := range []struct {
		name, first, second string
		end                 func(c *wstest.Conn) // of the first attempt
	}{
		{"answered", "127.0.0.1", "127.0.0.1", func(c *wstest.Conn) { c.Accept101() }},
		{"refused", "127.0.0.1", "127.0.0.1", func(c *wstest.Conn) { c.Respond(403, "") }},
		{"lost", "127.0.0.1", "127.0.0.1", (*wstest.Conn).Drop},
		{"two names", "127.0.0.1", "localhost", func(c *wstest.Conn) { c.Accept101() }},
		{"two names, the other way", "localhost", "127.0.0.1", func(c *wstest.Conn) { c.Accept101() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := wstest.NewServer(t)
			_, port, _ := net.SplitHostPort(srv.Addr())
			// With default options the bound is for the whole process.
			first := startDial(t, "ws://"+test.first+":"+port, nil)
			c1 := srv.Accept(t.Context())
			c1.ReadRequest()
			second := startDial(t, "ws://"+test.second+":"+port, nil)
			srv.ExpectNoConn(silence)
			test.end(c1)
			c2 := srv.Accept(t.Context())
			c2.Upgrade()
			exchange(t, second.open(t), c2)
			if <-first.done; first.err == nil {
				exchange(t, first.client, c1)
			}
		})
	}
	t.Run("any number is open", func(t *testing.T) {
		srv := wstest.NewServer(t)
		for range 20 {
			client, c := open(t, srv, &dandelion.Options{})
			defer exchange(t, client, c) // at the end, when all are open
		}
	})
	t.Run("the bound is an option", func(t *testing.T) {
		srv := wstest.NewServer(t)
		opts := &dandelion.Options{Gate: &handshake.Gate{PerAddress: 2}}
		var c *wstest.Conn
		for range 2 {
			startDial(t, srv.URL(), opts)
			c = srv.Accept(t.Context())
			c.ReadRequest()
		}
		third := startDial(t, srv.URL(), opts)
		srv.ExpectNoConn(silence)
		c.Accept101()
		srv.Accept(t.Context()).Upgrade()
		third.open(t)
	})
}

// req: 6455-4.1-12
func TestConnectTransportFails(t *testing.T) {
	t.Run("nothing listens", func(t *testing.T) {
		srv := wstest.NewServer(t)
		srv.Refuse()
		e := startDial(t, srv.URL(), nil).fails(t)
		wantStage(t, e, handshake.StageDial)
		if !errors.Is(e, syscall.ECONNREFUSED) {
			t.Errorf("the error does not wrap that of the network: %v", e)
		}
	})
	t.Run("accepts and closes at once", func(t *testing.T) {
		srv := wstest.NewServer(t)
		srv.Handle((*wstest.Conn).Drop)
		e := startDial(t, srv.URL(), nil).fails(t)
		if !errors.Is(e, io.ErrUnexpectedEOF) && !errors.Is(e, syscall.ECONNRESET) && !errors.Is(e, syscall.EPIPE) {
			t.Errorf("the error does not wrap that of the network: %v", e)
		}
		if n := srv.Accepted(); n != 1 {
			t.Errorf("%d connections were made, want 1", n)
		}
	})
}

// req: 9110-7.5-01
func TestConnectSilentServer(t *testing.T) {
	// dials a silent server. The dial must fail after want, at most 100 ms later, and TCP must
	// be closed by then.
	fails := func(ctx context.Context, t *testing.T, srv *wstest.Server, opts *dandelion.Options, want time.Duration) *handshake.Error {
		t.Helper()
		start := time.Now()
		closed := make(chan time.Duration, 1)
		srv.Script(func(c *wstest.Conn) {
			c = c.Within(time.Minute)
			c.ReadRequest()
			c.ExpectEnd()
			closed <- time.Since(start)
		})
		d := startDialIn(ctx, t, srv.URL(), opts)
		e := d.fails(t)
		for what, took := range map[string]time.Duration{"dial returned": time.Since(start), "TCP was closed": <-closed} {
			if took < want || took > want+100*time.Millisecond {
				t.Errorf("%s after %v, want %v: %v", what, took, want, e)
			}
		}
		return e
	}
	t.Run("deadline", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			e := fails(ctx, t, srv, opts, 200*time.Millisecond)
			if !errors.Is(e, context.DeadlineExceeded) || !e.Timeout() {
				t.Errorf("error is %v, want that of the context, and a timeout", e)
			}
		})
	})
	t.Run("cancel", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			time.AfterFunc(100*time.Millisecond, cancel)
			e := fails(ctx, t, srv, opts, 100*time.Millisecond)
			if !errors.Is(e, context.Canceled) {
				t.Errorf("error is %v, want that of the context", e)
			}
		})
	})
	t.Run("neither", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
			const byDefault = 10 * time.Second // NetAdapter.ResponseTimeout
			e := fails(context.Background(), t, srv, opts, byDefault)
			if !errors.Is(e, os.ErrDeadlineExceeded) || !e.Timeout() {
				t.Errorf("error is %v, want a timeout", e)
			}
		})
	})
}

// req: 6455-7.1.7-07
func TestConnectFailuresLeaveNothing(t *testing.T) {
	const dials = 100
	for _, kind := range []struct {
		name  string
		opts  []wstest.Option
		stage handshake.Stage
		serve func(c *wstest.Conn)
	}{
		{"bad accept value", nil, handshake.StageValidate, func(c *wstest.Conn) {
			c.ReadRequest()
			c.Accept101(wstest.SetHeader("Sec-WebSocket-Accept", "x"))
		}},
		{"404", nil, handshake.StageHTTP, func(c *wstest.Conn) {
			c.ReadRequest()
			c.Respond(404, "not here")
		}},
		{"TLS error", []wstest.Option{wstest.WithTLS(testcert.SelfSigned(testcert.LocalNames...))}, handshake.StageTLS, func(c *wstest.Conn) {
			c.Try(func(c *wstest.Conn) { c.Handshake() })
		}},
		{"timeout", nil, handshake.StageHTTP, func(c *wstest.Conn) {
			c.Try(func(c *wstest.Conn) { c.ReadRequest() })
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			srv := wstest.NewServer(t, kind.opts...)
			adapter := &handshake.NetAdapter{Gate: new(handshake.Gate), TLSConfig: srv.ClientTLS()}
			if kind.name == "timeout" {
				adapter.ResponseTimeout = 5 * time.Millisecond
			}
			opts := &dandelion.Options{Handshaker: &handshake.Client{Adapter: adapter}}
			dial := func(t *testing.T) {
				d := startDial(t, srv.URL(), opts)
				c := srv.Accept(t.Context())
				kind.serve(c)
				wantStage(t, d.fails(t), kind.stage)
				c.Within(time.Second).ExpectEnd()
				c.Close()
			}
			dial(t) // makes what stays, such as the actor system
			files, goroutines := descriptors(t), runtime.NumGoroutine()
			t.Run("dials", func(t *testing.T) { // goroutines of the test itself end with it
				for range dials {
					dial(t)
				}
			})
			backTo(t, "file descriptors", files, func() int { return descriptors(t) })
			backTo(t, "goroutines", goroutines, runtime.NumGoroutine)
		})
	}
}

// descriptors returns the number of open files of this process, 0 where that is not known.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// backTo waits until a number is no larger than before.
func backTo(t *testing.T, what string, before int, now func() int) {
	t.Helper()
	for end := time.Now().Add(limit); now() > before; time.Sleep(time.Millisecond) { // nothing tells
		if time.Now().After(end) {
			t.Errorf("%d %s, want %d as before", now(), what, before)
			return
		}
	}
}

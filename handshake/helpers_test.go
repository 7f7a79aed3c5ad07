package handshake

// This file is what the tests share: scripted servers on loopback and on pipes,
// and leak checks.

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// checkLeaks fails the test if it ends with more goroutines or open files than
// now. Call it first, so that it looks last.
func checkLeaks(t *testing.T) {
	t.Helper()
	files := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return 0 // not on this system
		}
		return len(entries)
	}
	// The first connection of a process opens descriptors for the runtime's poller.
	if c, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		c.Close()
	}
	goroutines, descriptors := runtime.NumGoroutine(), files()
	t.Cleanup(func() {
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			g, d := runtime.NumGoroutine(), files()
			if g <= goroutines && d <= descriptors {
				return
			}
			if time.Now().After(end) {
				stacks := make([]byte, 1<<20)
				stacks = stacks[:runtime.Stack(stacks, true)]
				t.Errorf("leak: %d goroutines, want %d; %d descriptors, want %d\n%s", g, goroutines, d, descriptors, stacks)
				return
			}
		}
	})
}

// testRequest is a request as a server saw it.
type testRequest struct {
	raw    string
	line   string   // the request line
	fields []string // the header lines
	err    error    // from reading it
}

// readRequest reads a request byte by byte and nothing after it.
func readRequest(c io.Reader) testRequest {
	var r testRequest
	var raw []byte
	for !strings.HasSuffix(string(raw), "\r\n\r\n") {
		var b [1]byte
		if _, r.err = io.ReadFull(c, b[:]); r.err != nil {
			break
		}
		raw = append(raw, b[0])
	}
	r.raw = string(raw)
	lines := strings.Split(strings.TrimSuffix(r.raw, "\r\n\r\n"), "\r\n")
	r.line, r.fields = lines[0], lines[1:]
	return r
}

// all returns the values of a field.
func (r testRequest) all(name string) (values []string) {
	for _, f := range r.fields {
		if n, v, _ := strings.Cut(f, ": "); strings.EqualFold(n, name) {
			values = append(values, v)
		}
	}
	return values
}

// one returns the value of a field that occurs once, "" otherwise.
func (r testRequest) one(name string) string {
	if v := r.all(name); len(v) == 1 {
		return v[0]
	}
	return ""
}

// granted returns a correct response to r with further header lines, each with its
// line ending.
func granted(r testRequest, more ...string) string {
	return fill("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: {accept}\r\n"+strings.Join(more, "")+"\r\n", r)
}

// fill replaces {accept} by the accept value for the key of r.
func fill(response string, r testRequest) string {
	return strings.ReplaceAll(response, "{accept}", AcceptKey(r.one("Sec-WebSocket-Key")))
}

const (
	hello    = "\x81\x05Hello" // a text frame
	notFound = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
)

// testServer is a scripted server on a loopback listener.
type testServer struct {
	net.Listener
	mu    sync.Mutex
	conns int
	wg    sync.WaitGroup
}

// serve runs script for every connection, in a goroutine that closes the
// connection afterwards. At the end of the test it closes all connections, so that
// the scripts return, and waits for them.
func serve(t *testing.T, script func(c net.Conn)) *testServer {
	t.Helper()
	return serveOn(t, "127.0.0.1:0", script)
}

func serveOn(t *testing.T, addr string, script func(c net.Conn)) *testServer {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("no listener on %s: %v", addr, err)
	}
	s := &testServer{Listener: l}
	var open sync.Map
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			open.Store(c, nil)
			s.wg.Go(func() {
				defer c.Close()
				script(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		s.wg.Wait()
	})
	return s
}

// accepted returns the number of connections so far.
func (s *testServer) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

func (s *testServer) host() string { return s.Addr().String() }

func (s *testServer) port() string {
	_, port, _ := net.SplitHostPort(s.host())
	return port
}

// upgrade reads a request, grants it, and then echoes what it receives.
func upgrade(c net.Conn) {
	r := readRequest(c)
	if r.err == nil {
		io.WriteString(c, granted(r))
		echo(c)
	}
}

// echo echoes what it receives. It hides the TCP connections from io.Copy, which
// would splice them through pipes that it keeps open.
func echo(c io.ReadWriter) { io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}) }

// pipe returns a Client whose connections are pipes; script has the other end.
// wait waits for the scripts.
func pipe(script func(c net.Conn)) (client *Client, wait func()) {
	var wg sync.WaitGroup
	return &Client{Adapter: &NetAdapter{
		Gate: &Gate{PerAddress: -1, Unknown: -1},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			wg.Go(func() {
				defer theirs.Close()
				script(theirs)
			})
			return ours, nil
		},
	}}, wg.Wait
}

// outcome is the result of one scripted handshake.
type outcome struct {
	request testRequest
	result  *Result
	err     error
	more    []byte // what the client wrote after the request, until it closed
}

// talk makes one handshake over a pipe; the server sends response, after fill. The
// stream of a result is closed.
func talk(t *testing.T, req Request, response string) outcome {
	t.Helper()
	return talkWith(t, req, func(c net.Conn, r testRequest) { io.WriteString(c, fill(response, r)) })
}

// talkWith is talk with a function that sends the response and may close the
// connection.
func talkWith(t *testing.T, req Request, response func(c net.Conn, r testRequest)) outcome {
	t.Helper()
	var o outcome
	client, wait := pipe(func(c net.Conn) {
		o.request = readRequest(c)
		read := make(chan []byte)
		go func() {
			more, _ := io.ReadAll(c)
			read <- more
		}()
		if o.request.err == nil {
			response(c, o.request)
		}
		o.more = <-read
	})
	if req.URL == "" {
		req.URL = "ws://h.test/"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	o.result, o.err = client.Handshake(ctx, &req)
	if o.result != nil {
		o.result.Stream.Close()
	}
	wait()
	return o
}

// wantError checks the type and the stage of err, and that it gives no secret away.
func wantError(t *testing.T, err error, stage Stage, secrets ...string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T (%v), want *Error", err, err)
	}
	if e.Stage != stage {
		t.Errorf("stage is %v, want %v: %v", e.Stage, stage, err)
	}
	if e.Err == nil {
		t.Error("error without a cause")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error text has several lines: %q", err)
	}
	for _, s := range secrets {
		if strings.Contains(err.Error(), s) || strings.Contains(e.URL, s) {
			t.Errorf("error text gives %q away: %v", s, err)
		}
	}
	return e
}

// echoes checks that bytes go both ways through an upgraded connection.
func echoes(t *testing.T, r *Result) {
	t.Helper()
	const masked = "\x81\x85\x01\x02\x03\x04Igohn"
	if _, err := io.WriteString(r.Stream, masked); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(masked))
	n := copy(got, r.Buffered)
	if _, err := io.ReadFull(r.Stream, got[n:]); err != nil || string(got) != masked {
		t.Errorf("got back %q, %v, want %q", got, err, masked)
	}
}

// direct returns a Client with its own Gate.
func direct() *Client { return &Client{Adapter: &NetAdapter{Gate: new(Gate)}} }

// open makes a handshake that must succeed. The stream is closed at the end of the
// test.
func open(t *testing.T, c Handshaker, req *Request) *Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := c.Handshake(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Stream.Close() })
	return r
}

// handshakeError makes a handshake that must fail.
func handshakeError(t *testing.T, c Handshaker, req *Request) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := c.Handshake(ctx, req)
	if err == nil {
		r.Stream.Close()
		t.Fatal("handshake succeeded, want an error")
	}
	return err
}

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
	}
}

// deadline is a context of the test with a timeout.
func deadline(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func decode(key string) ([]byte, error) { return base64.StdEncoding.DecodeString(key) }

// swapCase swaps small and capital letters.
func swapCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

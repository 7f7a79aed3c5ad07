package conformance_test

// This file is the connections for tests of what follows the opening handshake: a client,
// the server's end of its connection, and what the client has received.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

const (
	// casesAtOnce is how many cases of one lab run at the same time.
	casesAtOnce = 32

	// realTimeout and bubbleTimeout bound the life of a session.
	realTimeout   = time.Minute
	bubbleTimeout = 24 * time.Hour
)

// lab makes the connections of one test, or of one named case of a test. It is that test's
// testing.TB.
type lab struct {
	testing.TB
	system  *actor.ActorSystem // nil means the one that all clients share
	timeout time.Duration
	serve   func(wstest.TestingT, ...wstest.Option) *wstest.Server
	slots   chan struct{}
	cases   *sync.WaitGroup
}

// bubble runs f with connections over in-memory pipes in a synctest bubble: time passes only
// while all goroutines wait, and none may be left at the end.
func bubble(t *testing.T, f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{TB: t, system: wstest.NewSystem(t), timeout: bubbleTimeout, serve: wstest.NewPipe}
		l.run(f)
	})
}

// loopback runs f with connections over TCP on the loopback interface.
func loopback(t *testing.T, f func(l *lab)) {
	t.Helper()
	l := &lab{TB: t, timeout: realTimeout, serve: func(t wstest.TestingT, opts ...wstest.Option) *wstest.Server {
		t.Helper()
		return wstest.NewServer(t, append([]wstest.Option{wstest.WithTimeout(realTimeout / 2)}, opts...)...)
	}}
	l.run(f)
}

func (l *lab) run(f func(l *lab)) {
	l.slots = make(chan struct{}, casesAtOnce)
	l.cases = new(sync.WaitGroup)
	defer l.cases.Wait()
	f(l)
}

// Case runs f concurrently with the other cases of the test. Its failure messages begin
// with name. At the end the lab waits for all its cases.
func (l *lab) Case(name string, f func(l *lab)) {
	l.slots <- struct{}{}
	tb := &caseTB{TB: l.TB, name: name}
	inner := *l
	inner.TB = tb
	inner.slots = make(chan struct{}, casesAtOnce)
	inner.cases = new(sync.WaitGroup)
	l.cases.Go(func() {
		defer func() { <-l.slots }()
		defer tb.cleanUp()
		defer inner.cases.Wait()
		f(&inner)
	})
}

// caseTB is the testing.TB of one case, which runs on its own goroutine. (There are no
// subtests in a synctest bubble.)
type caseTB struct {
	testing.TB
	name string

	mu       sync.Mutex
	cleanups []func()
}

func (c *caseTB) Name() string { return c.TB.Name() + "/" + c.name }

func (c *caseTB) Cleanup(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cleanups = append(c.cleanups, f)
}

func (c *caseTB) cleanUp() {
	for i := len(c.cleanups) - 1; i >= 0; i-- {
		c.cleanups[i]()
	}
}

func (c *caseTB) Errorf(format string, args ...any) {
	c.TB.Helper()
	c.TB.Errorf("%s: "+format, append([]any{c.name}, args...)...)
}

func (c *caseTB) Error(args ...any) {
	c.TB.Helper()
	c.TB.Errorf("%s: %s", c.name, fmt.Sprintln(args...))
}

func (c *caseTB) Fatalf(format string, args ...any) {
	c.TB.Helper()
	c.Errorf(format, args...)
	runtime.Goexit()
}

func (c *caseTB) Fatal(args ...any) {
	c.TB.Helper()
	c.Error(args...)
	runtime.Goexit()
}

func (c *caseTB) FailNow() {
	c.TB.Fail()
	runtime.Goexit()
}

// setup says how a session is opened. The zero value is a client with default options and
// a server that sends the correct 101.
type setup struct {
	client dandelion.Options
	server []wstest.Option
	answer []wstest.Edit
	// unread means that no receive call is pending. Otherwise one always is.
	unread bool
	// path and query of the URL.
	path string
	// wrap, if set, wraps the client's end of the stream.
	wrap func(net.Conn) net.Conn
	// bare skips the opening handshake, for tests with thousands of connections.
	bare bool
}

// bare is a Handshaker that takes the stream as it is.
type bare func(ctx context.Context, network, addr string) (net.Conn, error)

// Handshake implements handshake.Handshaker.
func (dial bare) Handshake(ctx context.Context, req *handshake.Request) (*handshake.Result, error) {
	conn, err := dial(ctx, "tcp", req.URL)
	if err != nil {
		return nil, err
	}
	return &handshake.Result{Stream: conn}, nil
}

// session is an open connection.
type session struct {
	*lab
	ctx    context.Context
	client *dandelion.Client
	server *wstest.Conn
	got    chan receipt // the results of the pending receive
}

// receipt is what Read returned.
type receipt struct {
	dandelion.Message
	err error
}

// open makes a connection. It ends with the test or case.
func (l *lab) open(set setup) *session {
	l.Helper()
	s, d := l.dial(set)
	s.server = d.srv.Accept(s.ctx)
	if !set.bare {
		s.server.Upgrade(set.answer...)
	}
	if err := d.wait(); err != nil {
		l.Fatalf("dial: %v", err)
	}
	if !set.unread {
		go s.receive()
	}
	return s
}

// dialed is a Dial under way.
type dialed struct {
	srv  *wstest.Server
	err  error
	done chan struct{} // closed when err and the session's client are set
}

// wait waits for the outcome.
func (d *dialed) wait() error {
	<-d.done
	return d.err
}

// dial begins to open a session: everything except the server's part.
func (l *lab) dial(set setup) (*session, *dialed) {
	l.Helper()
	srv := l.serve(l.TB, set.server...)
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	s := &session{lab: l, ctx: ctx, got: make(chan receipt, 1024)}
	d := &dialed{srv: srv, done: make(chan struct{})}
	opts := l.options(srv, set)
	go func() {
		defer close(d.done)
		s.client, d.err = dandelion.Dial(ctx, srv.URL()+set.path, opts)
	}()
	l.Cleanup(func() {
		cancel()
		if d.wait() == nil {
			s.client.Abort()
			<-s.client.Done()
		}
	})
	return s, d
}

// options returns the options of a client of srv.
func (l *lab) options(srv *wstest.Server, set setup) *dandelion.Options {
	opts := set.client
	opts.System = l.system
	opts.DialContext = srv.DialContext
	if set.wrap != nil {
		opts.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := srv.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return set.wrap(conn), nil
		}
	}
	opts.Gate = &handshake.Gate{PerAddress: -1, Unknown: -1}
	if opts.TLSConfig == nil && strings.HasPrefix(srv.URL(), "wss") {
		opts.TLSConfig = srv.ClientTLS()
	}
	if set.bare {
		opts.Handshaker = bare(opts.DialContext)
	}
	return &opts
}

func (s *session) receive() {
	for {
		msg, err := s.client.Read(s.ctx)
		select {
		case s.got <- receipt{msg, err}:
		case <-s.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// next waits for the next result of the pending receive.
func (s *session) next(what string) receipt {
	s.Helper()
	select {
	case r := <-s.got:
		return r
	case <-time.After(time.Minute):
		s.Fatalf("waiting for %s: nothing is received\n%s", what, s.server.Transcript())
		panic("unreachable")
	}
}

// expectMessage waits for a whole message of that kind with that data.
func (s *session) expectMessage(kind messages.Kind, data []byte) {
	s.Helper()
	want := fmt.Sprintf("%v message [%s]", kind, show(data))
	r := s.next(want)
	switch {
	case r.err != nil:
		s.Fatalf("got error %v, want %s\n%s", r.err, want, s.server.Transcript())
	case r.Kind() != kind, !bytes.Equal(r.Bytes(), data), !r.First(), !r.Final():
		s.Fatalf("got %v message [%s], first %v, final %v; want %s", r.Kind(), show(r.Bytes()), r.First(), r.Final(), want)
	}
}

func (s *session) expectText(text string) {
	s.Helper()
	s.expectMessage(messages.KindText, []byte(text))
}
func (s *session) expectBinary(data []byte) { s.Helper(); s.expectMessage(messages.KindBinary, data) }

// expectNothing fails if the pending receive returns within d.
func (s *session) expectNothing(d time.Duration) {
	s.Helper()
	select {
	case r := <-s.got:
		s.Fatalf("got %v message [%s], error %v; want nothing", r.Kind(), show(r.Bytes()), r.err)
	case <-time.After(d):
	}
}

// expectEnd waits for the end of the connection, which must be the next result of the
// receive.
func (s *session) expectEnd() *messages.CloseError {
	s.Helper()
	r := s.next("the end of the connection")
	if r.err == nil {
		s.Fatalf("got %v message [%s], want the end of the connection\n%s", r.Kind(), show(r.Bytes()), s.server.Transcript())
	}
	var end *messages.CloseError
	if !errors.As(r.err, &end) {
		s.Fatalf("receive returned %v (%T), want a *messages.CloseError", r.err, r.err)
	}
	return end
}

// expectClosed waits for a clean end with that code and reason.
func (s *session) expectClosed(code wire.StatusCode, reason string) *messages.CloseError {
	s.Helper()
	end := s.expectEnd()
	if !end.Clean || end.Code != code || end.Reason != reason {
		s.Fatalf("got %v; want clean, code %d, reason %q", end, code, reason)
	}
	return end
}

// expectOneClose waits for the client's Close with that code, fails if anything follows it,
// ends TCP, and waits for the clean end with the same code.
func (s *session) expectOneClose(code wire.StatusCode) {
	s.Helper()
	s.server.ExpectClose(code)
	s.server.ExpectSilence(time.Second)
	s.server.Close()
	s.expectClosed(code, "")
}

// expectFailed waits for the consequences of a violation: the server gets one masked Close
// with that code and then the end of TCP, the receive returns an error that names the
// fault, and nothing is delivered.
func (s *session) expectFailed(code wire.StatusCode) *messages.CloseError {
	s.Helper()
	s.server.Within(time.Second).ExpectFailure(code)
	return s.expectFailureReported(code)
}

// expectFailureReported is the client's side of expectFailed.
func (s *session) expectFailureReported(code wire.StatusCode) *messages.CloseError {
	s.Helper()
	end := s.expectEnd()
	if end.Clean || end.Code != wire.StatusAbnormal || end.SentCode != code || end.By != messages.Local {
		s.Fatalf("got %v; want closed by this side, not clean, code 1006, sent %d", end, code)
	}
	var (
		violation *wire.ProtocolError
		limit     *wire.LimitError
	)
	switch {
	case errors.As(end, &violation):
		if violation.Code != code || !strings.HasPrefix(violation.Section, "RFC 6455 §") {
			s.Fatalf("got %v with code %d; want code %d and a section", violation, violation.Code, code)
		}
	case errors.As(end, &limit):
		if code != wire.StatusMessageTooBig {
			s.Fatalf("got %v; want an error with code %d", limit, code)
		}
	default:
		s.Fatalf("got %v; want an error that names a violation or a limit", end)
	}
	return end
}

// closeFromServer ends the session in order from the server's side, and fails if anything
// else was received.
func (s *session) closeFromServer() {
	s.Helper()
	s.server.CloseHandshake(wire.StatusNormal, "")
	s.expectClosed(wire.StatusNormal, "")
}

// startClose makes the user close; the channel gets what Close returns.
func (s *session) startClose(code wire.StatusCode, reason string) <-chan error {
	done := make(chan error, 1)
	go func() { done <- s.client.Close(s.ctx, code, reason) }()
	return done
}

// answerClose answers the client's Close, which the server has read, with 1000, and ends
// TCP.
func (s *session) answerClose() {
	s.Helper()
	s.server.SendClose(wire.StatusNormal, "")
	s.server.CloseWrite()
	s.server.ExpectEOF()
	s.server.Close()
}

// check fails if err is not nil.
func (s *session) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("unexpected error: %v\n%s", err, s.server.Transcript())
	}
}

// wantError fails unless err is one of the given kind.
func (s *session) wantError(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("got error %v, want %v", err, want)
	}
}

// show returns the beginning of p in hexadecimal, for failure messages.
func show(p []byte) string {
	const most = 48
	if len(p) > most {
		return fmt.Sprintf("% X … (%d bytes)", p[:most], len(p))
	}
	return fmt.Sprintf("% X", p)
}

// frame returns one frame from the server.
func frame(fin bool, op wire.Opcode, payload []byte) []byte {
	return wstest.AppendFrame(nil, wire.Header{Fin: fin, Opcode: op, Length: uint64(len(payload))}, payload)
}

// closing returns the payload of a Close.
func closing(code wire.StatusCode, reason string) []byte {
	return append([]byte{byte(code >> 8), byte(code)}, reason...)
}

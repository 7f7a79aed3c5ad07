// This file is the Mock: a server in memory with expectations, and the ways to it.

package wstest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/wire"
)

// Mock stands in for the server of the code under test: a server in memory to
// which the true client connects, so that everything that the client promises
// holds in the test, too. It accepts every connection, does what the expectations
// say, answers Pings and takes part in the closing handshake.
//
// What the client sends is seen as the command of package messages that makes a
// client send it: a *messages.SendText, SendBinary, Ping, Pong or Close with a Ref
// of 0. Fragments are joined. A message that no expectation is for marks the test
// as failed and ends the connection with the code 1008; a Ping, Pong or Close needs
// no expectation, but can have one. At the end of the test every expectation has
// to have been met; the Mock waits for that as long as for anything else.
//
// All methods are safe for concurrent use; those that can fail are for the
// goroutine that runs the test. In a synctest bubble a Mock has to be made inside.
type Mock struct {
	// Server is where the connections arrive, for what happens to a whole server:
	// Refuse, Hang, Resume, Restart. Its connections are the Mock's.
	Server *Server

	t      TestingT
	system *actor.ActorSystem
	gate   handshake.Gate

	mu           sync.Mutex
	changed      chan struct{} // closed and replaced when anything below changes
	over         bool          // the test has ended
	unexpected   bool          // something that no expectation is for has come
	log          transcript
	expectations []*Expectation
	received     []any
	requests     []*Request
	refusals     []func(c *Conn)
	edits        []Edit
	conn         *Conn // nil while there is none
	stalled      bool
	scenario     *Scenario // that is played; nil if none
}

// NewMock makes a Mock. Options are those of a Server.
func NewMock(t TestingT, opts ...Option) *Mock {
	m := &Mock{t: t, system: NewSystem(t), changed: make(chan struct{}), log: transcript{start: time.Now()}}
	m.Server = NewPipe(t, opts...)
	m.Server.Handle(m.serve)
	t.Cleanup(m.verify)
	return m
}

// Dial connects a client like dandelion.Dial. It fails if that does. The client is
// aborted when the test ends. opts may be nil.
func (m *Mock) Dial(opts *dandelion.Options) *MockClient {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), m.timeout())
	defer cancel()
	client, err := dandelion.Dial(ctx, m.URL(), m.Options(opts))
	return m.made(client, err)
}

// Supervise makes a client like dandelion.Supervise, which returns before it is
// connected. It is aborted when the test ends. opts may be nil.
func (m *Mock) Supervise(opts *dandelion.Options) *MockClient {
	m.t.Helper()
	client, err := dandelion.Supervise(context.Background(), m.URL(), m.Options(opts))
	return m.made(client, err)
}

func (m *Mock) made(client *dandelion.Client, err error) *MockClient {
	m.t.Helper()
	if err != nil {
		fatalf(m.t, "wstest: %v", err)
	}
	m.t.Cleanup(func() {
		m.verify()
		client.Abort()
		<-client.Done()
	})
	return newMockClient(client)
}

// Spawn starts an actor of package supervisor that connects to the Mock. It is
// stopped when the test ends.
func (m *Mock) Spawn(cfg supervisor.Config) *actor.PID {
	return m.system.Root.Spawn(supervisor.Props(m.Config(cfg)))
}

// Options returns opts with what leads to the Mock, for code that connects by
// itself: DialContext, and System, Gate and TLSConfig where they are not set. opts
// may be nil.
func (m *Mock) Options(opts *dandelion.Options) *dandelion.Options {
	var o dandelion.Options
	if opts != nil {
		o = *opts
	}
	o.DialContext = m.Server.DialContext
	if o.System == nil {
		o.System = m.system
	}
	if o.Gate == nil {
		o.Gate = &m.gate
	}
	if o.TLSConfig == nil && m.Server.core.cfg.tls {
		o.TLSConfig = m.Server.ClientTLS()
	}
	return &o
}

// Config returns cfg with what leads to the Mock, for actors that spawn their
// connection: Handshaker, and URL where none is set. They have to live in System.
func (m *Mock) Config(cfg supervisor.Config) supervisor.Config {
	adapter := &handshake.NetAdapter{DialContext: m.Server.DialContext, Gate: &m.gate}
	if m.Server.core.cfg.tls {
		adapter.TLSConfig = m.Server.ClientTLS()
	}
	cfg.Handshaker = &handshake.Client{Adapter: adapter}
	if cfg.URL == "" && cfg.Request.URL == "" {
		cfg.URL = m.URL()
	}
	return cfg
}

// URL is the address of the Mock; every other one leads there, too.
func (m *Mock) URL() string { return m.Server.URL() }

// System is where the actors live. See [NewSystem].
func (m *Mock) System() *actor.ActorSystem { return m.system }

// Expect adds an expectation for something that the client sends and that matches
// want: once, unless something else is said. What comes goes to the first
// expectation that it matches and that has not been met in full.
func (m *Mock) Expect(want any) *Expectation {
	e := newExpectation(m, want)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expectations = append(m.expectations, e)
	return e
}

// Wait waits until every expectation has been met at least as often as it has
// to. It fails if that does not happen in time.
func (m *Mock) Wait() {
	m.t.Helper()
	if !m.await(m.timeout(), func() bool { return len(m.missing()) == 0 }) {
		m.mu.Lock()
		problem := m.missingText()
		m.mu.Unlock()
		fatalf(m.t, "wstest: after %v %s", m.timeout(), problem)
	}
}

// Received returns everything that the clients have sent so far, in order, what
// was not expected included.
func (m *Mock) Received() []any {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]any(nil), m.received...)
}

// Requests returns the opening requests that have come so far, those that were
// refused included.
func (m *Mock) Requests() []*Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*Request(nil), m.requests...)
}

// Send sends messages on the connection that there is: a string is a text, a []byte
// a binary message; it can be a dandelion.Message, a *messages.Ping or Pong, too. It
// waits for a connection, but not until the client has handled what it was sent: in
// a synctest bubble synctest.Wait does, elsewhere a [Recorder].
func (m *Mock) Send(values ...any) {
	m.t.Helper()
	c := m.Conn()
	for _, v := range values {
		p := sent(v)
		m.note("← %s", show(v))
		c.WriteRaw(p)
	}
}

// Close begins the closing handshake, as a server does that wants to go.
func (m *Mock) Close(code wire.StatusCode, reason string) {
	m.t.Helper()
	m.close(m.Conn(), code, reason)
}

// Lose ends the connection without a Close: the client finds it reset.
func (m *Mock) Lose() {
	m.t.Helper()
	m.lose(m.Conn())
}

// Stall makes the Mock do nothing about what it receives, until Resume: Pings and
// Closes stay unanswered, and when the buffers between it and the client are full
// (see WithBuffer) nothing more can be written. What the test sends goes out.
func (m *Mock) Stall() { m.setStalled(true) }

// Resume ends a Stall.
func (m *Mock) Resume() { m.setStalled(false) }

// Refuse lets the next handshake fail with an HTTP status, such as 401 or 503, and
// header lines, such as "Retry-After: 7". Called again it is for the one after.
// (Server.Refuse lets the server be down.)
func (m *Mock) Refuse(status int, lines ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusals = append(m.refusals, func(c *Conn) { c.Respond(status, "", lines...) })
}

// Accept changes the answer to the handshakes to come: the subprotocol, header lines.
func (m *Mock) Accept(edits ...Edit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.edits = edits
}

// Conn returns the connection that there is, for everything that only a script can
// send: any bytes in any split. It waits for one. Reading from it is the Mock's.
func (m *Mock) Conn() *Conn {
	m.t.Helper()
	var c *Conn
	if !m.await(m.timeout(), func() bool { c = m.conn; return c != nil }) {
		fatalf(m.t, "wstest: no connection is open after %v, %d have come", m.timeout(), m.Server.Accepted())
	}
	return c.with(failTest).Within(m.timeout())
}

// serve is the life of one connection.
func (m *Mock) serve(c *Conn) {
	defer m.setConn(c.link, nil)
	_ = m.attempt(c, func(c *Conn) { // it fails when the client is gone
		if m.open(c) {
			m.talk(c)
		}
	})
}

// attempt runs f, without a limit for its waits, until the connection has ended.
func (m *Mock) attempt(c *Conn, f func(c *Conn)) (err error) {
	defer recoverTry(&err)
	f(c.with(failMock).Within(math.MaxInt64))
	return nil
}

// open answers the handshake and reports whether the connection is open.
func (m *Mock) open(c *Conn) bool {
	req := c.ReadRequest()
	m.mu.Lock()
	m.requests = append(m.requests, req)
	edits := m.edits
	var refuse func(c *Conn)
	if len(m.refusals) > 0 {
		refuse, m.refusals = m.refusals[0], m.refusals[1:]
	}
	m.notify()
	m.mu.Unlock()
	if refuse != nil {
		refuse(c)
		c.Close()
		return false
	}
	c.Accept101(edits...)
	m.setConn(c.link, c)
	return true
}

// talk takes what the client sends, until it has closed.
func (m *Mock) talk(c *Conn) {
	for {
		got := c.next("a message")
		m.await(math.MaxInt64, func() bool { return !m.stalled || m.over })
		x := &exchange{mock: m, conn: c, got: got}
		if !m.take(x) {
			m.close(c, wire.StatusPolicyViolation, "wstest: not expected")
			continue
		}
		if _, ok := got.(*messages.Close); x.run() && ok {
			c.CloseWrite()
			c.Within(echoLinger).ReadAll()
			return
		}
	}
}

// take finds the expectation for what was received. It returns false if there is
// none and there has to be.
func (m *Mock) take(x *exchange) bool {
	m.mu.Lock()
	expectations := m.expectations[:len(m.expectations):len(m.expectations)]
	m.mu.Unlock()
	mismatches := make([]string, len(expectations)) // found without mu: matchers are the user's code
	for i, e := range expectations {
		mismatches[i] = e.want.Mismatch(x.got)
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.notify()
	m.received = append(m.received, x.got)
	m.log.add("→ %s", show(x.got))
	if m.scenario != nil {
		m.scenario.Log("server", "%s", traced(x.got))
	}
	e, matches, problem := choose(expectations, mismatches)
	if e != nil {
		x.steps, x.free = e.steps, !e.own
		return true
	}
	switch x.got.(type) {
	case *messages.Ping, *messages.Pong, *messages.Close:
		if !matches {
			x.free = true
			return true
		}
	}
	m.unexpected = true
	m.errorf("unexpected %s\n%s\n%s", show(x.got), problem, m.happened())
	return false
}

// sent is what a server writes to send v.
func sent(v any) []byte {
	switch v := v.(type) {
	case string:
		return serverFrame(wire.OpText, []byte(v))
	case []byte:
		return serverFrame(wire.OpBinary, v)
	case dandelion.Message:
		return serverFrame(v.Kind().Opcode(), v.Bytes())
	case *messages.Ping:
		return serverFrame(wire.OpPing, v.Data)
	case *messages.Pong:
		return serverFrame(wire.OpPong, v.Data)
	}
	panic(fmt.Sprintf("wstest: a %T cannot be sent; use a string, []byte, dandelion.Message, *messages.Ping or *messages.Pong", v))
}

func (m *Mock) close(c *Conn, code wire.StatusCode, reason string) {
	m.t.Helper()
	if c.link.closing.CompareAndSwap(false, true) {
		m.note("← Close %d %q", uint16(code), reason)
		c.SendClose(code, reason)
	}
}

func (m *Mock) lose(c *Conn) {
	m.note("← reset")
	m.setConn(c.link, nil)
	c.Reset()
}

// setConn makes c the connection that there is; nil if l is that now.
func (m *Mock) setConn(l *link, c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c != nil || m.conn != nil && m.conn.link == l {
		m.conn = c
	}
	m.notify()
}

func (m *Mock) setStalled(stalled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stalled = stalled
	m.notify()
}

func (m *Mock) timeout() time.Duration { return m.Server.core.cfg.timeout }

func (m *Mock) note(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log.add(format, args...)
}

// notify wakes everybody who waits for a change. It is called with mu held.
func (m *Mock) notify() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// await waits until done, which is called with mu held, and returns false if
// that takes longer than the limit.
func (m *Mock) await(limit time.Duration, done func() bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		m.mu.Lock()
		ok, changed := done(), m.changed
		m.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		}
	}
}

// missing are the expectations that were not met. It is called with mu held.
func (m *Mock) missing() []*Expectation {
	var missing []*Expectation
	for _, e := range m.expectations {
		if e.calls < e.min {
			missing = append(missing, e)
		}
	}
	return missing
}

// missingText is called with mu held.
func (m *Mock) missingText() string {
	lines := []string{"not everything has come that was expected:"}
	for _, e := range m.missing() {
		lines = append(lines, fmt.Sprintf("  %s: %s", e, came(e.calls)))
	}
	return strings.Join(append(lines, m.happened()), "\n")
}

// happened is called with mu held.
func (m *Mock) happened() string {
	if log := m.log.String(); log != "" {
		return "  what has happened (→ to the server, ← from it):\n" + log
	}
	return "  nothing has happened"
}

// verify is the end of the test, or of the first client.
func (m *Mock) verify() {
	m.t.Helper()
	m.await(m.timeout(), func() bool { return m.over || m.unexpected || len(m.missing()) == 0 })
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.over && len(m.missing()) > 0 {
		m.errorf("%s", m.missingText())
	}
	m.over = true
	m.notify()
}

// errorf marks the test as failed, if it has not ended. It is called with mu held.
func (m *Mock) errorf(format string, args ...any) {
	if !m.over {
		m.t.Helper()
		m.t.Errorf("wstest: "+format, args...)
	}
}

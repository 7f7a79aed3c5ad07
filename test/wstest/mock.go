// This file is the Mock: what a test expects of the code under test, which
// commands have come, and what did not go as expected.

package wstest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// Mock is the test's side of a [MockClient] or a [MockActor]: it takes the
// commands that the code under test gives, does what the expectations for them
// say, and emits events.
//
// Every command is seen as a message of package messages, whichever way it came:
// Write, Queue and Send of a text by a client are a *messages.SendText, as is the message
// of that type to an actor.
//
// A command that no expectation is for marks the test as failed, at once, and is
// answered with an error. Those about the life of the connection (Close,
// FailConnection, Reconnect, Stop; Client.Abort is a FailConnection) need no
// expectation, but can have one. At the end of the test every expectation must
// have been met.
//
// A Mock is open from the beginning, with epoch 1; nobody is told unless the
// test calls [Mock.EmitOpen]. All methods are safe for concurrent use; those that
// can fail are for the goroutine that runs the test.
type Mock struct {
	core    *mockCore
	timeout time.Duration
}

// mockCore is what all views of a Mock share.
type mockCore struct {
	t TestingT
	// deliver gives an event to whom it concerns. awaited: somebody waits until
	// it was handled.
	deliver func(event any, awaited bool)

	mu           sync.Mutex
	changed      chan struct{} // closed and replaced when anything below changes
	over         bool          // the test has ended
	log          transcript
	expectations []*Expectation
	commands     []any
	pending      map[*exchange]struct{} // not answered, or with steps to come
	life         life
	pings        uint64 // sent by Client.Ping
	pongs        []*pongWaiter
	queue        []delivery
	delivering   bool // a goroutine takes from queue
}

func newMock(t TestingT, supervised bool) *Mock {
	c := &mockCore{
		t:       t,
		changed: make(chan struct{}),
		log:     transcript{start: time.Now()},
		pending: map[*exchange]struct{}{},
		life:    newLife(supervised),
	}
	t.Cleanup(c.end)
	return &Mock{core: c, timeout: DefaultTimeout}
}

// Within returns a view of the same Mock with another limit than DefaultTimeout
// for each of its waits.
func (m *Mock) Within(d time.Duration) *Mock { return &Mock{core: m.core, timeout: d} }

// Expect adds an expectation for a command that matches want: once, unless
// something else is said. A command goes to the first expectation that it
// matches and that has not been met in full.
func (m *Mock) Expect(want any) *Expectation {
	e := newExpectation(m.core, want)
	m.core.mu.Lock()
	defer m.core.mu.Unlock()
	m.core.expectations = append(m.core.expectations, e)
	return e
}

// Commands returns all commands that have come so far, in order, those that were
// not expected included.
func (m *Mock) Commands() []any {
	m.core.mu.Lock()
	defer m.core.mu.Unlock()
	return append([]any(nil), m.core.commands...)
}

// Transcript is a readable record of the last commands and events, one per line,
// as failure messages show it.
func (m *Mock) Transcript() string {
	m.core.mu.Lock()
	defer m.core.mu.Unlock()
	return m.core.log.String()
}

// Wait waits until every expectation has been met at least as often as it has
// to. It fails if that does not happen in time.
func (m *Mock) Wait() {
	m.core.t.Helper()
	if !m.core.await(m.timeout, func() bool { return len(m.core.missing()) == 0 }) {
		m.core.mu.Lock()
		problem := m.core.missingText()
		m.core.mu.Unlock()
		fatalf(m.core.t, "wstest: after %v %s", m.timeout, problem)
	}
}

// notify wakes everybody who waits for a change. It is called with mu held.
func (c *mockCore) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// await waits until done, which is called with mu held, and returns false if
// that takes longer than timeout.
func (c *mockCore) await(timeout time.Duration, done func() bool) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		c.mu.Lock()
		ok, changed := done(), c.changed
		c.mu.Unlock()
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
func (c *mockCore) missing() []*Expectation {
	var missing []*Expectation
	for _, e := range c.expectations {
		if e.calls < e.min {
			missing = append(missing, e)
		}
	}
	return missing
}

// missingText is called with mu held.
func (c *mockCore) missingText() string {
	lines := []string{"not everything has come that was expected:"}
	for _, e := range c.missing() {
		lines = append(lines, fmt.Sprintf("  %s: %s", e, came(e.calls)))
	}
	return strings.Join(append(lines, c.happened()), "\n")
}

// happened is called with mu held.
func (c *mockCore) happened() string {
	if log := c.log.String(); log != "" {
		return "  what has happened (→ to the connection, ← from it):\n" + log
	}
	return "  nothing has happened"
}

// end is the verification at the end of the test.
func (c *mockCore) end() {
	c.t.Helper()
	c.await(DefaultTimeout, func() bool { return !c.delivering })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if len(c.missing()) > 0 {
		c.t.Errorf("wstest: %s", c.missingText())
	}
}

// errorf marks the test as failed, if it has not ended. It is called with mu held.
func (c *mockCore) errorf(format string, args ...any) {
	if !c.over {
		c.t.Helper()
		c.t.Errorf("wstest: "+format, args...)
	}
}

// command takes a command from the code under test. answer is called once, on
// any goroutine, with nil if the command was carried out.
func (c *mockCore) command(command any, answer func(error)) {
	if err := refused(command); err != nil {
		answer(err)
		return
	}
	c.mu.Lock()
	expectations := c.expectations[:len(c.expectations):len(c.expectations)]
	c.mu.Unlock()
	mismatches := make([]string, len(expectations)) // found without mu: matchers are the user's code
	for i, e := range expectations {
		mismatches[i] = e.want.Mismatch(command)
	}

	c.mu.Lock()
	if err := c.life.admit(command); err != nil {
		c.mu.Unlock()
		answer(err)
		return
	}
	c.commands = append(c.commands, command)
	c.log.add("→ %s", show(command))
	e, problem := choose(expectations, mismatches, command)
	if problem != "" {
		c.errorf("unexpected command %s\n%s\n%s", show(command), problem, c.happened())
		c.notify()
		c.mu.Unlock()
		answer(fmt.Errorf("wstest: unexpected command %s", show(command)))
		return
	}
	x := newExchange(c, e, command, answer)
	c.pending[x] = struct{}{}
	c.notify()
	c.mu.Unlock()
	x.run()
}

// choose finds the expectation that a command is for. Both results are zero for
// a command that needs none. It is called with mu held.
func choose(expectations []*Expectation, mismatches []string, command any) (e *Expectation, problem string) {
	var problems []string
	matched := false
	for i, e := range expectations {
		problem := mismatches[i]
		if problem == "" {
			matched = true
			if problem = e.unavailable(); problem == "" {
				e.take()
				return e, ""
			}
		}
		problems = append(problems, fmt.Sprintf("  not %s:\n%s", e, indent(indent(problem))))
	}
	switch {
	case !matched && ofLife(command):
		return nil, ""
	case len(problems) == 0:
		return nil, "  nothing was expected"
	}
	return nil, strings.Join(problems, "\n")
}

// ofLife says whether a command is about the life of the connection.
func ofLife(command any) bool {
	switch command.(type) {
	case *messages.Close, *messages.FailConnection, *messages.Reconnect, *messages.Stop:
		return true
	}
	return false
}

// refused returns the error with which an open connection refuses a command
// whatever the server does.
func refused(command any) error {
	const anyNumber, anySize = 1 << 30, 1 << 40
	var reply protocol.Reply
	switch m := command.(type) {
	case *messages.SendText:
		return protocol.NewOutbound(anyNumber, anySize).SendText(m.Text, reply)
	case *messages.SendBinary:
		return nil
	case *messages.Ping:
		return protocol.NewOutbound(anyNumber, anySize).Ping(m.Data, reply)
	case *messages.Pong:
		return protocol.NewOutbound(anyNumber, anySize).Pong(m.Data, reply)
	case *messages.Close:
		return protocol.CheckClose(m.Code, m.Reason)
	}
	return nil
}

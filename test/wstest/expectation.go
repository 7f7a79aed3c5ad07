// This file is the Expectation: what is expected how often and when, and what the
// Mock then does.

package wstest

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Expectation is something that the client is expected to send, made by
// [Mock.Expect]. What is said about it should be said before it can come.
//
// How often and when: once, unless [Expectation.Times], [Expectation.AtLeast],
// [Expectation.AtMost] or [Expectation.AnyTimes] says otherwise; in any order,
// unless [InOrder] does.
//
// What the Mock then does are steps, carried out in the order in which they were
// written, each time it comes:
//
//	mock.Expect(subscribe).Reply("ack")
//	mock.Expect(subscribe).Delay(time.Second).Reply("ack").Reply("first news")
//	mock.Expect(subscribe).Close(wire.StatusPolicyViolation, "banned")
//	mock.Expect(ping).AnyTimes().Ignore()
//
// Without Reply, Do, Close, Lose and Ignore a Ping is answered with a Pong and a
// Close with a Close.
type Expectation struct {
	mock  *Mock
	want  Matcher
	where string // in the test

	// Guarded by mock.mu.
	min, max int // max < 0: no limit
	calls    int
	after    []*Expectation // these have to be met before
	past     bool           // one that has this in its after has come
	steps    []step
	own      bool // a step says what happens
}

// step is done on the connection, or is a delay.
type step struct {
	delay time.Duration
	do    func(x *exchange, c *Conn)
}

// newExpectation is called by what the test calls.
func newExpectation(m *Mock, want any) *Expectation {
	e := &Expectation{mock: m, want: toMatcher(want), min: 1, max: 1}
	if _, file, line, ok := runtime.Caller(2); ok {
		e.where = fmt.Sprintf(" (%s:%d)", filepath.Base(file), line)
	}
	return e
}

// Times expects it n times. 0 forbids it.
func (e *Expectation) Times(n int) *Expectation { return e.count(n, n) }

// AtLeast expects it n times or more.
func (e *Expectation) AtLeast(n int) *Expectation { return e.count(n, -1) }

// AtMost allows it up to n times.
func (e *Expectation) AtMost(n int) *Expectation { return e.count(0, n) }

// AnyTimes allows it any number of times, also never.
func (e *Expectation) AnyTimes() *Expectation { return e.count(0, -1) }

func (e *Expectation) count(min, max int) *Expectation {
	e.mock.mu.Lock()
	defer e.mock.mu.Unlock()
	e.min, e.max = min, max
	return e
}

// InOrder says that these have to come in this order: each only when the one
// before it has come as often as it has to, which from then on must not come any
// more. All have to be of the same Mock.
func InOrder(expectations ...*Expectation) {
	for i, e := range expectations[min(1, len(expectations)):] {
		if e.mock != expectations[0].mock {
			panic("wstest: InOrder of expectations of different mocks")
		}
		e.mock.mu.Lock()
		e.after = append(e.after, expectations[i])
		e.mock.mu.Unlock()
	}
}

// Reply sends messages, as [Mock.Send] does.
func (e *Expectation) Reply(values ...any) *Expectation {
	var frames []byte
	for _, v := range values {
		frames = append(frames, sent(v)...)
	}
	return e.then(func(x *exchange, c *Conn) {
		for _, v := range values {
			x.mock.note("← %s", show(v))
		}
		if len(frames) > 0 {
			c.WriteRaw(frames)
		}
	})
}

// Do lets f do anything with the connection, such as sending what follows from
// what it got. It runs on a goroutine of the Mock; what fails in it marks the test
// as failed.
func (e *Expectation) Do(f func(c *Conn, got any)) *Expectation {
	return e.then(func(x *exchange, c *Conn) { f(c.Within(x.mock.timeout()), x.got) })
}

// Close begins the closing handshake, as [Mock.Close] does.
func (e *Expectation) Close(code wire.StatusCode, reason string) *Expectation {
	return e.then(func(x *exchange, c *Conn) { x.mock.close(c, code, reason) })
}

// Lose ends the connection without a Close, as [Mock.Lose] does.
func (e *Expectation) Lose() *Expectation {
	return e.then(func(x *exchange, c *Conn) { x.mock.lose(c) })
}

// Ignore does nothing: a Ping or Close stays unanswered.
func (e *Expectation) Ignore() *Expectation { return e.then(func(*exchange, *Conn) {}) }

// Delay lets d pass before the next step. What else the client sends meanwhile is
// dealt with. If the connection ends meanwhile the steps behind are not done.
func (e *Expectation) Delay(d time.Duration) *Expectation {
	e.mock.mu.Lock()
	defer e.mock.mu.Unlock()
	e.steps = append(e.steps, step{delay: d})
	return e
}

func (e *Expectation) then(do func(x *exchange, c *Conn)) *Expectation {
	e.mock.mu.Lock()
	defer e.mock.mu.Unlock()
	e.steps = append(e.steps, step{do: do})
	e.own = true
	return e
}

// exchange is something that was received, and what is to be done about it.
type exchange struct {
	mock  *Mock
	conn  *Conn
	got   any
	steps []step
	free  bool // what a working server does is done, behind the steps
}

// run does steps, those behind a delay on another goroutine. It reports whether
// it has done what a working server does.
func (x *exchange) run() (free bool) {
	for len(x.steps) > 0 {
		s := x.steps[0]
		x.steps = x.steps[1:]
		if s.delay > 0 {
			x.later(s.delay)
			return false
		}
		s.do(x, x.conn)
	}
	if !x.free {
		return false
	}
	switch got := x.got.(type) {
	case *messages.Ping:
		x.conn.SendPong(got.Data)
	case *messages.Close:
		code := got.Code
		if code == 0 {
			code = wire.StatusNoStatus
		}
		x.mock.close(x.conn, code, got.Reason)
	}
	return true
}

// later goes on after d.
func (x *exchange) later(d time.Duration) {
	x.conn.Go(func(c *Conn) {
		c.link.pause(d)
		_ = x.mock.attempt(c, func(c *Conn) { // it fails if the client is gone
			x.conn = c
			if _, ok := x.got.(*messages.Close); x.run() && ok {
				c.CloseWrite()
			}
		})
	})
}

// String describes what is expected, and where in the test.
func (e *Expectation) String() string {
	count := "any number of times"
	switch {
	case e.min == e.max:
		count = times(e.min)
	case e.max >= 0 && e.min == 0:
		count = "at most " + times(e.max)
	case e.min > 0:
		count = "at least " + times(e.min)
	}
	return fmt.Sprintf("%s, %s%s", e.want, count, e.where)
}

// choose finds the expectation that something is for, and takes it. If there is
// none it says why, and reports whether one matches nevertheless. It is called with
// mu held.
func choose(expectations []*Expectation, mismatches []string) (e *Expectation, matches bool, problem string) {
	problems := []string{"  nothing was expected"}
	for i, e := range expectations {
		problem := mismatches[i]
		if problem == "" {
			matches = true
			if problem = e.unavailable(); problem == "" {
				e.take()
				return e, true, ""
			}
		}
		problems = append(problems, fmt.Sprintf("  not %s:\n%s", e, indent(indent(problem))))
	}
	return nil, matches, strings.Join(problems[min(1, len(expectations)):], "\n")
}

// unavailable says why what matches is not for this expectation. It is called with
// mu held.
func (e *Expectation) unavailable() string {
	switch {
	case e.past:
		return "it matches, but what had to come behind it has come already"
	case e.max == 0:
		return "it matches, but must not come"
	case e.max > 0 && e.calls >= e.max:
		return fmt.Sprintf("it matches, but %s already", came(e.calls))
	}
	for _, before := range e.after {
		if before.calls < before.min {
			return fmt.Sprintf("it matches, but has to come behind %s, which %s", before, came(before.calls))
		}
	}
	return ""
}

// take counts what has come. It is called with mu held.
func (e *Expectation) take() {
	e.calls++
	for _, before := range e.after {
		before.pass()
	}
}

func (e *Expectation) pass() {
	if e.past {
		return
	}
	e.past = true
	for _, before := range e.after {
		before.pass()
	}
}

func came(n int) string {
	if n == 0 {
		return "never came"
	}
	return "came " + times(n)
}

func times(n int) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

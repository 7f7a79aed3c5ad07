// This file is the Expectation: which command is expected how often and when,
// and what then happens.

package wstest

import (
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Expectation is an expected command, made by [Mock.Expect]. What is said about
// it should be said before the command can come.
//
// How often and when: once, unless [Expectation.Times], [Expectation.AtLeast],
// [Expectation.AtMost] or [Expectation.AnyTimes] says otherwise; in any order,
// unless [InOrder] does.
//
// What then happens are steps, carried out in the order in which they were
// written, each time the command comes. The command is answered (the method of
// the client returns, the sender gets Sent) at [Expectation.Accept] or
// [Expectation.Fail], else at the first Reply, Close or Lose, else at the end:
//
//	mock.Expect(subscribe).ReplyText("ack")                             // at once
//	mock.Expect(subscribe).Delay(time.Second).ReplyText("ack")          // sending takes a second
//	mock.Expect(subscribe).Accept().Delay(time.Second).ReplyText("ack") // the server takes a second
//	mock.Expect(subscribe).Fail(messages.ErrQueueFull)
//
// An expectation without Reply, Close and Lose does what a working server makes
// of the command: a Ping is answered with a Pong, a Close with a Close.
type Expectation struct {
	core  *mockCore
	want  Matcher
	where string // in the test

	// Guarded by core.mu.
	min, max int // max < 0: no limit
	calls    int
	after    []*Expectation // these have to be met before
	past     bool           // one that has this in its after has come
	steps    []step
	own      bool // a step says what happens to the connection
}

// step is done to an exchange, or is a delay.
type step struct {
	delay time.Duration
	do    func(x *exchange)
}

// newExpectation is called by what the test calls.
func newExpectation(c *mockCore, want any) *Expectation {
	e := &Expectation{core: c, want: toMatcher(want), min: 1, max: 1}
	if _, file, line, ok := runtime.Caller(2); ok {
		e.where = fmt.Sprintf(" (%s:%d)", filepath.Base(file), line)
	}
	return e
}

// Times expects the command n times. 0 forbids it.
func (e *Expectation) Times(n int) *Expectation { return e.count(n, n) }

// AtLeast expects the command n times or more.
func (e *Expectation) AtLeast(n int) *Expectation { return e.count(n, -1) }

// AtMost allows the command up to n times.
func (e *Expectation) AtMost(n int) *Expectation { return e.count(0, n) }

// AnyTimes allows the command any number of times, also never.
func (e *Expectation) AnyTimes() *Expectation { return e.count(0, -1) }

func (e *Expectation) count(min, max int) *Expectation {
	e.core.mu.Lock()
	defer e.core.mu.Unlock()
	e.min, e.max = min, max
	return e
}

// InOrder says that the commands have to come in this order: each only when the
// one before it has come as often as it has to, which from then on must not come
// any more. All have to be of the same Mock.
func InOrder(expectations ...*Expectation) {
	for i, e := range expectations {
		if i == 0 {
			continue
		}
		if e.core != expectations[0].core {
			panic("wstest: InOrder of expectations of different mocks")
		}
		e.core.mu.Lock()
		e.after = append(e.after, expectations[i-1])
		e.core.mu.Unlock()
	}
}

// Accept answers the command: it has been sent.
func (e *Expectation) Accept() *Expectation {
	return e.then(step{do: func(x *exchange) { x.accept() }})
}

// Fail answers the command with err: the method of the client returns it, the
// sender gets it in a SendFailed. Nothing else happens by that.
func (e *Expectation) Fail(err error) *Expectation {
	return e.then(step{do: func(x *exchange) { x.answerWith(err) }})
}

// Delay lets d pass before the next step, or before the answer if that has not
// been given. What cannot wait, such as Client.Send or an actor, goes on
// meanwhile. If the connection ends during the delay, the command fails (unless
// it was answered), and the steps behind are not done.
func (e *Expectation) Delay(d time.Duration) *Expectation { return e.then(step{delay: d}) }

// Reply emits events, as [Mock.Emit] does, but does not wait until they are handled.
func (e *Expectation) Reply(events ...any) *Expectation {
	return e.ReplyFunc(func(any) []any { return events })
}

// ReplyText emits a text message of the server.
func (e *Expectation) ReplyText(text string) *Expectation {
	return e.ReplyFunc(func(any) []any { return []any{&messages.TextReceived{Text: text}} })
}

// ReplyFunc emits the events that f makes of the command. f runs on the goroutine
// of the caller, or of a timer behind a Delay.
func (e *Expectation) ReplyFunc(f func(command any) []any) *Expectation {
	return e.thenOwn(func(x *exchange) { x.core.emit(f(x.command)...) })
}

// Close makes the server close the connection: see [Mock.EmitClose].
func (e *Expectation) Close(code wire.StatusCode, reason string) *Expectation {
	return e.thenOwn(func(x *exchange) { x.core.emitClose(code, reason) })
}

// Lose makes the connection be lost: see [Mock.EmitLost].
func (e *Expectation) Lose(cause error) *Expectation {
	return e.thenOwn(func(x *exchange) { x.core.emitLost(cause) })
}

func (e *Expectation) then(s step) *Expectation {
	e.core.mu.Lock()
	defer e.core.mu.Unlock()
	e.steps = append(e.steps, s)
	return e
}

// thenOwn adds a step that happens to the connection, behind the answer.
func (e *Expectation) thenOwn(do func(x *exchange)) *Expectation {
	e.then(step{do: func(x *exchange) {
		x.accept()
		do(x)
	}})
	e.core.mu.Lock()
	defer e.core.mu.Unlock()
	e.own = true
	return e
}

// String describes what is expected, and where in the test.
func (e *Expectation) String() string {
	count := "any number of times"
	switch {
	case e.min == e.max:
		count = times(e.min)
	case e.max >= 0 && e.min == 0:
		count = "at most " + times(e.max)
	case e.max >= 0:
		count = fmt.Sprintf("%d to %d times", e.min, e.max)
	case e.min > 0:
		count = "at least " + times(e.min)
	}
	return fmt.Sprintf("%s, %s%s", e.want, count, e.where)
}

// unavailable says why a command that matches is not for this expectation. It is
// called with mu held.
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

// take counts a command. It is called with mu held.
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

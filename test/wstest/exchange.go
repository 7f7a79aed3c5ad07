// This file is the exchange: one command, from when it comes until the last
// step of its expectation is done.

package wstest

import (
	"bytes"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

type exchange struct {
	core    *mockCore
	command any
	start   time.Time
	steps   []step
	own     bool // the steps say what happens to the connection
	answer  func(error)

	// Guarded by core.mu.
	answered bool
	gone     bool // the connection has ended before the answer: no more steps
}

// newExchange is called with mu held. e is nil for a command that needs no expectation.
func newExchange(c *mockCore, e *Expectation, command any, answer func(error)) *exchange {
	x := &exchange{core: c, command: command, start: time.Now(), answer: answer}
	if e != nil {
		x.steps, x.own = e.steps, e.own
	}
	return x
}

// run does steps until one is a delay, which calls it again.
func (x *exchange) run() {
	for len(x.steps) > 0 {
		if x.isGone() {
			return
		}
		s := x.steps[0]
		x.steps = x.steps[1:]
		if s.delay > 0 {
			x.wait(s.delay)
			return
		}
		if s.do != nil {
			s.do(x)
		}
	}
	x.accept()
	x.core.mu.Lock()
	delete(x.core.pending, x)
	x.core.mu.Unlock()
}

// wait goes on later, unless the connection that there is now ends meanwhile.
func (x *exchange) wait(d time.Duration) {
	connection := x.core.connection()
	time.AfterFunc(d, func() {
		if connection == 0 || connection == x.core.connection() {
			x.run()
			return
		}
		x.core.mu.Lock()
		defer x.core.mu.Unlock()
		delete(x.core.pending, x)
	})
}

func (x *exchange) isGone() bool {
	x.core.mu.Lock()
	defer x.core.mu.Unlock()
	return x.gone || x.core.over
}

// answerWith answers the command unless that has been done. It returns whether
// it has.
func (x *exchange) answerWith(err error) bool {
	x.core.mu.Lock()
	if x.answered || x.core.over {
		x.core.mu.Unlock()
		return false
	}
	x.answered = true
	x.core.mu.Unlock()
	x.answer(err)
	return true
}

// accept answers the command and does what a working server makes of it.
func (x *exchange) accept() {
	switch x.command.(type) {
	case *messages.Close, *messages.Stop:
		x.core.mu.Lock()
		x.core.life.wanted = x.core.life.wanted || !x.answered
		x.core.mu.Unlock()
	}
	if x.answerWith(nil) && !x.own {
		x.core.emitLazily(x.effects)
	}
}

// effects are the events that a command leads to. It is called with mu held.
func (x *exchange) effects(l *life) []any {
	connected := l.state == messages.StateOpen || l.state == messages.StateClosing
	switch cmd := x.command.(type) {
	case *messages.Ping:
		return []any{&messages.PongReceived{Data: bytes.Clone(cmd.Data), RTT: time.Since(x.start)}}
	case *messages.Close:
		return l.closing(connected, cmd.Code, cmd.Reason)
	case *messages.Stop:
		return l.closing(connected, wire.StatusGoingAway, "")
	case *messages.FailConnection:
		return l.failing(connected, cmd)
	case *messages.Reconnect:
		if l.wanted {
			return nil
		}
		var events []any
		if connected {
			events = closedByUs(wire.StatusGoingAway, "")
		}
		return append(events, &messages.Connecting{}, &messages.Opened{})
	}
	return nil
}

// This file emits the events of a mocked connection: one after the other, on a
// goroutine of their own, as a real one does.

package wstest

import (
	"runtime/debug"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// delivery is an event on its way to the code under test.
type delivery struct {
	event   any
	handled chan struct{} // closed when it was handled; nil if nobody waits
}

// Emit emits events as the connection would: to the callbacks of the Handler, to
// Client.Read, to the target. It returns when they were handled; data to be read
// with Client.Read counts as handled when it is there. It fails if that takes too
// long. Code that handles an event must not call it.
//
// Events change the state of the connection: after a *messages.Closing it takes
// no more messages, after a *messages.Stopped a client has ended. An Epoch that is
// 0 becomes the current one; Connecting begins a new one, as does an Opened
// without it behind a Closed. A target can be sent any other message too.
func (m *Mock) Emit(events ...any) {
	m.core.t.Helper()
	m.wait(m.core.emitAwaited(func(*life) []any { return events }))
}

// EmitOpen emits what happens when the connection opens: Connecting, unless that
// is the state already, and Opened. What opened leaves out is filled in; it may be nil.
func (m *Mock) EmitOpen(opened *messages.Opened) {
	m.core.t.Helper()
	if opened == nil {
		opened = &messages.Opened{}
	}
	m.wait(m.core.emitAwaited(func(l *life) []any {
		switch l.state {
		case messages.StateConnecting:
			return []any{opened}
		case messages.StateOpen: // from the beginning, but nobody knows
			return []any{&messages.Connecting{Epoch: l.epoch}, opened}
		}
		return []any{&messages.Connecting{}, opened}
	}))
}

// EmitClose emits what happens when the server closes the connection and the
// client answers: Closing, Closed, and Stopped unless it is supervised. Code 0 is
// a Close without a status.
func (m *Mock) EmitClose(code wire.StatusCode, reason string) {
	m.core.t.Helper()
	m.wait(m.core.emitAwaited(func(l *life) []any { return l.closedByServer(code, reason) }))
}

// EmitLost emits what happens when the connection is lost: Closed with the code
// 1006 and that cause, and Stopped unless it is supervised. A *messages.CloseError
// as cause is used as it is.
func (m *Mock) EmitLost(cause error) {
	m.core.t.Helper()
	m.wait(m.core.emitAwaited(func(l *life) []any { return l.lostFor(cause) }))
}

// wait waits until an event was handled.
func (m *Mock) wait(handled <-chan struct{}) {
	m.core.t.Helper()
	timer := time.NewTimer(m.timeout)
	defer timer.Stop()
	select {
	case <-handled:
	case <-timer.C:
		fatalf(m.core.t, "wstest: an event was not handled within %v; %s", m.timeout,
			"either the code under test hangs, or the code that handles an event has emitted one itself")
	}
}

func (c *mockCore) emit(events ...any) { c.emitLazily(func(*life) []any { return events }) }

func (c *mockCore) emitClose(code wire.StatusCode, reason string) {
	c.emitLazily(func(l *life) []any { return l.closedByServer(code, reason) })
}

func (c *mockCore) emitLost(cause error) {
	c.emitLazily(func(l *life) []any { return l.lostFor(cause) })
}

// emitAwaited returns a channel that is closed when the last event was handled.
func (c *mockCore) emitAwaited(events func(l *life) []any) <-chan struct{} {
	c.t.Helper()
	handled := make(chan struct{})
	c.post(events, handled)
	return handled
}

func (c *mockCore) emitLazily(events func(l *life) []any) { c.post(events, nil) }

// post lets the events that follow from the present state happen, with handled
// closed behind the last one. Behind Stopped nothing happens any more.
func (c *mockCore) post(makeEvents func(l *life) []any, handled chan struct{}) {
	c.mu.Lock()
	events := makeEvents(&c.life)
	if c.life.state == messages.StateStopped && len(events) > 0 && handled != nil {
		c.t.Helper()
		c.errorf("Emit %s: the connection is STOPPED, nothing can follow", show(events[0]))
	}
	var overtaken []func()
	for _, event := range events {
		if c.life.state == messages.StateStopped || c.over {
			break
		}
		event = c.life.enter(event)
		c.log.add("← %s", show(event))
		c.queue = append(c.queue, delivery{event: event})
		c.pong(event)
		overtaken = append(overtaken, c.overtaken()...)
	}
	if handled != nil {
		c.queue = append(c.queue, delivery{handled: handled})
	}
	if !c.delivering && len(c.queue) > 0 {
		c.delivering = true
		go c.deliverAll()
	}
	c.notify()
	c.mu.Unlock()
	for _, fail := range overtaken {
		fail()
	}
}

// overtaken takes out the exchanges whose answer the end of the connection has
// overtaken, and returns what answers them. It is called with mu held.
func (c *mockCore) overtaken() (fail []func()) {
	err := c.life.ended()
	if err == nil {
		return nil
	}
	for x := range c.pending {
		if !x.answered {
			x.gone = true
			delete(c.pending, x)
			fail = append(fail, func() { x.answerWith(err) })
		}
	}
	return fail
}

// deliverAll runs until nothing is to be delivered. A callback that ends its
// goroutine (t.FailNow) does not end the deliveries.
func (c *mockCore) deliverAll() {
	finished := false
	defer func() {
		if !finished {
			go c.deliverAll()
		}
	}()
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.delivering = false
			c.notify()
			c.mu.Unlock()
			finished = true
			return
		}
		d := c.queue[0]
		c.queue = c.queue[1:]
		awaited := len(c.queue) > 0 && c.queue[0].handled != nil
		c.mu.Unlock()
		if d.handled != nil {
			close(d.handled)
			continue
		}
		c.deliverOne(d.event, awaited)
	}
}

func (c *mockCore) deliverOne(event any, awaited bool) {
	defer func() {
		if p := recover(); p != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.errorf("the handler of %s panicked: %v\n%s", show(event), p, debug.Stack())
		}
	}()
	c.deliver(event, awaited)
}

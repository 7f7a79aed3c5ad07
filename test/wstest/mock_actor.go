// This file is the MockActor: a Mock behind a PID, in place of the actor of
// package supervisor.

package wstest

import (
	"fmt"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
)

// MockActor stands in for the actor of package supervisor in the unit test of an
// actor that uses one. It takes the commands of package messages, answers their
// sender with Sent or SendFailed, and emits events to its target. A
// *messages.GetStatus is answered without an expectation.
//
// Code that is given a PID gets that of [MockActor.Spawn]. Code that spawns its
// connection itself gets [MockActor.Props] in place of supervisor.Props:
//
//	conn := wstest.NewMockActor(t)
//	feed := system.Root.Spawn(newFeed(conn.Props)) // calls ctx.Spawn(props(supervisor.Config{…}))
//	conn.Expect(wstest.Text("subscribe"))
//	conn.EmitOpen(nil)
//	conn.Wait()
//
// The actor stops itself behind a Stopped event, as a real one does. The end of a
// connection is not its end unless its Config allows one attempt only (Retry.MaxAttempts is 1).
type MockActor struct {
	*Mock
	t TestingT

	mu     sync.Mutex
	config supervisor.Config
	pid    *actor.PID
	system *actor.ActorSystem
	ready  chan struct{} // closed when pid and system are there
}

// NewMockActor makes a MockActor, which is still to be spawned.
func NewMockActor(t TestingT) *MockActor {
	m := &MockActor{Mock: newMock(t, true), t: t, ready: make(chan struct{})}
	m.core.deliver = m.send
	t.Cleanup(m.stop)
	return m
}

// Spawn starts the actor. Events go to target, which may be nil.
func (m *MockActor) Spawn(system *actor.ActorSystem, target *actor.PID) *actor.PID {
	return system.Root.Spawn(m.Props(supervisor.Config{Target: target}))
}

// Props has the form of supervisor.Props. Of cfg only Target and Once count. What
// is spawned of it last is where events come from.
func (m *MockActor) Props(cfg supervisor.Config) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &mockActor{core: m.core, started: func(ctx actor.Context) { m.started(ctx, cfg) }}
	})
}

// Config is what Props was given, for tests of how a connection is set up. It
// waits until the actor was spawned.
func (m *MockActor) Config() supervisor.Config {
	m.t.Helper()
	m.awaitSpawn()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.config
}

// PID is the actor. It waits until it was spawned, and fails if that does not
// happen in time.
func (m *MockActor) PID() *actor.PID {
	m.t.Helper()
	m.awaitSpawn()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pid
}

func (m *MockActor) awaitSpawn() {
	m.t.Helper()
	if !m.spawned() {
		fatalf(m.t, "wstest: the mock actor was not spawned within %v", m.timeout)
	}
}

func (m *MockActor) spawned() bool {
	timer := time.NewTimer(m.timeout)
	defer timer.Stop()
	select {
	case <-m.ready:
		return true
	case <-timer.C:
		return false
	}
}

func (m *MockActor) started(ctx actor.Context, cfg supervisor.Config) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pid == nil {
		close(m.ready)
	}
	m.config, m.pid, m.system = cfg, ctx.Self(), ctx.ActorSystem()
	m.core.begin(cfg.Retry.MaxAttempts != 1)
}

// send gives an event to the target. If somebody waits for that it comes back
// when the target has handled it.
func (m *MockActor) send(event any, awaited bool) {
	if !m.spawned() {
		panic("the mock actor was not spawned")
	}
	m.mu.Lock()
	target, self, system := m.config.Target, m.pid, m.system
	m.mu.Unlock()
	if target != nil {
		system.Root.RequestWithCustomSender(target, event, self)
		if awaited {
			<-idle(system, target)
		}
	}
	if stopped, ok := event.(*messages.Stopped); ok {
		system.Root.Send(self, &mockStopped{stopped})
	}
}

// idle returns a channel that is closed when target has handled what was sent to
// it before, which an answer to a Touch shows, or has terminated.
func idle(system *actor.ActorSystem, target *actor.PID) <-chan struct{} {
	done := make(chan struct{})
	close := sync.OnceFunc(func() { close(done) })
	system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			ctx.Watch(target)
			ctx.Request(target, &actor.Touch{})
		case *actor.Touched, *actor.Terminated:
			close()
			ctx.Stop(ctx.Self())
		}
	}))
	return done
}

// stop is the end of the test.
func (m *MockActor) stop() {
	select {
	case <-m.ready:
		m.mu.Lock()
		defer m.mu.Unlock()
		m.system.Root.Stop(m.pid)
	default:
	}
}

// spawnMock starts an actor that gives commands to a Mock, for a MockClient.
func spawnMock(c *mockCore, system *actor.ActorSystem) *actor.PID {
	pid := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return &mockActor{core: c} }))
	c.t.Cleanup(func() { system.Root.Stop(pid) })
	return pid
}

// mockActor takes commands from its mailbox.
type mockActor struct {
	core     *mockCore
	started  func(actor.Context) // may be nil
	stoppers []*actor.PID
}

// mockStopped tells the actor that the target has been sent the Stopped.
type mockStopped struct{ event *messages.Stopped }

func (a *mockActor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		if a.started != nil {
			a.started(ctx)
		}
	case *mockStopped:
		for _, pid := range a.stoppers {
			ctx.Send(pid, msg.event)
		}
		ctx.Stop(ctx.Self())
	case *messages.GetStatus:
		ctx.Respond(a.core.status())
	case *messages.Stop:
		if ctx.Sender() != nil {
			a.stoppers = append(a.stoppers, ctx.Sender())
		}
		a.core.command(msg, func(error) {})
	case *messages.SendText:
		a.give(ctx, msg, msg.Ref)
	case *messages.SendBinary:
		a.give(ctx, msg, msg.Ref)
	case *messages.SendFragment:
		a.give(ctx, msg, msg.Ref)
	case *messages.Ping:
		a.give(ctx, msg, msg.Ref)
	case *messages.Pong:
		a.give(ctx, msg, msg.Ref)
	case *messages.Close:
		a.give(ctx, msg, msg.Ref)
	case *messages.FailConnection, *messages.Reconnect:
		a.core.command(msg, func(error) {})
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Touch:
	default:
		a.core.unknown(msg)
	}
}

// give gives a command to the Mock and its sender the answer.
func (a *mockActor) give(ctx actor.Context, command any, ref uint64) {
	sender, root := ctx.Sender(), ctx.ActorSystem().Root
	a.core.command(command, func(err error) {
		if sender == nil {
			return
		}
		epoch := a.core.connection()
		if err != nil {
			root.Send(sender, &messages.SendFailed{Epoch: epoch, Ref: ref, Err: err})
		} else {
			root.Send(sender, &messages.Sent{Epoch: epoch, Ref: ref})
		}
	})
}

// begin is the start of an actor, which begins a new life if the last one has ended.
func (c *mockCore) begin(supervised bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.state == messages.StateStopped {
		c.life = newLife(supervised)
		c.notify()
	}
	c.life.supervised = supervised
}

// connection is the epoch of the connection, 0 if there is none.
func (c *mockCore) connection() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.state == messages.StateOpen || c.life.state == messages.StateClosing {
		return c.life.epoch
	}
	return 0
}

func (c *mockCore) status() *messages.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &messages.Status{State: c.life.state, Epoch: c.life.epoch, Attempt: 1, URL: mockURL}
	if c.life.opened != nil {
		s.URL, s.Subprotocol = c.life.opened.URL, c.life.opened.Subprotocol
	}
	if c.life.closed != nil {
		s.LastCause = c.life.closed
	}
	return s
}

// unknown is a message that no connection takes.
func (c *mockCore) unknown(message any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errorf("the connection was sent %s, which is no command", fmt.Sprintf("%T %s", message, show(message)))
}

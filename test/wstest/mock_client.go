// This file is the MockClient: the methods of a client over a Mock.

package wstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/wire"
)

// MockOptions are options of a MockClient. The zero value is good.
type MockOptions struct {
	// Handler gets the events. If it has one of OnText, OnBinary, OnBorrowed and
	// OnFragment, data goes to it; else data is to be read. What OnBorrowed was
	// given is overwritten when it has returned.
	//
	// The client that its callbacks are given is a real one on an in-memory
	// connection to the Mock: what they send with it are commands for the
	// expectations, soon after ([Mock.Wait] waits for them). Its methods do not
	// tell of the events, and sending with it succeeds before Fail could make it
	// fail: that resets its connection instead.
	Handler *dandelion.Handler

	// Supervised: it behaves as if made by dandelion.Supervise. The end of a
	// connection is then not the end of the client, and the test emits what
	// follows. Default: as if made by dandelion.Dial.
	Supervised bool

	// System is where actors live, if there have to be any. Default: one of
	// NewSystem, made when it is needed.
	System *actor.ActorSystem
}

// MockClient stands in for a *dandelion.Client in a unit test: it has the same
// methods, without a network, and those of a [Mock].
//
//	client := wstest.NewMockClient(t, nil)
//	client.Expect(wstest.Text("hello")).ReplyText("hello yourself")
//	greet(client) // the code under test
//
// Write, Queue and Ping wait as those of a real client do: for the connection
// to be open, for the delays of the expectation, until their context ends.
type MockClient struct {
	*Mock
	t       TestingT
	handler *dandelion.Handler // nil if there is none
	inbox   mockInbox
	system  func() *actor.ActorSystem // made when it is needed
	loop    func() *loopback

	spawn sync.Once
	pid   atomic.Pointer[actor.PID] // nil until somebody asks for it
}

// NewMockClient makes a client that is open. opts may be nil.
func NewMockClient(t TestingT, opts *MockOptions) *MockClient {
	if opts == nil {
		opts = &MockOptions{}
	}
	m := &MockClient{Mock: newMock(t, opts.Supervised), t: t}
	m.inbox.arrived = make(chan struct{})
	if opts.Handler != nil {
		h := *opts.Handler
		m.handler = &h
	}
	m.system = sync.OnceValue(func() *actor.ActorSystem {
		if opts.System != nil {
			return opts.System
		}
		return NewSystem(t)
	})
	m.loop = sync.OnceValue(func() *loopback { return newLoopback(t, m.core, m.system()) })
	m.core.deliver = func(event any, _ bool) { m.receive(event) }
	return m
}

// receive takes an event of the connection.
func (m *MockClient) receive(event any) {
	if m.handler != nil {
		callHandler(m.handler, m.loop().client, event)
	}
	if m.handler == nil || !takesData(m.handler) {
		m.inbox.put(event)
	}
	if stopped, ok := event.(*messages.Stopped); ok && m.pid.Load() != nil {
		m.system().Root.Send(m.pid.Load(), &mockStopped{stopped})
	}
}

// PID is an actor that takes the commands of package messages.
func (m *MockClient) PID() *actor.PID {
	m.spawn.Do(func() { m.pid.Store(spawnMock(m.core, m.system())) })
	return m.pid.Load()
}

// System is the actor system of PID.
func (m *MockClient) System() *actor.ActorSystem { return m.system() }

// State returns the state that the events so far have led to.
func (m *MockClient) State() messages.State {
	m.core.mu.Lock()
	defer m.core.mu.Unlock()
	return m.core.life.state
}

// Opened returns the last Opened event.
func (m *MockClient) Opened() *messages.Opened {
	m.core.mu.Lock()
	defer m.core.mu.Unlock()
	return m.core.life.opened
}

// Done returns a channel that is closed by a Stopped event.
func (m *MockClient) Done() <-chan struct{} { return m.core.life.done }

// Err says why the client has ended, nil as long as it has not.
func (m *MockClient) Err() error {
	m.core.mu.Lock()
	defer m.core.mu.Unlock()
	return m.core.life.err
}

// Read returns the next message that was emitted.
func (m *MockClient) Read(ctx context.Context) (dandelion.Message, error) {
	if m.handler != nil && takesData(m.handler) {
		return dandelion.Message{}, errors.New("read: the messages go to the Handler; set none of OnText, OnBinary, OnBorrowed and OnFragment to read them")
	}
	for {
		msg, ok, ended, arrived := m.inbox.take()
		switch {
		case ok:
			return msg, nil
		case ended:
			return msg, m.Err()
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return msg, ctx.Err()
		}
	}
}

// Messages returns the messages as they are read.
func (m *MockClient) Messages(ctx context.Context) iter.Seq2[dandelion.Message, error] {
	return func(yield func(dandelion.Message, error) bool) {
		for {
			msg, err := m.Read(ctx)
			var closed *messages.CloseError
			if errors.As(err, &closed) && closed.Clean && closed.Code == wire.StatusNormal {
				return
			}
			if !yield(msg, err) || err != nil {
				return
			}
		}
	}
}

// Write is a *messages.SendText or *messages.SendBinary, with a copy of the payload.
func (m *MockClient) Write(ctx context.Context, msg dandelion.Message) error {
	command, err := sendCommand(msg)
	if err != nil {
		return err
	}
	return m.write(ctx, command)
}

// Writer sends each part as a *messages.SendFragment; a message in one part is a
// *messages.SendText or *messages.SendBinary. See MockOptions.Handler for what
// Fail does to it.
func (m *MockClient) Writer(ctx context.Context, kind messages.Kind) *dandelion.MessageWriter {
	return m.loop().client.Writer(ctx, kind)
}

// Queue is Send, but waits until the mock is open.
func (m *MockClient) Queue(ctx context.Context, msg dandelion.Message) error {
	command, err := sendCommand(msg)
	if err != nil {
		return err
	}
	if err := m.core.awaitOpen(ctx); err != nil {
		return err
	}
	return m.send(command)
}

// Send is a *messages.SendText or *messages.SendBinary, with a copy of the payload.
func (m *MockClient) Send(msg dandelion.Message) error {
	command, err := sendCommand(msg)
	if err != nil {
		return err
	}
	return m.send(command)
}

// Ping is a *messages.Ping. It returns with the next PongReceived.
func (m *MockClient) Ping(ctx context.Context) (rtt time.Duration, err error) {
	data := m.core.nextPing()
	pong := m.core.awaitPong(data)
	defer m.core.forgetPong(pong)
	answer := make(chan error, 1)
	m.core.command(&messages.Ping{Data: data}, func(err error) { answer <- err })
	for {
		select {
		case rtt := <-pong.rtt:
			return rtt, nil
		case err := <-pong.lost:
			return 0, err
		case err := <-answer:
			if err != nil {
				return 0, m.orEnd(err)
			}
			answer = nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// SendPing is a *messages.Ping.
func (m *MockClient) SendPing(data []byte) error {
	return m.send(&messages.Ping{Data: bytes.Clone(data)})
}

// SendPong is a *messages.Pong.
func (m *MockClient) SendPong(data []byte) error {
	return m.send(&messages.Pong{Data: bytes.Clone(data)})
}

// Close is a *messages.Close, and waits for the end of the client. A client that is
// closing or has ended is not closed again.
func (m *MockClient) Close(ctx context.Context, code wire.StatusCode, reason string) error {
	if state := m.State(); state != messages.StateClosing && state != messages.StateStopped {
		if err := m.give(ctx, &messages.Close{Code: code, Reason: reason}); err != nil && m.Err() == nil {
			return err
		}
	} else if err := protocol.CheckClose(code, reason); err != nil {
		return err
	}
	select {
	case <-m.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	var closed *messages.CloseError
	if errors.As(m.Err(), &closed) && !closed.Clean {
		return closed
	}
	return nil
}

// Abort is a *messages.FailConnection with the code 0. The client has then ended.
func (m *MockClient) Abort() {
	m.core.command(&messages.FailConnection{Cause: errAborted}, func(error) {})
	m.core.emitLazily(func(l *life) []any {
		l.wanted = true
		return []any{&messages.Stopped{Cause: errOrNil(l.closed)}}
	})
}

var errAborted = errors.New("aborted by its user")

func errOrNil(e *messages.CloseError) error {
	if e == nil {
		return nil
	}
	return e
}

// write gives a command and waits for its answer, and before for a connection.
func (m *MockClient) write(ctx context.Context, command any) error {
	if err := m.core.awaitOpen(ctx); err != nil {
		return err
	}
	return m.give(ctx, command)
}

// give gives a command and waits for its answer.
func (m *MockClient) give(ctx context.Context, command any) error {
	answer := make(chan error, 1)
	m.core.command(command, func(err error) { answer <- err })
	select {
	case err := <-answer: // counts also if ctx has ended before
		return err
	default:
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// orEnd returns why the client has ended, or err if it has not.
func (m *MockClient) orEnd(err error) error {
	if end := m.Err(); end != nil {
		return end
	}
	return err
}

// send gives a command and returns what can be said at once.
func (m *MockClient) send(command any) error {
	if err := m.Err(); err != nil {
		return fmt.Errorf("%w: %w", messages.ErrClosed, err)
	}
	answer := make(chan error, 1)
	m.core.command(command, func(err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	default:
		return nil
	}
}

func sendCommand(msg dandelion.Message) (any, error) {
	switch kind := msg.Kind(); {
	case !msg.First() || !msg.Final():
		return nil, fmt.Errorf("send %v: %w", msg, messages.ErrPartialMessage)
	case kind == messages.KindText:
		return &messages.SendText{Text: msg.Text(), Delivery: msg.Delivery()}, nil
	case kind == messages.KindBinary:
		return &messages.SendBinary{Data: append([]byte{}, msg.Bytes()...), Delivery: msg.Delivery()}, nil
	default:
		return nil, fmt.Errorf("send message of kind %d: %w; use messages.KindText or messages.KindBinary", kind, messages.ErrInvalidKind)
	}
}

// awaitOpen waits for a connection, as the blocking methods of a client do.
func (c *mockCore) awaitOpen(ctx context.Context) error {
	for {
		c.mu.Lock()
		l, changed := &c.life, c.changed
		state, err := l.state, l.err
		if err == nil && !l.supervised && l.closed != nil {
			err = l.closed
		}
		closing := state == messages.StateClosing && !l.supervised
		c.mu.Unlock()
		switch {
		case state == messages.StateOpen:
			return nil
		case err != nil:
			return err
		case closing:
			return fmt.Errorf("%w: it is closing and takes no more messages", messages.ErrClosed)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

package mailbox

// This file is the mailbox of one actor.

import (
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Observer sees the messages of one actor, without their envelopes. Its methods are called
// on the goroutine that sends, or that handles, the message.
type Observer interface {
	// Posted: message was put into the mailbox. sender is nil if there is none.
	Posted(message any, sender *actor.PID)
	// Handled: the actor has handled message.
	Handled(message any)
}

// Mailbox is the mailbox of one actor. It is unbounded and differs from protoactor's in five
// things:
//
//   - each message has a place;
//   - a message that is handled on its sender's goroutine bypasses the queue if the actor is
//     idle, which halves the cost of a hop (see BenchmarkHop);
//   - an observer sees who gets what;
//   - code of the user that ends its goroutine does not end the actor's work;
//   - messages that a stopping actor has not handled go to the dead letters, so that their
//     senders are told; protoactor drops them silently.
type Mailbox struct {
	place    func(message any) Place
	observer Observer

	invoker    actor.MessageInvoker
	registered actor.Process // the actor, in the registry

	running   atomic.Bool  // somebody processes messages
	queued    atomic.Int32 // messages in user and system
	suspended atomic.Bool  // user messages wait: the actor has failed

	// These belong to the one who has set running.
	stopped bool   // the actor has stopped
	run     func() // processAll, made for the first use
	lane    *Lane  // made for the first use

	mu     sync.Mutex
	system queue
	user   queue
}

var _ actor.Mailbox = (*Mailbox)(nil)

// New returns a mailbox for one actor. place says where the actor handles which message; it
// is called on the goroutine of the sender, for system messages too. observer may be nil.
func New(place func(message any) Place, observer Observer) *Mailbox {
	return &Mailbox{place: place, observer: observer}
}

// Each gives a new mailbox, as New returns it, to each actor that is spawned with it.
func Each(place func(message any) Place, observer Observer) actor.PropsOption {
	return actor.WithMailbox(func() actor.Mailbox { return New(place, observer) })
}

// RegisterHandlers implements actor.Mailbox. The places replace the dispatcher.
func (m *Mailbox) RegisterHandlers(invoker actor.MessageInvoker, _ actor.Dispatcher) {
	m.invoker = invoker
	m.registered = m.registration()
}

// registration returns what is registered under the actor's name; nil if nothing is.
func (m *Mailbox) registration() actor.Process {
	self := m.invoker.(actor.Context)
	process, ok := self.ActorSystem().ProcessRegistry.GetLocal(self.Self().Id)
	if !ok {
		return nil
	}
	return process
}

// Start implements actor.Mailbox.
func (m *Mailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (m *Mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.user.len()
}

// Post sends message to the actor, from any goroutine. A sender that has the mailbox need not
// send to the PID: with many busy connections, when none of it is in the cache, the way
// through the PID's process costs as much as everything else (workload connections-200 of
// test/bench).
func (m *Mailbox) Post(message any) { m.PostUserMessage(message) }

// PostUserMessage implements actor.Mailbox.
func (m *Mailbox) PostUserMessage(message any) {
	m.posted(message)
	place := m.placeOf(message)
	switch {
	case !place.here() || !m.idle() || !m.running.CompareAndSwap(false, true):
		m.push(&m.user, message)
		if !m.running.CompareAndSwap(false, true) {
			return
		}
	case m.idle():
		m.process(message, false)
	default: // filled since, perhaps by this goroutine: it is not this message's turn
		m.push(&m.user, message)
	}
	m.goOn(place)
}

// PostSystemMessage implements actor.Mailbox.
func (m *Mailbox) PostSystemMessage(message any) {
	m.posted(message)
	place := OnSender
	if _, started := message.(*actor.Started); !started {
		place = m.placeOf(message)
	}
	switch {
	case !place.here() || m.queued.Load() > 0 || !m.running.CompareAndSwap(false, true):
		m.push(&m.system, message)
		if !m.running.CompareAndSwap(false, true) {
			return
		}
	case m.queued.Load() == 0:
		m.process(message, true)
	default:
		m.push(&m.system, message)
	}
	if place.kind == oneOnSender {
		m.processSystem()
	}
	m.goOn(place)
}

func (m *Mailbox) placeOf(message any) Place {
	_, message, _ = actor.UnwrapEnvelope(message) // the user's sender middleware makes some
	return m.place(message)
}

// idle reports whether a new message would be the next one.
func (m *Mailbox) idle() bool { return m.queued.Load() == 0 && !m.suspended.Load() }

// goOn handles what is queued, or leaves that to others. The caller has set running.
func (m *Mailbox) goOn(place Place) {
	switch place.kind {
	case onSender:
		m.processAll()
	case oneOnSender:
		m.handOver()
	case afterLoop:
		if !place.loop.leave(m.work()) {
			m.toLane()
		}
	default:
		m.toLane()
	}
}

// work returns processAll for another goroutine. The caller has set running.
func (m *Mailbox) work() *func() {
	if m.run == nil {
		m.run = m.processAll
	}
	return &m.run
}

// toLane leaves what is queued to the lane. The caller has set running.
func (m *Mailbox) toLane() {
	switch {
	case m.lane != nil:
	case m.stopped:
		go m.processAll()
		return
	default:
		m.lane = &Lane{}
	}
	m.lane.Run(*m.work())
}

func (m *Mailbox) push(q *queue, message any) {
	m.mu.Lock()
	q.push(message)
	m.queued.Add(1)
	m.mu.Unlock()
}

// processAll handles what is queued. The caller has set running.
func (m *Mailbox) processAll() {
	for {
		for m.queued.Load() > 0 && m.processQueued(true) {
		}
		if m.release() {
			return
		}
	}
}

// processSystem handles the queued system messages. The caller has set running.
func (m *Mailbox) processSystem() {
	for m.processQueued(false) {
	}
}

// handOver leaves what is queued to the lane. The caller has set running.
func (m *Mailbox) handOver() {
	if m.ready() || !m.release() {
		m.toLane()
	}
}

// release clears running. It returns false, with running set again, if there is something
// to do.
func (m *Mailbox) release() bool {
	m.running.Store(false)
	return !m.ready() || !m.running.CompareAndSwap(false, true)
}

// ready reports whether there is a message that may be handled now.
func (m *Mailbox) ready() bool {
	if m.queued.Load() == 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.system.len() > 0 || m.user.len() > 0 && !m.suspended.Load()
}

// next takes the next message. System messages come first; only with users it takes others.
func (m *Mailbox) next(users bool) (message any, system, ok bool) {
	if m.queued.Load() == 0 {
		return nil, false, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.system.len() > 0:
		m.queued.Add(-1)
		return m.system.pop(), true, true
	case users && m.user.len() > 0 && !m.suspended.Load():
		m.queued.Add(-1)
		return m.user.pop(), false, true
	}
	return nil, false, false
}

// processQueued handles messages, only system messages unless users is set, until none is
// left or one panics. It reports whether there may be more.
func (m *Mailbox) processQueued(users bool) (more bool) {
	var message any
	returned := false
	defer func() {
		if !returned {
			m.failed(recover(), message)
			more = true
		}
	}()
	for {
		var system, ok bool
		message, system, ok = m.next(users)
		if !ok {
			returned = true
			return false
		}
		m.invoke(message, system)
	}
}

// process handles one message.
func (m *Mailbox) process(message any, system bool) {
	returned := false
	defer func() {
		if !returned {
			m.failed(recover(), message)
		}
	}()
	m.invoke(message, system)
	returned = true
}

func (m *Mailbox) invoke(message any, system bool) {
	if system {
		m.invokeSystem(message)
	} else {
		m.invokeUser(message)
	}
	m.handled(message)
}

// failed handles a panic. If there was none, code of the user has called runtime.Goexit, and
// another goroutine has to continue.
func (m *Mailbox) failed(reason, message any) {
	if reason == nil {
		go m.processAll()
		return
	}
	m.invoker.EscalateFailure(reason, message)
}

// invokeUser lets the actor handle message; if it has stopped, message is a dead letter.
func (m *Mailbox) invokeUser(message any) {
	if !m.stopped {
		m.invoker.InvokeUserMessage(message)
		return
	}
	self := m.invoker.(actor.Context)
	self.ActorSystem().DeadLetter.SendUserMessage(self.Self(), message)
}

func (m *Mailbox) invokeSystem(message any) {
	switch message.(type) {
	case *actor.SuspendMailbox:
		m.suspended.Store(true)
	case *actor.ResumeMailbox:
		m.suspended.Store(false)
	case *actor.Stop, *actor.Terminated: // the actor, or its last child, stops
		m.invoker.InvokeSystemMessage(message)
		m.noticeStop()
	default:
		m.invoker.InvokeSystemMessage(message)
	}
}

// noticeStop looks whether the actor has stopped: it is then no longer registered, and another
// one may have its name.
func (m *Mailbox) noticeStop() {
	if m.registration() == m.registered {
		return
	}
	m.stopped = true
	m.suspended.Store(false) // an actor that has failed is suspended
	if m.lane != nil {
		m.lane.Close()
	}
}

func (m *Mailbox) posted(message any) {
	if m.observer != nil {
		_, message, sender := actor.UnwrapEnvelope(message)
		m.observer.Posted(message, sender)
	}
}

func (m *Mailbox) handled(message any) {
	if m.observer != nil {
		_, message, _ = actor.UnwrapEnvelope(message)
		m.observer.Handled(message)
	}
}

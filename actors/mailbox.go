package actors

import (
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Mailbox gives each actor that is spawned with it a mailbox for this role: unbounded
// (credits bound it), and observed if observer is not nil.
func Mailbox(role Role, epoch uint64, observer Observer) actor.PropsOption {
	return actor.WithMailbox(func() actor.Mailbox {
		return &mailbox{role: role, epoch: epoch, observer: observer}
	})
}

// withMailbox gives the one actor that is spawned with it the mailbox m.
func withMailbox(m *mailbox) actor.PropsOption {
	return actor.WithMailbox(func() actor.Mailbox { return m })
}

// mailbox does what protoactor's unbounded mailbox does, and five things more: a
// message for an idle actor that runs on its sender's goroutine takes no way
// through a queue, which halves the cost of a hop (see BenchmarkHop); some messages
// are handled like that although the actor has a lane, or on the goroutine of the reader;
// an observer sees who gets what; code of the user that ends its goroutine does not
// end the actor's work; and what an actor that stops has not handled goes to the dead
// letters, so that its sender is told, where protoactor would drop it silently.
type mailbox struct {
	role     Role
	epoch    uint64
	observer Observer

	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
	inline     bool                   // everything runs on its sender's goroutine
	batches    place                  // where a Batch of an idle actor is handled
	quiet      func(message any) bool // see runsHere; may be nil
	run        func()                 // processAll, made once
	registered actor.Process          // the actor, in the registry
	stopped    deadLetters            // set when the actor has stopped

	running atomic.Bool  // somebody processes messages
	queued  atomic.Int64 // messages in user and system
	waiting atomic.Int64 // messages in user

	suspended  atomic.Bool // user messages wait: the actor has failed
	systemHere atomic.Bool // an idle actor handles a system message on its sender's goroutine

	mu     sync.Mutex
	system queue
	user   queue
}

var _ actor.Mailbox = (*mailbox)(nil)

func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.invoker, m.dispatcher = invoker, dispatcher
	if mark, ok := dispatcher.(laneMark); ok {
		m.dispatcher, m.batches = &lane{}, mark.batches
		m.systemHere.Store(mark.system)
	}
	m.inline = dispatcher == inline
	m.run = m.processAll
	m.registered, _ = m.registration()
}

// registration returns what stands in the actor's name, and where dead letters go.
func (m *mailbox) registration() (actor.Process, deadLetters) {
	self := m.invoker.(actor.Context)
	system := self.ActorSystem()
	process, ok := system.ProcessRegistry.GetLocal(self.Self().Id)
	if !ok {
		process = nil
	}
	return process, deadLetters{system.DeadLetter, self.Self()}
}

// runsHere says whether message is to be handled on its sender's goroutine, and whether
// the messages that come meanwhile are to be handled there, too.
func (m *mailbox) runsHere(message any) (here, more bool) {
	if m.inline {
		return true, true
	}
	switch message := message.(type) {
	case *Batch:
		here = m.batches == batchesInside && !message.queued
	case *flush:
		here = message.now
	case Brought:
		here = true
	default: // a quiet one runs no code of the user, but those behind it may
		return m.quiet != nil && m.quiet(message), false
	}
	return here, here
}

// Brought is a message that an idle actor handles on the goroutine of its sender, who
// has nothing else to do or would only wait for it: so that one also handles what comes
// behind. What Sink.Ignores is handled there, too, but nothing behind it.
type Brought interface{ Brought() }

func (m *mailbox) Start() {}

func (m *mailbox) UserMessageCount() int { return int(m.waiting.Load()) }

func (m *mailbox) PostUserMessage(message any) {
	m.posted(message)
	if m.queued.Load() == 0 && !m.suspended.Load() {
		here, more := m.runsHere(message)
		if here && m.running.CompareAndSwap(false, true) {
			// The queue may have been filled meanwhile, also by this goroutine: then it
			// is not this message's turn.
			if m.queued.Load() == 0 && !m.suspended.Load() {
				m.process(message)
			} else {
				m.push(&m.user, message)
			}
			if more {
				m.processAll()
			} else {
				m.handOver()
			}
			return
		}
	}
	reading := m.besideReader(message)
	m.push(&m.user, message)
	switch {
	case !m.running.CompareAndSwap(false, true):
	case reading != nil:
		reading.behind = m.run
	default:
		m.dispatcher.Schedule(m.run)
	}
}

// besideReader returns the connection on whose reader's goroutine the actor shall
// handle message, nil if it shall not.
func (m *mailbox) besideReader(message any) *Conn {
	if m.batches == batchesBeside {
		if b, ok := message.(*Batch); ok && !b.queued {
			return b.conn
		}
	}
	return nil
}

func (m *mailbox) PostSystemMessage(message any) {
	m.posted(message)
	m.push(&m.system, message)
	if !m.running.CompareAndSwap(false, true) {
		return
	}
	switch _, started := message.(*actor.Started); {
	case started: // within Spawn
		m.processAll()
	case m.systemHere.Load():
		m.processSystem()
	default:
		m.dispatcher.Schedule(m.run)
	}
}

func (m *mailbox) push(q *queue, message any) {
	if b, ok := message.(*Batch); ok {
		b.queued = true
	}
	m.mu.Lock()
	q.push(message)
	if q == &m.user {
		m.waiting.Add(1)
	}
	m.queued.Add(1)
	m.mu.Unlock()
}

// processAll handles what is queued, as the one who has set running.
func (m *mailbox) processAll() {
	for {
		for m.queued.Load() > 0 && m.processQueued(true) {
		}
		if m.release() {
			return
		}
	}
}

// processSystem handles the system messages that are queued, as the one who has set
// running, and leaves the others to the dispatcher.
func (m *mailbox) processSystem() {
	for m.processQueued(false) {
	}
	m.handOver()
}

// handOver leaves what is queued to the dispatcher, as the one who has set running.
func (m *mailbox) handOver() {
	if m.ready() || !m.release() {
		m.dispatcher.Schedule(m.run)
	}
}

// release gives running away. It returns false, and has it again, if there is
// something to do.
func (m *mailbox) release() bool {
	m.running.Store(false)
	return !m.ready() || !m.running.CompareAndSwap(false, true)
}

// ready says whether there is a message that may be handled now.
func (m *mailbox) ready() bool {
	if m.queued.Load() == 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.system.len() > 0 || m.user.len() > 0 && !m.suspended.Load()
}

// next takes the next message. System messages come first; without users it takes no others.
func (m *mailbox) next(users bool) (message any, system, ok bool) {
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
		m.waiting.Add(-1)
		return m.user.pop(), false, true
	}
	return nil, false, false
}

// processQueued handles messages (without users only system messages) until none is
// left, or one panics; it returns whether there may be more.
func (m *mailbox) processQueued(users bool) (more bool) {
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
		if !system {
			m.invokeUser(message)
		} else {
			m.invokeSystem(message)
		}
		m.handled(message)
	}
}

// process handles one user message.
func (m *mailbox) process(message any) {
	returned := false
	defer func() {
		if !returned {
			m.failed(recover(), message)
		}
	}()
	m.invokeUser(message)
	m.handled(message)
	returned = true
}

// failed takes a panic. Without one it was runtime.Goexit in code of the user, which
// takes this goroutine away: another one goes on.
func (m *mailbox) failed(reason, message any) {
	if reason == nil {
		go m.processAll()
		return
	}
	m.invoker.EscalateFailure(reason, message)
}

// deadLetters is where messages for a stopped actor go.
type deadLetters struct {
	process actor.Process // nil as long as the actor lives
	pid     *actor.PID    // of the actor
}

func (m *mailbox) invokeUser(message any) {
	if m.stopped.process != nil {
		m.stopped.process.SendUserMessage(m.stopped.pid, message)
		return
	}
	m.invoker.InvokeUserMessage(message)
}

func (m *mailbox) invokeSystem(message any) {
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

// noticeStop looks whether the actor has stopped: it is then not registered any more,
// and another one may be in its name.
func (m *mailbox) noticeStop() {
	process, deadLetters := m.registration()
	if process == m.registered {
		return
	}
	m.stopped = deadLetters
	m.suspended.Store(false) // an actor that has failed is suspended
	if lane, ok := m.dispatcher.(*lane); ok {
		lane.close()
	}
}

func (m *mailbox) posted(message any) {
	if m.observer != nil {
		_, message, sender := actor.UnwrapEnvelope(message)
		m.observer.Posted(m.role, m.epoch, message, sender)
	}
}

func (m *mailbox) handled(message any) {
	if m.observer != nil {
		_, message, _ = actor.UnwrapEnvelope(message)
		m.observer.Handled(m.role, m.epoch, message)
	}
}

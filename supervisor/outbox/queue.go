package outbox

// This file is the queue: what is held, in order and within limits, and who is told. The words
// for what ends:
//
//	seal    new messages are refused, those that are held go on
//	close   nothing is sent any more; whatever is left is answered
//
//	hold    a connection gives a message back: it waits again, for its own or another one
//	drop    a message is given up for its TTL or for room; that is an event and an answer
//	forget  a message is answered, and gone from here and from the Store
//	remove  a message is answered, and gone from here; what the Store has stays there
//	leave   remove, for what is left at the end

import (
	"container/heap"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// entryState is where a message in the outbox stands.
type entryState uint8

const (
	entryBlocked  entryState = iota // waits for room
	entryStoring                    // on its way to the store
	entryHeld                       // waits for the connection
	entryOut                        // accepted by the connection
	entryAwaiting                   // written; waits for its acknowledgement
	entryAnswered                   // answered
)

// entry is a message in the outbox.
type entry struct {
	box     *Queue
	m       messages.Outgoing
	reply   protocol.Reply
	stored  chan<- error // gets the outcome of the store; nil if nobody waits
	state   entryState
	seq     uint64 // in the store, 0 before
	since   time.Time
	expires time.Time
	index   int  // in the heap of expiries, -1 if not there
	sent    bool // to some connection, completely or not
	acked   bool // the acknowledgement has overtaken the news that it was written
	lost    bool // its loss is an event already

	prev, next *entry
}

// Settled implements family.Settler.
func (e *entry) Settled(epoch, _ uint64, err error) { e.box.settled(e, epoch, err) }

// Queue holds the messages of one supervisor until they are sent. It is safe for
// concurrent use. Nothing is called with its lock held: neither the connection,
// which may write on the goroutine that sends, nor a receiver of answers and events.
type Queue struct {
	cfg    Config
	logger *slog.Logger

	mu          sync.Mutex
	first, last *entry // everything accepted, in order
	cursor      *entry // those before it are out already
	msgs, bytes int
	blocked     []*entry
	ids         map[string][]*entry
	expiries    expiries
	timer       *time.Timer
	timerAt     time.Time

	epoch    uint64
	conn     sink  // nil if none is open
	pumping  bool  // messages are being handed to conn
	awaiting bool  // a goroutine waits for room in conn
	sealed   error // with which new messages are refused
	closed   bool  // nothing more is sent
	space    chan struct{}
	onEmpty  func()
	onClosed func()

	store storing

	due     []answer
	events  []any
	emit    func(event any) // nil before the supervisor has started
	respond func(epoch uint64, reply protocol.Reply, err error)
	dropped uint64
	resent  uint64
}

// answer is what a sender has to be told.
type answer struct {
	epoch  uint64
	reply  protocol.Reply
	stored chan<- error
	err    error
}

// New returns an empty Queue. logger is told when code of the user fails.
func New(cfg Config, logger *slog.Logger) *Queue {
	return &Queue{
		cfg:    cfg.withDefaults(),
		logger: logger,
		ids:    map[string][]*entry{},
		store:  storing{tried: make(chan struct{})},
	}
}

// Start says where events and answers go.
func (q *Queue) Start(emit func(any), respond func(uint64, protocol.Reply, error)) {
	q.mu.Lock()
	q.emit, q.respond = emit, respond
	if q.cfg.Store != nil {
		q.wakeStore()
	}
	q.unlock()
}

// unlock ends a critical section and then delivers answers and events.
func (q *Queue) unlock() {
	due, events := q.due, q.events
	q.due, q.events = nil, nil
	var empty, closed func()
	if q.onEmpty != nil && q.isEmpty() {
		empty, q.onEmpty = q.onEmpty, nil
	}
	if q.onClosed != nil && !q.store.running {
		closed, q.onClosed = q.onClosed, nil
	}
	emit, respond := q.emit, q.respond
	q.mu.Unlock()
	for _, e := range events {
		emit(e)
	}
	for _, a := range due {
		if a.stored != nil {
			a.stored <- a.err
		}
		respond(a.epoch, a.reply, a.err)
	}
	if empty != nil {
		empty()
	}
	if closed != nil {
		closed()
	}
}

// isEmpty reports whether nothing is held; not so while a Store is still to be read.
func (q *Queue) isEmpty() bool {
	return q.first == nil && len(q.blocked) == 0 && (q.cfg.Store == nil || q.store.wasTried())
}

// Send takes a message over and waits for nothing; m.Data must not be changed any more.
// What becomes of it goes to reply. Errors: messages.ErrQueueFull, ErrInvalidUTF8, ErrClosed.
func (q *Queue) Send(m messages.Outgoing, reply protocol.Reply) error {
	return q.accept(m, reply, nil, false)
}

// Keep is Send without a reply. stored gets nil when the message is safe in the Store, or
// why it is not; it is nil if there is no Store.
func (q *Queue) Keep(m messages.Outgoing) (stored <-chan error, err error) {
	if q.cfg.Store == nil {
		return nil, q.accept(m, protocol.Reply{}, nil, false)
	}
	c := make(chan error, 1)
	return c, q.accept(m, protocol.Reply{}, c, false)
}

// Accept is Send for a sender that is answered later, and that may therefore wait for
// room in the outbox (Block).
func (q *Queue) Accept(m messages.Outgoing, reply protocol.Reply) error {
	return q.accept(m, reply, nil, true)
}

// accept takes a message. mayBlock says that its sender can be answered later.
func (q *Queue) accept(m messages.Outgoing, reply protocol.Reply, stored chan<- error, mayBlock bool) error {
	if err := m.Check(); err != nil {
		return err
	}
	now := time.Now()
	m.Resend = m.Resend || q.cfg.Resend
	if m.TTL <= 0 {
		m.TTL = q.cfg.TTL
	}
	e := &entry{box: q, m: m, reply: reply, stored: stored, since: now, index: -1}
	if m.TTL > 0 {
		e.expires = now.Add(m.TTL)
	}
	q.mu.Lock()
	err := q.admit(e, mayBlock)
	q.unlock()
	if err == nil {
		q.pump()
	}
	return err
}

// admit decides about a new message.
func (q *Queue) admit(e *entry, mayBlock bool) error {
	if q.sealed != nil {
		return q.sealed
	}
	size := len(e.m.Data)
	if q.cfg.Full == DropOldest {
		for v := q.first; v != nil && !q.fits(size); {
			next := v.next
			if v.state == entryHeld {
				q.drop(v, messages.ErrQueueFull)
			}
			v = next
		}
	}
	if q.fits(size) && len(q.blocked) == 0 {
		q.push(e)
		return nil
	}
	full := fmt.Errorf("outbox: %w: %d messages and %d bytes are held (limits %d and %d); send again later or raise the limits",
		messages.ErrQueueFull, q.msgs, q.bytes, q.cfg.Messages, q.cfg.Bytes)
	switch {
	case q.cfg.Full == DropOldest, q.cfg.Full == DropNewest:
		q.drop(e, messages.ErrQueueFull)
		return nil
	case q.cfg.Full == Block && mayBlock:
		q.blocked = append(q.blocked, e)
		q.expireLater(e)
		return nil
	}
	return full
}

func (q *Queue) fits(size int) bool {
	return q.msgs == 0 || q.msgs < q.cfg.Messages && q.bytes+size <= q.cfg.Bytes
}

// push puts an entry after all others.
func (q *Queue) push(e *entry) {
	q.link(e, q.last)
	q.expireLater(e)
	if q.cfg.Store != nil {
		e.state = entryStoring
		q.store.appends = append(q.store.appends, e)
		q.wakeStore()
	} else {
		e.state = entryHeld
	}
}

// link puts e after after, or first if that is nil.
func (q *Queue) link(e, after *entry) {
	e.prev = after
	if after == nil {
		e.next, q.first = q.first, e
	} else {
		e.next, after.next = after.next, e
	}
	if e.next == nil {
		q.last = e
	} else {
		e.next.prev = e
	}
	if q.cursor == nil || q.cursor == e.next {
		q.cursor = e
	}
	q.msgs++
	q.bytes += len(e.m.Data)
	if e.m.ID != "" {
		q.ids[e.m.ID] = append(q.ids[e.m.ID], e)
	}
}

func (q *Queue) unlink(e *entry) {
	if q.cursor == e {
		q.cursor = e.next
	}
	if e.prev == nil {
		q.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		q.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	q.msgs--
	q.bytes -= len(e.m.Data)
	if e.m.ID != "" {
		same := slices.DeleteFunc(q.ids[e.m.ID], func(other *entry) bool { return other == e })
		if len(same) == 0 {
			delete(q.ids, e.m.ID)
		} else {
			q.ids[e.m.ID] = same
		}
	}
}

// drop gives a message up, with an event and an answer.
func (q *Queue) drop(e *entry, reason error) {
	if e.state == entryAnswered {
		return
	}
	err := fmt.Errorf("%w: %w", messages.ErrDropped, reason)
	if e.state == entryAwaiting {
		err = fmt.Errorf("%w; %w", err, messages.ErrUnconfirmed)
	}
	q.reportLoss(e, reason)
	q.forget(e, q.epoch, err)
}

// reportLoss makes an event of a message that is lost.
func (q *Queue) reportLoss(e *entry, reason error) {
	if e.lost {
		return
	}
	e.lost = true
	q.dropped++
	q.events = append(q.events, &messages.OutboxDropped{
		Epoch: q.epoch, Ref: e.reply.Ref, ID: e.m.ID, Kind: e.m.Kind, Size: len(e.m.Data),
		Held: time.Since(e.since), Reason: reason,
	})
}

// forget is remove, also from the Store.
func (q *Queue) forget(e *entry, epoch uint64, err error) {
	if e.seq != 0 {
		q.store.acks = append(q.store.acks, e.seq)
		q.wakeStore()
	}
	q.remove(e, epoch, err)
}

// remove answers a message and takes it out. If nobody gets the answer a loss is an event.
func (q *Queue) remove(e *entry, epoch uint64, err error) {
	if e.state == entryAnswered {
		return
	}
	switch {
	case e.state == entryBlocked:
		q.blocked = slices.DeleteFunc(q.blocked, func(b *entry) bool { return b == e })
	default:
		q.unlink(e)
	}
	if e.index >= 0 {
		heap.Remove(&q.expiries, e.index)
	}
	// With a Store, the first answer is that the message is safe there.
	a := answer{epoch: epoch, reply: e.reply, err: err}
	if e.seq == 0 {
		a.stored, e.stored = e.stored, nil
	}
	if err != nil && a.reply.To == nil && !errors.Is(err, messages.ErrStored) {
		q.reportLoss(e, err)
	}
	q.due = append(q.due, a)
	e.state = entryAnswered
	for len(q.blocked) > 0 && q.fits(len(q.blocked[0].m.Data)) {
		b := q.blocked[0]
		q.blocked = q.blocked[1:]
		if b.index >= 0 {
			heap.Remove(&q.expiries, b.index)
		}
		q.push(b)
	}
	if q.space != nil {
		close(q.space)
		q.space = nil
	}
}

// Space returns a channel that is closed when a message leaves the outbox, or when the outbox
// takes no more. It is nil if senders are not to wait for room (see Block).
func (q *Queue) Space() <-chan struct{} {
	if q.cfg.Full != Block {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.space == nil {
		q.space = make(chan struct{})
	}
	c := q.space
	if q.sealed != nil {
		close(q.space)
		q.space = nil
	}
	return c
}

// Seal refuses new messages from now on, with this error unless there is one already,
// and calls empty, if it is not nil, once when nothing is held any more.
func (q *Queue) Seal(refusal error, empty func()) {
	q.mu.Lock()
	q.seal(refusal)
	if empty != nil {
		q.onEmpty = empty
	}
	q.unlock()
}

func (q *Queue) seal(refusal error) {
	if q.sealed == nil {
		q.sealed = refusal
	}
	if q.space != nil {
		close(q.space)
		q.space = nil
	}
}

// Close answers everything that is left and calls closed when the Store has nothing more to
// do.
func (q *Queue) Close(closed func()) {
	q.mu.Lock()
	q.seal(fmt.Errorf("%w: %w", messages.ErrClosed, messages.ErrStopped))
	q.closed, q.conn, q.onEmpty = true, nil, nil
	q.stopTimer()
	blocked := q.blocked
	q.blocked = nil
	for _, e := range blocked {
		e.state = entryAnswered
		if e.reply.To == nil {
			q.reportLoss(e, messages.ErrStopped)
		}
		q.due = append(q.due, answer{epoch: q.epoch, reply: e.reply, stored: e.stored, err: messages.ErrStopped})
	}
	for e := q.first; e != nil; {
		next := e.next
		if e.state == entryHeld || e.state == entryAwaiting {
			q.leave(e, nil)
		}
		e = next
	}
	q.onClosed = closed
	q.unlock()
}

// leave answers a message that this supervisor will not send. err is what the connection has
// said of it, nil for nothing.
func (q *Queue) leave(e *entry, err error) {
	switch {
	case e.seq != 0:
		err = fmt.Errorf("%w: %w", messages.ErrStopped, messages.ErrStored)
	case err == nil && e.state == entryAwaiting:
		err = fmt.Errorf("%w: %w: it was written, not acknowledged", messages.ErrStopped, messages.ErrUnconfirmed)
	case err == nil:
		err = messages.ErrStopped
	}
	q.remove(e, q.epoch, err)
}

// Status returns what is held, and counts.
func (q *Queue) Status() (st messages.OutboxStatus, dropped, resent uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	st = messages.OutboxStatus{Messages: q.msgs, Bytes: q.bytes, Blocked: len(q.blocked)}
	for e := q.first; e != nil; e = e.next {
		if e.state == entryAwaiting {
			st.Unacknowledged++
		}
	}
	return st, q.dropped, q.resent
}

package supervisor

import (
	"container/heap"
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
	entryDone                       // answered
)

// entry is a message in the outbox.
type entry struct {
	box     *Outbox
	m       messages.Outgoing
	reply   protocol.Reply
	stored  chan<- error // gets the outcome of the store; nil if nobody waits
	state   entryState
	seq     uint64 // in the store, 0 before
	since   time.Time
	expires time.Time
	index   int  // in the heap of expiries, -1 if it is not there
	sent    bool // to some connection, completely or not
	acked   bool // the acknowledgement has overtaken the news that it was written

	prev, next *entry
}

// Settled implements actors.Settler.
func (e *entry) Settled(epoch, _ uint64, err error) { e.box.settled(e, epoch, err) }

// Outbox holds the messages of one supervisor until they are sent. It is safe for
// concurrent use. Nothing is called with its lock held: neither the connection,
// which may write on the goroutine that sends, nor a receiver of answers and events.
type Outbox struct {
	OutboxConfig
	logger *slog.Logger

	mu          sync.Mutex
	first, last *entry // all that was accepted and is not done, in order
	cursor      *entry // what is before it is out already
	msgs, bytes int
	blocked     []*entry
	ids         map[string][]*entry
	expiries    expiries
	timer       *time.Timer
	timerAt     time.Time

	epoch    uint64
	conn     sink  // nil if none is open
	pumping  bool  // somebody is handing messages to conn
	awaiting bool  // a goroutine waits for room in conn
	sealed   error // what new messages are refused with
	closed   bool  // nothing is sent any more
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

func newOutbox(cfg OutboxConfig, logger *slog.Logger) *Outbox {
	return &Outbox{
		OutboxConfig: cfg.withDefaults(),
		logger:       logger,
		ids:          map[string][]*entry{},
		store:        storing{tried: make(chan struct{})},
	}
}

// start tells the outbox where events and answers go.
func (o *Outbox) start(emit func(any), respond func(uint64, protocol.Reply, error)) {
	o.mu.Lock()
	o.emit, o.respond = emit, respond
	if o.Store != nil {
		o.wakeStore()
	}
	o.unlock()
}

// unlock ends a critical section and then tells what there is to tell.
func (o *Outbox) unlock() {
	due, events := o.due, o.events
	o.due, o.events = nil, nil
	var empty, closed func()
	if o.onEmpty != nil && o.isEmpty() {
		empty, o.onEmpty = o.onEmpty, nil
	}
	if o.onClosed != nil && !o.store.running {
		closed, o.onClosed = o.onClosed, nil
	}
	emit, respond := o.emit, o.respond
	o.mu.Unlock()
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

// isEmpty says whether nothing is held, also not in a store that was not read yet.
func (o *Outbox) isEmpty() bool {
	return o.first == nil && len(o.blocked) == 0 && (o.Store == nil || o.store.wasTried())
}

// Send takes a message over; m.Data must not be changed any more. What becomes of
// it goes to reply. With a Store it returns when the message is safe there, if
// wait is set. Errors: messages.ErrQueueFull, ErrInvalidUTF8, ErrClosed, those of the Store.
func (o *Outbox) Send(m messages.Outgoing, reply protocol.Reply, wait bool) error {
	var stored chan error
	if wait && o.Store != nil {
		stored = make(chan error, 1)
	}
	if err := o.accept(m, reply, stored, false); err != nil || stored == nil {
		return err
	}
	return <-stored
}

// accept takes a message. mayBlock says that its sender can be answered later.
func (o *Outbox) accept(m messages.Outgoing, reply protocol.Reply, stored chan<- error, mayBlock bool) error {
	if err := m.Check(); err != nil {
		return err
	}
	now := time.Now()
	m.Resend = m.Resend || o.Resend
	if m.TTL <= 0 {
		m.TTL = o.TTL
	}
	e := &entry{box: o, m: m, reply: reply, stored: stored, since: now, index: -1}
	if m.TTL > 0 {
		e.expires = now.Add(m.TTL)
	}
	o.mu.Lock()
	err := o.admit(e, mayBlock)
	o.unlock()
	if err == nil {
		o.pump()
	}
	return err
}

// admit decides about a new message.
func (o *Outbox) admit(e *entry, mayBlock bool) error {
	if o.sealed != nil {
		return o.sealed
	}
	size := len(e.m.Data)
	if o.Full == DropOldest {
		for v := o.first; v != nil && !o.fits(size); {
			next := v.next
			if v.state == entryHeld {
				o.drop(v, messages.ErrQueueFull)
			}
			v = next
		}
	}
	if o.fits(size) && len(o.blocked) == 0 {
		o.push(e)
		return nil
	}
	full := fmt.Errorf("outbox: %w: %d messages and %d bytes are held (limits %d and %d); send again later or raise the limits",
		messages.ErrQueueFull, o.msgs, o.bytes, o.Messages, o.Bytes)
	switch {
	case o.Full == DropOldest, o.Full == DropNewest:
		o.drop(e, messages.ErrQueueFull)
		return nil
	case o.Full == Block && mayBlock:
		o.blocked = append(o.blocked, e)
		o.expireLater(e)
		return nil
	}
	return full
}

func (o *Outbox) fits(size int) bool {
	return o.msgs == 0 || o.msgs < o.Messages && o.bytes+size <= o.Bytes
}

// push puts an entry behind all others.
func (o *Outbox) push(e *entry) {
	o.link(e, o.last)
	o.expireLater(e)
	if o.Store != nil {
		e.state = entryStoring
		o.store.appends = append(o.store.appends, e)
		o.wakeStore()
	} else {
		e.state = entryHeld
	}
}

// link puts e behind after, or in front if that is nil.
func (o *Outbox) link(e, after *entry) {
	e.prev = after
	if after == nil {
		e.next, o.first = o.first, e
	} else {
		e.next, after.next = after.next, e
	}
	if e.next == nil {
		o.last = e
	} else {
		e.next.prev = e
	}
	if o.cursor == nil || o.cursor == e.next {
		o.cursor = e
	}
	o.msgs++
	o.bytes += len(e.m.Data)
	if e.m.ID != "" {
		o.ids[e.m.ID] = append(o.ids[e.m.ID], e)
	}
}

func (o *Outbox) unlink(e *entry) {
	if o.cursor == e {
		o.cursor = e.next
	}
	if e.prev == nil {
		o.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		o.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	o.msgs--
	o.bytes -= len(e.m.Data)
	if e.m.ID != "" {
		same := slices.DeleteFunc(o.ids[e.m.ID], func(other *entry) bool { return other == e })
		if len(same) == 0 {
			delete(o.ids, e.m.ID)
		} else {
			o.ids[e.m.ID] = same
		}
	}
}

// drop gives a message up, which is an event and an answer.
func (o *Outbox) drop(e *entry, reason error) {
	if e.state == entryDone {
		return
	}
	o.dropped++
	err := fmt.Errorf("%w: %w", messages.ErrDropped, reason)
	if e.state == entryAwaiting {
		err = fmt.Errorf("%w; %w", err, messages.ErrUnconfirmed)
	}
	o.events = append(o.events, &messages.OutboxDropped{
		Epoch: o.epoch, Ref: e.reply.Ref, ID: e.m.ID, Kind: e.m.Kind, Size: len(e.m.Data),
		Held: time.Since(e.since), Reason: reason,
	})
	o.done(e, o.epoch, err)
}

// done answers a message and forgets it.
func (o *Outbox) done(e *entry, epoch uint64, err error) {
	if e.seq != 0 {
		o.store.acks = append(o.store.acks, e.seq)
		o.wakeStore()
	}
	o.finish(e, epoch, err)
}

// finish answers a message and forgets it here.
func (o *Outbox) finish(e *entry, epoch uint64, err error) {
	if e.state == entryDone {
		return
	}
	switch {
	case e.state == entryBlocked:
		o.blocked = slices.DeleteFunc(o.blocked, func(b *entry) bool { return b == e })
	default:
		o.unlink(e)
	}
	if e.index >= 0 {
		heap.Remove(&o.expiries, e.index)
	}
	// With a Store, the first answer is that the message is safe there.
	a := answer{epoch: epoch, reply: e.reply, err: err}
	if e.seq == 0 {
		a.stored, e.stored = e.stored, nil
	}
	o.due = append(o.due, a)
	e.state = entryDone
	for len(o.blocked) > 0 && o.fits(len(o.blocked[0].m.Data)) {
		b := o.blocked[0]
		o.blocked = o.blocked[1:]
		if b.index >= 0 {
			heap.Remove(&o.expiries, b.index)
		}
		o.push(b)
	}
	if o.space != nil {
		close(o.space)
		o.space = nil
	}
}

// Space returns a channel that is closed when something leaves the outbox from now
// on, or it takes nothing more.
func (o *Outbox) Space() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.space == nil {
		o.space = make(chan struct{})
	}
	c := o.space
	if o.sealed != nil {
		close(o.space)
		o.space = nil
	}
	return c
}

// seal refuses new messages from now on.
func (o *Outbox) seal(err error) {
	o.mu.Lock()
	if o.sealed == nil {
		o.sealed = err
	}
	if o.space != nil {
		close(o.space)
		o.space = nil
	}
	o.unlock()
}

// whenEmpty calls f once when nothing is held any more.
func (o *Outbox) whenEmpty(f func()) {
	o.mu.Lock()
	o.onEmpty = f
	o.unlock()
}

// close answers everything that is left and calls closed when the store has
// nothing more to do.
func (o *Outbox) close(closed func()) {
	o.seal(fmt.Errorf("%w: %w", messages.ErrClosed, messages.ErrStopped))
	o.mu.Lock()
	o.closed, o.conn, o.onEmpty = true, nil, nil
	o.stopTimer()
	blocked := o.blocked
	o.blocked = nil
	for _, e := range blocked {
		e.state = entryDone
		o.due = append(o.due, answer{epoch: o.epoch, reply: e.reply, stored: e.stored, err: messages.ErrStopped})
	}
	for e := o.first; e != nil; {
		next := e.next
		if e.state == entryHeld || e.state == entryAwaiting {
			o.giveUp(e, nil)
		}
		e = next
	}
	o.onClosed = closed
	o.unlock()
}

// giveUp answers a message that will not be sent any more by this supervisor.
func (o *Outbox) giveUp(e *entry, err error) {
	switch {
	case e.seq != 0:
		err = fmt.Errorf("%w: %w", messages.ErrStopped, messages.ErrStored)
	case err == nil && e.state == entryAwaiting:
		err = fmt.Errorf("%w: %w: it was written, not acknowledged", messages.ErrStopped, messages.ErrUnconfirmed)
	case err == nil:
		err = messages.ErrStopped
	}
	o.finish(e, o.epoch, err)
}

// status says what is held.
func (o *Outbox) status() (st messages.OutboxStatus, dropped, resent uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	st = messages.OutboxStatus{Messages: o.msgs, Bytes: o.bytes, Blocked: len(o.blocked)}
	for e := o.first; e != nil; e = e.next {
		if e.state == entryAwaiting {
			st.Unacknowledged++
		}
	}
	return st, o.dropped, o.resent
}

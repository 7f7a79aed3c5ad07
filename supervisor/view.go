package supervisor

import (
	"sync"
	"sync/atomic"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/messages"
)

// View lets any goroutine look at a managed connection without asking its actor.
type View struct {
	conn   atomic.Pointer[actors.Conn]
	outbox atomic.Pointer[Outbox]

	mu      sync.Mutex
	state   messages.State
	opened  *messages.Opened
	cause   error // why the last connection or attempt ended
	final   *messages.Status
	outcome error // at the end: the Cause of messages.Stopped
	wanted  bool  // at the end: the user wanted it
	paused  bool
	// counters are without the traffic of conn.
	counters messages.Counters
	changed  chan struct{} // closed when the state changes; nil if nobody has asked for it
	done     chan struct{}
}

// NewView returns a View to be put into a Config.
func NewView() *View {
	return &View{state: messages.StateConnecting, done: make(chan struct{})}
}

// Conn returns the open connection, nil if there is none. It may be closing already.
func (v *View) Conn() *actors.Conn { return v.conn.Load() }

// Outbox returns the outbox; nil if none is configured.
func (v *View) Outbox() *Outbox { return v.outbox.Load() }

// State returns the state of the managed connection, and a channel that is
// closed when it changes.
func (v *View) State() (messages.State, <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.changed == nil {
		v.changed = make(chan struct{})
	}
	return v.state, v.changed
}

// Opened describes the current or last open connection; nil before the first.
func (v *View) Opened() *messages.Opened {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.opened
}

// Cause is why the last connection or attempt ended; nil before that.
func (v *View) Cause() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cause
}

// Final returns the status at the end; nil before the state is STOPPED.
func (v *View) Final() *messages.Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.final
}

// Done returns a channel that is closed when the state is STOPPED.
func (v *View) Done() <-chan struct{} { return v.done }

// open says whether messages can be sent.
func (v *View) open() bool {
	c := v.conn.Load()
	return c != nil && c.State() == messages.StateOpen
}

// addTo adds what a pool's status says of this connection.
func (v *View) addTo(p *messages.PoolStatus) {
	v.mu.Lock()
	state, paused, n, c := v.state, v.paused, v.counters, v.conn.Load()
	v.mu.Unlock()
	if c != nil {
		if state == messages.StateOpen {
			state = c.State() // it may be CLOSING
		}
		addTraffic(&n, c)
		queued, bytes := c.Out.Queued()
		p.QueuedMessages += queued
		p.QueuedBytes += bytes
		if c.Throttled() {
			p.HandlerBehind++
		}
	}
	if box := v.Outbox(); box != nil {
		var held messages.OutboxStatus
		held, n.OutboxDropped, n.OutboxResent = box.status()
		p.Outbox.Add(held)
	}
	if paused {
		p.Paused++
	}
	p.Count(state)
	p.Counters.Add(n)
}

func (v *View) set(update func(v *View)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.state
	update(v)
	if v.state == before {
		return
	}
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
	if v.state == messages.StateStopped {
		close(v.done)
	}
}

package handle

// This file is how a managed connection is looked at without asking its actor.

import (
	"sync"
	"sync/atomic"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
)

// View lets any goroutine look at a managed connection. The supervisor keeps it up to date.
type View struct {
	conn   atomic.Pointer[family.Conn]
	outbox atomic.Pointer[outbox.Queue]

	mu      sync.Mutex
	stands  Standing
	changed chan struct{} // closed when the state changes; nil if nobody has asked for it
	done    chan struct{} // closed when the state is STOPPED; nil if nobody has asked for it
}

// Standing is the state of a managed connection, with what belongs to it.
type Standing struct {
	State messages.State
	// Opened describes the current or last open connection; nil before the first.
	Opened *messages.Opened
	// Cause is why the last connection or attempt ended; nil before that.
	Cause error
	// Paused is set while the user wants no connection.
	Paused bool
	// Counters do not include the traffic of the open connection.
	Counters messages.Counters
	// End is set when the state is STOPPED.
	End *End
}

// End describes how a managed connection has ended.
type End struct {
	Status  *messages.Status
	Outcome error // the Cause of messages.Stopped
	Wanted  bool  // by the user
}

// Conn returns the open connection, nil if there is none. It may be closing already.
func (v *View) Conn() *family.Conn { return v.conn.Load() }

// Outbox returns the outbox; nil if none is configured.
func (v *View) Outbox() *outbox.Queue { return v.outbox.Load() }

// Stands returns the state, with what belongs to it.
func (v *View) Stands() Standing {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stands
}

// State returns the state of the managed connection, and a channel that is
// closed when it changes.
func (v *View) State() (messages.State, <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.changed == nil {
		v.changed = make(chan struct{})
	}
	return v.stands.State, v.changed
}

// Opened returns the description of the current or last open connection; nil before the first.
func (v *View) Opened() *messages.Opened { return v.Stands().Opened }

// Cause returns why the last connection or attempt ended; nil before that.
func (v *View) Cause() error { return v.Stands().Cause }

// Final returns the status at the end; nil until the state is STOPPED.
func (v *View) Final() *messages.Status {
	if end := v.Stands().End; end != nil {
		return end.Status
	}
	return nil
}

// Done returns a channel that is closed when the state is STOPPED.
func (v *View) Done() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.done == nil {
		v.done = make(chan struct{})
		if v.stands.State == messages.StateStopped {
			close(v.done)
		}
	}
	return v.done
}

// Open reports whether messages can be sent.
func (v *View) Open() bool {
	c := v.conn.Load()
	return c != nil && c.State() == messages.StateOpen
}

// AddTo adds to a pool's status what it says of this connection.
func (v *View) AddTo(p *messages.PoolStatus) {
	v.mu.Lock()
	stands, c := v.stands, v.conn.Load()
	v.mu.Unlock()
	n := stands.Counters
	if c != nil {
		if stands.State == messages.StateOpen {
			stands.State = c.State() // it may be CLOSING
		}
		AddTraffic(&n, c)
		queued, bytes := c.Out.Queued()
		p.QueuedMessages += queued
		p.QueuedBytes += bytes
		if c.Throttled() {
			p.HandlerBehind++
		}
	}
	if box := v.Outbox(); box != nil {
		var held messages.OutboxStatus
		held, n.OutboxDropped, n.OutboxResent = box.Status()
		p.Outbox.Add(held)
	}
	if stands.Paused {
		p.Paused++
	}
	p.Count(stands.State)
	p.Counters.Add(n)
}

// AddTraffic adds to n what c has sent and received so far.
func AddTraffic(n *messages.Counters, c *family.Conn) {
	written := c.Out.Written()
	n.MessagesSent += written.Messages
	n.BytesSent += written.Bytes
	n.MessagesUnsent += uint64(c.Out.GivenUp())
	n.MessagesReceived += c.Received()
	times, d := c.Throttles()
	n.Throttles += times
	n.Throttled += d
}

// Update makes a change, and wakes those who wait for the state to change.
func (v *View) Update(change func(s *Standing)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.stands.State
	change(&v.stands)
	if v.stands.State == before {
		return
	}
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
	if v.stands.State == messages.StateStopped && v.done != nil {
		close(v.done)
	}
}

// Opens records that conn can be used.
func (v *View) Opens(conn *family.Conn, opened *messages.Opened) {
	v.conn.Store(conn)
	v.Update(func(s *Standing) { s.Opened = opened })
}

// Ends records that no connection is open. counters include the traffic of the last one.
func (v *View) Ends(counters messages.Counters) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conn.Store(nil)
	v.stands.Counters = counters
}

// Uses records the outbox.
func (v *View) Uses(q *outbox.Queue) { v.outbox.Store(q) }

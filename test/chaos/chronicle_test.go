package chaos_test

// This file checks the order of events and the decisions of the supervisor.

import (
	"errors"
	"sync"
	"time"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/retry"
)

// chronicle checks the events: which may follow which, and whether the supervisor follows
// its verdicts.
type chronicle struct {
	*report
	schedule *schedule

	mu       sync.Mutex
	phase    phase
	epoch    uint64
	attempt  int
	asked    int  // how often a Reconnect was sent
	pauses   int  // how often a Pause was sent
	told     bool // the user asked for the end
	gaveUp   bool
	lively   bool // something has arrived in this epoch
	reset    bool // the delays have started again
	opened   int
	attempts int
	ends     map[uint64]*messages.Closed
	stopped  chan struct{}
}

// phase is the state of the connection, according to the events so far.
type phase uint8

const (
	nothing phase = iota
	connecting
	opened
	closing
	closed
	waiting
	paused
	gaveUp
	stopped
)

func (p phase) String() string {
	return [...]string{"nothing", "Connecting", "Opened", "Closing", "Closed", "ReconnectScheduled", "Paused", "GaveUp", "Stopped"}[p]
}

func newChronicle(r *report, s *schedule) *chronicle {
	return &chronicle{report: r, schedule: s, ends: make(map[uint64]*messages.Closed), stopped: make(chan struct{})}
}

// enter goes to another phase, from one of those given.
func (c *chronicle) enter(to phase, epoch uint64, from ...phase) {
	legal := false
	for _, p := range from {
		legal = legal || p == c.phase
	}
	want := c.epoch
	if to == connecting {
		want++
	}
	if !legal || epoch != want {
		c.violation("%v of epoch %d came after %v of epoch %d", to, epoch, c.phase, c.epoch)
	}
	c.phase, c.epoch = to, epoch
}

// see takes an event, in order.
func (c *chronicle) see(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *messages.Connecting:
		c.note("connecting %d, attempt %d", e.Epoch, e.Attempt)
		c.attempts++
		from := []phase{nothing, waiting, paused}
		if c.asked > 0 {
			from = append(from, closed)
			if c.pauses > 0 { // and resumed before the attempt had ended
				from = append(from, connecting)
			}
		}
		switch {
		case c.phase == closed && c.asked > 0:
			c.asked--
			c.next(e.Attempt)
		case c.phase == paused, c.phase == connecting:
			c.attempt, c.reset = e.Attempt, c.reset || e.Attempt == 1
		case c.phase == nothing && e.Attempt != 1, c.phase == waiting && e.Attempt != c.attempt:
			c.violation("epoch %d is attempt %d, not what was scheduled", e.Epoch, e.Attempt)
		}
		c.enter(connecting, e.Epoch, from...)
		c.lively = false
	case *messages.Opened:
		c.note("opened %d", e.Epoch)
		c.enter(opened, e.Epoch, connecting)
		c.opened++
	case *messages.TextReceived:
		c.data(e.Epoch)
	case *messages.BinaryReceived:
		c.data(e.Epoch)
	case *messages.PongReceived:
		c.data(e.Epoch)
	case *messages.PingReceived:
		c.data(e.Epoch)
	case *messages.Closing:
		c.note("closing %d by %v with %d", e.Epoch, e.By, e.Code)
		c.enter(closing, e.Epoch, opened)
	case *messages.Closed:
		c.note("closed %d: %v", e.Epoch, e.Err)
		if c.phase == opened && (e.Err.Clean || e.Err.SentCode != 0) {
			c.violation("epoch %d closed with a closing handshake, but without Closing: %v", e.Epoch, e.Err)
		}
		c.enter(closed, e.Epoch, opened, closing)
		c.ends[e.Epoch] = e
		if !e.Err.Clean && e.Err.Cause == nil {
			c.violation("epoch %d: the end is not clean and has no cause: %v", e.Epoch, e.Err)
		}
	case *messages.ReconnectScheduled:
		c.note("waiting %v after %d for attempt %d: %s: %v", e.Delay, e.Epoch, e.Attempt, e.Reason, e.Cause)
		c.enter(waiting, e.Epoch, connecting, closed)
		c.cause(e.Epoch, e.Cause)
		if c.schedule.verdict(e.Cause).Action == retry.Stop {
			c.violation("epoch %d: it connects again against its verdict: %v", e.Epoch, e.Cause)
		}
		c.next(e.Attempt)
		if most := c.ceiling(e); e.Delay < 0 || e.Delay > most {
			c.violation("epoch %d: a delay of %v before attempt %d, want at most %v", e.Epoch, e.Delay, e.Attempt, most)
		}
	case *messages.GaveUp:
		c.note("gave up after %d: %s: %v", e.Epoch, e.Reason, e.Cause)
		c.enter(gaveUp, e.Epoch, connecting, closed)
		c.cause(e.Epoch, e.Cause)
		c.gaveUp = true
		switch {
		case c.schedule.verdict(e.Cause).Action == retry.Retry:
			c.violation("epoch %d: it gave up against its verdict: %v", e.Epoch, e.Cause)
		case !c.schedule.climate.corrupts && !c.schedule.climate.stops:
			c.violation("epoch %d: it gave up, but nothing final has happened: %v", e.Epoch, e.Cause)
		}
	case *messages.Paused:
		c.note("paused after %d: %v", e.Epoch, e.Cause)
		if c.pauses == 0 {
			c.violation("Paused came, but nobody asked for it")
		}
		c.enter(paused, e.Epoch, connecting, closed, waiting)
	case *messages.OutboxDropped:
		if c.schedule.outbox == noOutbox || e.Reason == nil {
			c.violation("an outbox dropped a message: %+v", e)
		}
	case *messages.HandlerFailed:
		c.violation("epoch %d: handler failed: %v\n%s", e.Epoch, e.Value, e.Stack)
	case *messages.Stopped:
		c.note("stopped %d: %v", e.Epoch, e.Cause)
		killed := c.schedule.ending == byKill && c.told
		switch {
		case c.phase == stopped:
			c.violation("Stopped came twice")
			return
		case !killed && (e.Epoch != c.epoch || c.phase == opened || c.phase == closing):
			c.violation("Stopped of epoch %d came after %v of epoch %d", e.Epoch, c.phase, c.epoch)
		case !c.told && c.phase != gaveUp:
			c.violation("it stopped, but nobody told it to and it has not given up: %v", e.Cause)
		}
		c.phase = stopped
		close(c.stopped)
	default:
		c.violation("an unknown event: %T", event)
	}
}

// next checks the number of the next attempt: one more, or 1 after a connection that was
// stable and has shown life.
func (c *chronicle) next(attempt int) {
	end := c.ends[c.epoch]
	stable := end != nil && end.Err.Uptime >= c.schedule.resetAfter()
	again := max(c.attempt, 1) + 1
	switch {
	case attempt == again && !(stable && c.lively):
	case attempt == 1 && stable: // data that has arrived may not have been handled yet
		c.reset = true
	default:
		c.violation("attempt %d follows attempt %d, and the end is %+v", attempt, c.attempt, end)
	}
	c.attempt = attempt
}

// ceiling returns the longest delay before the attempt with this number. The very first
// attempt has no delay, the first one after a stable connection has the first delay.
func (c *chronicle) ceiling(e *messages.ReconnectScheduled) time.Duration {
	b := c.schedule.delays()
	most := max(b.Base, c.schedule.verdict(e.Cause).Base)
	grown := e.Attempt - 1
	if !c.reset {
		grown--
	}
	for range grown {
		most = min(2*most, b.Max)
	}
	return min(most, b.Max)
}

// data notes that a message has arrived.
func (c *chronicle) data(epoch uint64) {
	c.lively = true
	if epoch != 0 && epoch != c.epoch || c.phase != opened && c.phase != closing {
		c.violation("data of epoch %d came after %v of epoch %d", epoch, c.phase, c.epoch)
	}
}

// cause checks why an epoch ended.
func (c *chronicle) cause(epoch uint64, cause error) {
	var lost *messages.CloseError
	var failed *handshake.Error
	if isClosed := c.ends[epoch] != nil; isClosed && !errors.As(cause, &lost) || !isClosed && !errors.As(cause, &failed) {
		c.violation("epoch %d: the cause is a %T: %v", epoch, cause, cause)
	}
}

// tell notes that the user asked for the end.
func (c *chronicle) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note("the user ends it by %v", c.schedule.ending)
	c.told = true
}

// pause notes that the user asked for a pause.
func (c *chronicle) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note("the user asks for a pause")
	c.pauses++
}

// ask notes that the user asked for another connection.
func (c *chronicle) ask() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note("the user asks for a new connection")
	c.asked++
}

// isStopped reports whether Stopped has come.
func (c *chronicle) isStopped() bool {
	select {
	case <-c.stopped:
		return true
	default:
		return false
	}
}

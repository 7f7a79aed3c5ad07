package supervisor

import (
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/messages"
)

// StatusCall is messages.GetStatus from code without actors.
type StatusCall struct {
	// Status gets one value, for which it needs room.
	Status chan<- *messages.Status
}

// status describes how things stand. It is also called with the lock of the View held.
func (s *supervisor) status() *messages.Status {
	st := &messages.Status{
		State:       s.state,
		Paused:      s.paused,
		Epoch:       s.epoch,
		Attempt:     s.attempt,
		Since:       s.since,
		NextAttempt: s.timerEnds,
		LastCause:   s.cause,
		Endpoints:   s.endpoints.status(),
		Counters:    s.counters,
	}
	if s.box != nil {
		st.Outbox, st.Counters.OutboxDropped, st.Counters.OutboxResent = s.box.status()
	}
	if s.endpoint != nil {
		st.URL = s.endpoint.shown
	}
	if c := s.conn; c != nil {
		if s.state == messages.StateOpen {
			st.State = c.State() // it may be CLOSING
		}
		st.RTT, st.SmoothedRTT = c.RTT(), c.SmoothedRTT()
		st.HandlerBehind = c.Throttled()
		addTraffic(&st.Counters, c)
		st.QueuedMessages, st.QueuedBytes = c.Out.Queued()
		st.Subprotocol = s.opened.Subprotocol
		if s.opened.URL != "" {
			st.URL = s.opened.URL
		}
	}
	return st
}

// addTraffic adds what a connection has sent and received so far.
func addTraffic(n *messages.Counters, c *actors.Conn) {
	written := c.Out.Written()
	n.MessagesSent += written.Messages
	n.BytesSent += written.Bytes
	n.MessagesUnsent += uint64(c.Out.GivenUp())
	n.MessagesReceived += c.Received()
	times, d := c.Throttles()
	n.Throttles += times
	n.Throttled += d
}

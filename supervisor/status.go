package supervisor

// This file is the answer to messages.GetStatus.

import (
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
)

// status returns the status of the managed connection.
func (s *supervisor) status() *messages.Status {
	st := &messages.Status{
		State:       s.state,
		Paused:      s.goal == goalPause,
		Epoch:       s.epoch,
		Attempt:     s.attempt,
		Since:       s.since,
		NextAttempt: s.timerEnds,
		LastCause:   s.cause,
		Endpoints:   s.retries.Endpoints(),
		Counters:    s.counters,
		URL:         s.url,
	}
	if s.box != nil {
		st.Outbox, st.Counters.OutboxDropped, st.Counters.OutboxResent = s.box.Status()
	}
	if c := s.conn; c != nil {
		if s.state == messages.StateOpen {
			st.State = c.State() // it may be CLOSING
		}
		st.RTT, st.SmoothedRTT = c.RTT(), c.SmoothedRTT()
		st.HandlerBehind = c.Throttled()
		handle.AddTraffic(&st.Counters, c)
		st.QueuedMessages, st.QueuedBytes = c.Out.Queued()
		st.Subprotocol = s.opened.Subprotocol
		if s.opened.URL != "" {
			st.URL = s.opened.URL
		}
	}
	return st
}

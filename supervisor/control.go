package supervisor

import (
	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// This file is what the user can order: Stop, Reconnect, Pause, Resume.

// stopOnDemand closes what is open and ends the supervisor.
func (s *supervisor) stopOnDemand(ctx actor.Context) {
	if from := ctx.Sender(); from != nil {
		s.stoppers = append(s.stoppers, from)
	}
	if s.state == messages.StateStopped {
		return
	}
	s.wanted = true
	if s.protocol != nil {
		ctx.Send(s.protocol, &messages.Close{Code: wire.StatusGoingAway})
	}
	s.endUnlessOpen(ctx)
}

// endUnlessOpen ends the supervisor if there is no connection whose end would do it.
func (s *supervisor) endUnlessOpen(ctx actor.Context) {
	switch s.state {
	case messages.StateConnecting:
		s.dial.cancel() // its outcome ends the supervisor
	case messages.StateWaiting:
		s.stopTimer()
		s.finish(ctx)
	}
}

// reconnect gives up the connection or the delay and connects at once.
func (s *supervisor) reconnect(ctx actor.Context) {
	if s.wanted {
		return
	}
	if s.paused {
		s.resume()
		return
	}
	switch s.state {
	case messages.StateOpen:
		s.again = true
		ctx.Send(s.protocol, &messages.Close{Code: wire.StatusGoingAway})
	case messages.StateWaiting:
		s.connect()
	}
}

// pause gives up the connection, the attempt or the delay, until resume.
func (s *supervisor) pause(ctx actor.Context) {
	if s.wanted || s.paused || s.state == messages.StateStopped {
		return
	}
	s.paused, s.again = true, false
	switch s.state {
	case messages.StateOpen:
		ctx.Send(s.protocol, &messages.Close{Code: wire.StatusGoingAway})
	case messages.StateConnecting:
		s.dial.cancel()
	case messages.StateWaiting:
		s.stopTimer()
		s.decide(ctx)
	}
}

// resume connects at once, or as soon as what was given up has ended.
func (s *supervisor) resume() {
	if !s.paused || s.wanted {
		return
	}
	s.paused = false
	if s.state == messages.StateWaiting {
		s.connect()
	} else {
		s.again = true
	}
}

package supervisor

// This file is the life of connections: an attempt, an open connection, its end, and then the
// next attempt (at once or after a delay), a pause or the end.

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/wire"
)

// retryNow is the message of the timer of a delay.
type retryNow struct{ epoch uint64 }

// connect begins an attempt.
func (s *supervisor) connect() {
	s.stopTimer()
	s.epoch++
	s.attempt++
	s.counters.Attempts++
	s.aim(goalOpen)
	var url string
	url, s.url = s.retries.Attempt(time.Now())
	a := Attempt{Epoch: s.epoch, Number: s.attempt, Cause: s.cause, Refresh: s.refresh, Request: s.Request}
	a.Request.URL = url
	a.Request.Header = s.Request.Header.Clone()
	s.refresh = false
	s.enter(messages.StateConnecting, &messages.Connecting{Epoch: s.epoch, Attempt: s.attempt, URL: s.url})
	s.dial = startDial(s.attempts(), s.handle.Caller.Run, s.Config, s.box, a, func(d *dialed) { s.system.Root.Send(s.self, d) })
}

// attempts returns the context of attempts to connect.
func (s *supervisor) attempts() context.Context {
	if ctx := s.handle.Attempts; ctx != nil {
		return ctx
	}
	return context.Background()
}

// dialed handles the outcome of an attempt.
func (s *supervisor) dialed(ctx actor.Context, d *dialed) {
	if !d.dial.take() {
		return
	}
	if d.dial != s.dial {
		d.discard()
		return
	}
	s.dial = nil
	switch {
	case d.dial.failed != nil:
		d.discard()
		s.cause = d.dial.failed
	case d.err != nil:
		s.cause = d.err
	case s.goal == goalOpen:
		s.open(ctx, d)
		return
	default: // no longer wanted
		d.discard()
	}
	s.next(ctx)
}

// open spawns the actors of a connection on the stream of a good handshake.
func (s *supervisor) open(ctx actor.Context, d *dialed) {
	s.counters.Connections++
	s.retries.Opened()
	conn, spawn := actors.NewConn(family.Config{
		Settings:  s.settings(),
		Stream:    d.result.Stream,
		Buffered:  d.result.Buffered,
		Epoch:     s.epoch,
		Server:    hostOf(d.result),
		Opened:    d.opened,
		Callback:  s.callback,
		Owner:     s.self,
		System:    s.system,
		Logger:    s.Logger,
		FirstPing: rand.Uint64(),
		Borrowed:  s.handle.Borrowed,
	}, s.Observer)
	s.conn = conn
	s.opened = d.opened
	subscribed := s.subscribe(d.first)
	if s.box != nil {
		s.box.Attach(s.epoch, s.conn.Out)
	}
	// From here on the user can send.
	s.handle.Opens(s.conn, d.opened)
	s.enter(messages.StateOpen, nil) // the connection itself tells the user, before what arrives
	s.protocol = spawn(ctx)
	if subscribed != nil {
		ctx.Send(s.protocol, &messages.FailConnection{Code: wire.StatusInternalError, Cause: subscribed})
	}
}

// subscribe queues the messages with which a connection begins.
func (s *supervisor) subscribe(first []messages.Outgoing) error {
	for _, m := range first {
		if err := s.conn.Out.Send(m.Kind, m.Data, protocol.Reply{}); err != nil {
			return &messages.SubscribeError{Err: err}
		}
	}
	return nil
}

// ended handles the end of a connection.
func (s *supervisor) ended(ctx actor.Context, e *family.Ended) {
	if e.Epoch != s.epoch || s.conn == nil || s.step == stepActors {
		return
	}
	ctx.Poison(s.protocol) // commands that wait in its mailbox are answered first
	handle.AddTraffic(&s.counters, s.conn)
	if s.box != nil {
		s.box.Detach()
	}
	s.conn, s.protocol = nil, nil
	s.handle.Ends(s.counters)
	s.cause = e.Err
	s.enter(messages.StateClosed, nil) // the connection itself has told the user
	if s.retries.Ended(e.Err.Uptime, e.Alive) {
		s.attempt = 0
	}
	s.next(ctx)
}

// next decides how to continue when nothing is connected or being connected.
func (s *supervisor) next(ctx actor.Context) {
	switch {
	case s.goal == goalEnd, s.handle.Once && s.epoch > 0:
		s.end(ctx)
	case s.goal == goalAbandon:
		s.giveUp(ctx, "handler failed")
	case s.goal == goalPause:
		s.enter(messages.StateWaiting, &messages.Paused{Epoch: s.epoch, Cause: s.cause})
	case s.goal == goalReconnect:
		s.connect()
	default:
		s.judge(ctx)
	}
}

// judge chooses between another attempt after a delay and giving up.
func (s *supervisor) judge(ctx actor.Context) {
	now := time.Now()
	delay, v := s.retries.Failed(s.cause, s.Provider != nil, now)
	if v.Action == retry.Stop {
		s.giveUp(ctx, v.Reason)
		return
	}
	s.refresh = v.Action == retry.Refresh
	s.wait(delay, now, v.Reason)
}

// wait lets a delay pass before the next attempt.
func (s *supervisor) wait(delay time.Duration, now time.Time, reason string) {
	msg := &retryNow{s.epoch}
	s.timer = time.AfterFunc(delay, func() { s.system.Root.Send(s.self, msg) })
	s.timerEnds = now.Add(delay)
	s.enter(messages.StateWaiting, &messages.ReconnectScheduled{Epoch: s.epoch, Attempt: s.attempt + 1, Delay: delay, Cause: s.cause, Reason: reason})
}

func (s *supervisor) stopTimer() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer, s.timerEnds = nil, time.Time{}
	}
}

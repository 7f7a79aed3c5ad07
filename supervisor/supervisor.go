package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Props are of the supervisor of one managed connection. It connects as soon as
// it is spawned and stops itself when it has given up or was told to stop.
func Props(cfg Config) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &supervisor{Config: cfg.withDefaults()}
	}, actors.Mailbox(actors.RoleSupervisor, 0, cfg.Observer))
}

// supervisor is the actor whose PID users hold. All decisions are made here.
type supervisor struct {
	Config
	system   *actor.ActorSystem
	self     *actor.PID
	callback *actor.PID

	state    messages.State
	epoch    uint64
	attempt  int // number of the current attempt, 1 for the first since the delays were reset
	failures int // in a row since then
	dial     *dial
	conn     *actors.Conn
	protocol *actor.PID // of the connection family, nil if there is none
	timer    *time.Timer

	forgetLifetime func() bool

	wanted   bool         // the end is what the user wants: do not connect again
	again    bool         // the user wants another connection at once
	stoppers []*actor.PID // who waits for Stopped
	cause    error        // why the last connection or attempt ended
}

var _ actor.SupervisorStrategy = (*supervisor)(nil)

// retryNow is the message of the backoff timer.
type retryNow struct{ epoch uint64 }

// Receive never blocks.
func (s *supervisor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *messages.SendText, *messages.SendBinary, *messages.SendFragment,
		*messages.Ping, *messages.Pong, *actors.PingCall, *messages.FailConnection:
		s.forward(ctx, msg)
	case *messages.Close:
		s.wanted = true
		s.forward(ctx, msg)
		s.endUnlessOpen(ctx)
	case *messages.Stop:
		s.stopOnDemand(ctx)
	case *messages.Reconnect:
		s.reconnect(ctx)
	case *messages.GetStatus:
		ctx.Respond(s.status())
	case *dialed:
		s.dialed(ctx, msg)
	case *actors.Ended:
		s.ended(ctx, msg)
	case *retryNow:
		if s.state == messages.StateWaiting && msg.epoch == s.epoch {
			s.connect()
		}
	case *actors.CallbackFailed:
		s.callbackFailed(ctx, msg.Event)
	case *actors.CallbackDone:
		ctx.Stop(s.self)
	case *actor.Started:
		s.start(ctx)
	case *actor.Stopping:
		s.stopped()
	}
}

func (s *supervisor) start(ctx actor.Context) {
	s.system, s.self = ctx.ActorSystem(), ctx.Self()
	s.callback = ctx.Spawn(actors.CallbackProps(actors.CallbackConfig{
		Sink:        s.Sink,
		Target:      s.Target,
		FailOnPanic: s.OnPanic == FailOnPanic,
		Inline:      s.Inline,
		Observer:    s.Observer,
		Logger:      s.Logger,
	}))
	self, root := s.self, s.system.Root
	s.forgetLifetime = context.AfterFunc(s.Lifetime, func() { root.Send(self, &messages.Stop{}) })
	s.attempt = 1
	s.connect()
}

// enter is the only place where the state changes. event tells the user.
func (s *supervisor) enter(state messages.State, event any) {
	s.state = state
	s.View.set(func(v *View) { v.state, v.cause = state, s.cause })
	s.emit(event)
}

func (s *supervisor) emit(event any) {
	if event != nil {
		s.system.Root.Send(s.callback, event)
	}
}

// connect begins an attempt.
func (s *supervisor) connect() {
	s.epoch++
	s.stopTimer()
	s.enter(messages.StateConnecting, &messages.Connecting{Epoch: s.epoch, Attempt: s.attempt, URL: displayURL(s.Request.URL)})
	s.dial = startDial(s.Context, s.ConnectTimeout, s.Handshaker, s.Request, s.epoch, func(d *dialed) {
		s.system.Root.Send(s.self, d)
	})
}

// dialed takes the outcome of an attempt.
func (s *supervisor) dialed(ctx actor.Context, d *dialed) {
	if d.epoch != s.epoch || s.state != messages.StateConnecting {
		d.discard()
		return
	}
	s.dial = nil
	switch {
	case d.err != nil:
		s.cause = d.err
		s.decide(ctx)
	case s.wanted: // stopped meanwhile
		d.discard()
		s.finish(ctx)
	default:
		s.open(ctx, d.result)
	}
}

// open starts the connection family on the stream of a good handshake.
func (s *supervisor) open(ctx actor.Context, r *handshake.Result) {
	s.again = false
	s.conn = actors.NewConn(actors.Config{
		Settings:  s.Settings,
		Stream:    r.Stream,
		Buffered:  r.Buffered,
		Borrowed:  s.Borrowed,
		Epoch:     s.epoch,
		Callback:  s.callback,
		Owner:     s.self,
		System:    s.system,
		Observer:  s.Observer,
		Logger:    s.Logger,
		FirstPing: rand.Uint64(),
	})
	opened := describe(s.epoch, r)
	// From here on the user can send; what arrives comes behind Opened.
	s.View.conn.Store(s.conn)
	s.View.set(func(v *View) { v.opened = opened })
	s.enter(messages.StateOpen, opened)
	s.protocol = ctx.Spawn(s.conn.Props())
}

// ended takes the end of a connection.
func (s *supervisor) ended(ctx actor.Context, e *actors.Ended) {
	if e.Epoch != s.epoch || s.conn == nil || s.state == messages.StateStopped {
		return
	}
	ctx.Poison(s.protocol) // commands that wait in its mailbox are answered first
	s.conn, s.protocol = nil, nil
	s.View.conn.Store(nil)
	s.cause = e.Err
	s.enter(messages.StateClosed, nil) // the connection itself has told the user
	if e.Alive && e.Err.Uptime >= s.Backoff.ResetAfter {
		s.failures, s.attempt = 0, 0
	}
	s.decide(ctx)
}

// decide chooses between connecting again and giving up.
func (s *supervisor) decide(ctx actor.Context) {
	switch {
	case s.wanted, s.Once:
		s.finish(ctx)
		return
	case s.again:
		s.again = false
		s.attempt++
		s.connect()
		return
	}
	v := s.Verdict(s.cause)
	s.failures++
	if v.Retry && s.Backoff.MaxAttempts > 0 && s.failures >= s.Backoff.MaxAttempts {
		v = stop(fmt.Sprintf("%d attempts made, the limit", s.failures))
	}
	if !v.Retry {
		s.emit(&messages.GaveUp{Epoch: s.epoch, Attempts: s.attempt, Cause: s.cause, Reason: v.Reason})
		s.finish(ctx)
		return
	}
	delay := max(s.Backoff.delay(s.failures-1, v.Base), min(v.After, s.Backoff.Max))
	s.attempt++
	msg := &retryNow{s.epoch}
	s.timer = time.AfterFunc(delay, func() { s.system.Root.Send(s.self, msg) })
	s.enter(messages.StateWaiting, &messages.ReconnectScheduled{Epoch: s.epoch, Attempt: s.attempt, Delay: delay, Cause: s.cause, Reason: v.Reason})
}

// finish ends the supervisor: the callback handles what is queued, then both stop.
func (s *supervisor) finish(ctx actor.Context) {
	if s.state == messages.StateStopped {
		return
	}
	stopped := &messages.Stopped{Epoch: s.epoch, Cause: s.finalCause()}
	s.forgetLifetime()
	s.enter(messages.StateStopped, stopped)
	s.system.Root.Send(s.callback, &actors.Finish{})
}

// finalCause is nil for an end that the user has asked for and that went well.
func (s *supervisor) finalCause() error {
	var closed *messages.CloseError
	if s.wanted && (s.cause == nil || errors.As(s.cause, &closed) && closed.Clean || errors.Is(s.cause, context.Canceled)) {
		return nil
	}
	return s.cause
}

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
	switch s.state {
	case messages.StateOpen:
		s.again = true
		ctx.Send(s.protocol, &messages.Close{Code: wire.StatusGoingAway})
	case messages.StateWaiting:
		s.connect()
	}
}

// forward hands a command to the connection, or answers that there is none.
func (s *supervisor) forward(ctx actor.Context, command any) {
	if s.protocol != nil {
		ctx.RequestWithCustomSender(s.protocol, command, ctx.Sender())
		return
	}
	err := fmt.Errorf("%w: it is %v; wait for Opened", messages.ErrNotOpen, s.state)
	if s.state == messages.StateStopped {
		err = messages.ErrStopped
	}
	var ref uint64
	switch c := command.(type) {
	case *messages.SendText:
		ref = c.Ref
	case *messages.SendBinary:
		ref = c.Ref
	case *messages.SendFragment:
		ref = c.Ref
	case *messages.Ping:
		ref = c.Ref
	case *messages.Pong:
		ref = c.Ref
	case *messages.Close:
		ref = c.Ref
	case *actors.PingCall:
		c.Err <- err
		return
	default:
		return
	}
	if ctx.Sender() != nil {
		ctx.Respond(&messages.SendFailed{Ref: ref, Err: err})
	}
}

// callbackFailed carries out the policy for a handler that has failed.
func (s *supervisor) callbackFailed(ctx actor.Context, event *messages.HandlerFailed) {
	s.Logger.Error("dandelion: handler failed", slog.Uint64("epoch", event.Epoch), slog.Any("panic", event.Value), slog.String("stack", string(event.Stack)))
	_, gone := event.Value.(*messages.HandlerTerminatedError)
	if !gone {
		s.emit(event)
		if s.OnPanic == ContinueOnPanic {
			return
		}
	}
	cause := fmt.Errorf("%w: %v", messages.ErrHandlerFailed, event.Value)
	switch {
	case s.protocol != nil:
		ctx.Send(s.protocol, &messages.FailConnection{Code: wire.StatusInternalError, Cause: cause})
	case s.state == messages.StateConnecting:
		s.Verdict = func(error) Verdict { return stop("handler failed") }
		s.dial.cancel()
	case s.state == messages.StateWaiting:
		s.stopTimer()
		s.cause = cause
		s.emit(&messages.GaveUp{Epoch: s.epoch, Attempts: s.attempt, Cause: cause, Reason: "handler failed"})
		s.finish(ctx)
	}
}

func (s *supervisor) status() *messages.Status {
	st := &messages.Status{State: s.state, Epoch: s.epoch, Attempt: s.attempt, URL: displayURL(s.Request.URL), LastCause: s.cause}
	if s.conn != nil {
		st.RTT = s.conn.RTT()
		st.Subprotocol = s.View.Opened().Subprotocol
	}
	return st
}

func (s *supervisor) stopTimer() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// stopped cleans up when the actor stops, also when somebody else stops it.
func (s *supervisor) stopped() {
	defer func() { // a panic here would bring the actor back to life
		if r := recover(); r != nil {
			s.Logger.Error("dandelion: panic while stopping", slog.Any("panic", r))
		}
	}()
	s.forgetLifetime()
	s.stopTimer()
	if s.dial != nil {
		s.dial.abandon()
	}
	s.View.conn.Store(nil)
	if s.state != messages.StateStopped {
		s.state = messages.StateStopped
		s.View.set(func(v *View) {
			v.state = messages.StateStopped
			if v.cause == nil {
				v.cause = messages.ErrStopped
			}
		})
	}
	for _, pid := range s.stoppers {
		s.system.Root.Send(pid, &messages.Stopped{Epoch: s.epoch, Cause: s.finalCause()})
	}
}

// HandleFailure deals with a child that panicked, which is a bug of this
// library: the child is stopped and its connection is over.
func (s *supervisor) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	s.Logger.Error("dandelion: actor failed", slog.String("actor", child.String()), slog.Any("panic", reason))
	sup.StopChildren(child) // a connection reports its end when it stops
}

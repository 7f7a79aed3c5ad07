package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/wire"
)

// supervisor is the actor whose PID users hold. All decisions are made here.
type supervisor struct {
	*Config  // shared by all that are spawned from the same Props
	handle   *handle.Handle
	system   *actor.ActorSystem
	self     *actor.PID
	callback family.Callback
	retries  *retry.Tracker

	state     messages.State
	since     time.Time // when it was entered
	epoch     uint64
	attempt   int    // number of the current or last attempt, 1 for the first since counts were reset
	url       string // of the current or last attempt, without user information
	refresh   bool   // the coming attempt needs other credentials
	dial      *dial
	conn      *family.Conn
	opened    *messages.Opened // describes conn
	protocol  *actor.PID       // of the connection family, nil if there is none
	timer     *time.Timer
	timerEnds time.Time
	counters  messages.Counters
	box       *outbox.Queue // nil if none is configured
	ending    *ending       // what is done before the end
	later     *due          // what a pool has ordered for a later moment

	forgetLifetime func() bool

	told          bool         // the stoppers have been answered
	finishing     bool         // nothing is connected any more
	wanted        bool         // the end is what the user wants: do not connect again
	again         bool         // the user wants another connection at once
	paused        bool         // the user wants no connection for now
	stoppers      []*actor.PID // who waits for Stopped
	cause         error        // why the last connection or attempt ended
	handlerFailed error        // ends the attempt that is under way
	targetGone    bool         // nobody is left for whom to connect
}

var _ actor.SupervisorStrategy = (*supervisor)(nil)

// retryNow is the message of the backoff timer.
type retryNow struct{ epoch uint64 }

// Receive never blocks.
func (s *supervisor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *messages.SendText, *messages.SendBinary:
		s.send(ctx, msg)
	case *messages.SendFragment, *messages.Ping, *messages.Pong, *family.PingCall, *messages.FailConnection:
		s.forward(ctx, msg)
	case *messages.Close:
		s.close(ctx, msg)
	case *messages.Stop:
		s.stopOnDemand(ctx, msg)
	case *handle.AbortCall:
		s.abort(ctx, msg)
	case *flushed:
		s.flushed(ctx)
	case *outboxClosed:
		s.enterStopped()
	case *messages.Reconnect:
		s.reconnect(ctx)
	case *messages.Pause:
		s.pause(ctx)
	case *messages.Resume:
		s.resume()
	case *handle.Later:
		s.putOff(msg)
	case *due:
		s.due(ctx, msg)
	case *messages.GetStatus:
		ctx.Respond(s.status())
	case *handle.StatusCall:
		msg.Status <- s.status()
	case *dialed:
		s.dialed(ctx, msg)
	case *family.Ended:
		s.ended(ctx, msg)
	case *retryNow:
		if s.state == messages.StateWaiting && !s.paused && msg.epoch == s.epoch {
			s.connect()
		}
	case *messages.HandlerBehind:
		s.Logger.Warn("dandelion: handler is behind, reading has stopped", slog.Uint64("epoch", msg.Epoch), slog.Int("unhandled", msg.Unhandled), slog.Time("since", msg.Since))
	case *messages.HandlerCaughtUp:
		s.Logger.Info("dandelion: handler has caught up, reading goes on", slog.Uint64("epoch", msg.Epoch), slog.Duration("stopped", msg.Stopped))
	case *family.CallbackFailed:
		s.callbackFailed(ctx, msg.Event)
	case *family.CallbackDone:
		ctx.Stop(s.self)
	case *actor.Started:
		s.start(ctx)
	case *actor.Stopping:
		s.stopped()
	case actor.AutoReceiveMessage, actor.SystemMessage, *actor.DeadLetterResponse:
	default:
		s.unknown(ctx, msg)
	}
}

func (s *supervisor) start(ctx actor.Context) {
	s.system, s.self = ctx.ActorSystem(), ctx.Self()
	s.handle = handle.Of(ctx)
	s.retries = retry.NewTracker(s.Request.URL, s.Endpoints, s.Retry, func(what string, value any) {
		s.Logger.Error("dandelion: "+what+" panicked", slog.Any("panic", value))
	})
	if s.Outbox != nil {
		s.box = outbox.New(*s.Outbox, s.Logger)
		s.handle.Uses(s.box)
	}
	callback := family.CallbackConfig{
		Sink:        s.handle.Sink,
		Target:      s.Target,
		FailOnPanic: s.OnPanic == FailOnPanic,
		Observer:    s.Observer,
		Logger:      s.Logger,
	}
	if callback.Sink == nil && callback.Target == nil {
		callback.Sink = nowhere{}
	}
	if s.box != nil && s.Outbox.Acked != nil {
		callback.Received = s.box.Received
	}
	s.callback = family.SpawnCallback(ctx, callback)
	self, root := s.self, s.system.Root
	if s.box != nil {
		events := s.callback.PID
		s.box.Start(func(event any) { root.Send(events, event) },
			func(epoch uint64, reply protocol.Reply, err error) { family.Answer(root, epoch, reply, err) })
	}
	s.forgetLifetime = func() bool { return true }
	if s.Lifetime.Done() != nil {
		s.forgetLifetime = context.AfterFunc(s.Lifetime, func() { root.Send(self, &messages.Stop{}) })
	}
	switch {
	case s.handle.Paused:
		s.setPaused(true)
		s.enter(messages.StateWaiting, &messages.Paused{})
	case s.StartDelay > 0:
		s.wait(s.StartDelay, time.Now(), "first attempt")
	default:
		s.connect()
	}
}

// enter is the only place where the state changes, but for stopped, where nobody is
// left to be told. event tells the user.
func (s *supervisor) enter(state messages.State, event any) {
	s.state, s.since = state, time.Now()
	var end *handle.End
	if state == messages.StateStopped {
		end = &handle.End{Status: s.status(), Outcome: s.finalCause(), Wanted: s.wanted}
	}
	s.handle.Update(func(st *handle.Standing) {
		st.State, st.Cause, st.Counters, st.End = state, s.cause, s.counters, end
	})
	s.emit(event)
}

func (s *supervisor) emit(event any) {
	if event != nil {
		s.system.Root.Send(s.callback.PID, event)
	}
}

// connect begins an attempt.
func (s *supervisor) connect() {
	s.stopTimer()
	s.epoch++
	s.attempt++
	s.counters.Attempts++
	s.again = false
	var url string
	url, s.url = s.retries.Attempt(time.Now())
	a := Attempt{Epoch: s.epoch, Number: s.attempt, Cause: s.cause, Refresh: s.refresh, Request: s.Request}
	a.Request.URL = url
	a.Request.Header = s.Request.Header.Clone()
	s.refresh = false
	s.enter(messages.StateConnecting, &messages.Connecting{Epoch: s.epoch, Attempt: s.attempt, URL: s.url})
	s.dial = startDial(s.attempts(), s.handle.Caller.Run, s.Config, s.box, a, func(d *dialed) { s.system.Root.Send(s.self, d) })
}

// attempts ends when attempts to connect are to end.
func (s *supervisor) attempts() context.Context {
	if ctx := s.handle.Attempts; ctx != nil {
		return ctx
	}
	return context.Background()
}

// dialed takes the outcome of an attempt.
func (s *supervisor) dialed(ctx actor.Context, d *dialed) {
	if !d.dial.take() {
		return
	}
	if d.epoch != s.epoch || s.state != messages.StateConnecting {
		d.discard()
		return
	}
	s.dial = nil
	switch {
	case s.handlerFailed != nil:
		d.discard()
		s.cause, s.handlerFailed = s.handlerFailed, nil
		s.decide(ctx)
	case d.err != nil:
		s.cause = d.err
		s.decide(ctx)
	case s.wanted, s.paused, s.again: // wanted since
		d.discard()
		s.decide(ctx)
	default:
		s.open(ctx, d)
	}
}

// open starts the connection family on the stream of a good handshake.
func (s *supervisor) open(ctx actor.Context, d *dialed) {
	s.counters.Connections++
	s.retries.Opened()
	s.conn = family.NewConn(family.Config{
		Settings:  s.settings(),
		Stream:    d.result.Stream,
		Buffered:  d.result.Buffered,
		Epoch:     s.epoch,
		Server:    hostOf(d.result),
		Opened:    d.opened,
		Callback:  s.callback,
		Owner:     s.self,
		System:    s.system,
		Observer:  s.Observer,
		Logger:    s.Logger,
		FirstPing: rand.Uint64(),
		Borrowed:  s.handle.Borrowed,
	})
	s.opened = d.opened
	subscribed := s.subscribe(d.first)
	if s.box != nil {
		s.box.Attach(s.epoch, s.conn.Out)
	}
	// From here on the user can send.
	s.handle.Opens(s.conn, d.opened)
	s.enter(messages.StateOpen, nil) // the connection itself tells the user, before what arrives
	s.protocol = ctx.Spawn(s.conn.Props())
	if subscribed != nil {
		ctx.Send(s.protocol, &messages.FailConnection{Code: wire.StatusInternalError, Cause: subscribed})
	}
}

// subscribe queues the messages that a connection begins with.
func (s *supervisor) subscribe(first []messages.Outgoing) error {
	for _, m := range first {
		if err := s.conn.Out.Send(m.Kind, m.Data, protocol.Reply{}); err != nil {
			return &messages.SubscribeError{Err: err}
		}
	}
	return nil
}

// ended takes the end of a connection.
func (s *supervisor) ended(ctx actor.Context, e *family.Ended) {
	if e.Epoch != s.epoch || s.conn == nil || s.state == messages.StateStopped {
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
	s.decide(ctx)
}

// decide chooses between connecting again and giving up.
func (s *supervisor) decide(ctx actor.Context) {
	switch {
	case s.wanted, s.handle.Once:
		s.finish(ctx)
		return
	case s.paused:
		s.enter(messages.StateWaiting, &messages.Paused{Epoch: s.epoch, Cause: s.cause})
		return
	case s.again:
		s.connect()
		return
	case s.targetGone:
		s.giveUp(ctx, "handler failed")
		return
	}
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

// giveUp ends a supervisor that nobody has told to stop.
func (s *supervisor) giveUp(ctx actor.Context, reason string) {
	s.emit(&messages.GaveUp{Epoch: s.epoch, Attempts: s.attempt, Cause: s.cause, Reason: reason})
	s.finish(ctx)
}

// finish ends the supervisor: the callback handles what is queued, then both stop.
func (s *supervisor) finish(ctx actor.Context) {
	if s.state == messages.StateStopped || s.finishing {
		return
	}
	s.finishing = true
	s.forgetLifetime()
	s.endFlush(ctx)
	if s.box == nil {
		s.enterStopped()
		return
	}
	self, root := s.self, s.system.Root
	s.box.Close(func() { root.Send(self, &outboxClosed{}) })
}

// enterStopped is the end, when the outbox has nothing more to do.
func (s *supervisor) enterStopped() {
	if s.state == messages.StateStopped {
		return
	}
	s.enter(messages.StateStopped, &messages.Stopped{Epoch: s.epoch, Cause: s.finalCause()})
	s.system.Root.Send(s.callback.PID, &family.Finish{})
}

// outboxClosed says that the outbox has nothing more to do.
type outboxClosed struct{}

// finalCause is nil for an end that the user has asked for and that went well.
func (s *supervisor) finalCause() error {
	var closed *messages.CloseError
	if s.wanted && (s.cause == nil || errors.As(s.cause, &closed) && closed.Clean || errors.Is(s.cause, context.Canceled)) {
		return nil
	}
	return s.cause
}

// callbackFailed carries out the policy for a handler that has failed.
func (s *supervisor) callbackFailed(ctx actor.Context, event *messages.HandlerFailed) {
	s.Logger.Error("dandelion: handler failed", slog.Uint64("epoch", event.Epoch), slog.Any("panic", event.Value), slog.String("stack", string(event.Stack)))
	_, s.targetGone = event.Value.(*messages.HandlerTerminatedError)
	if !s.targetGone {
		s.emit(event)
		if s.OnPanic == ContinueOnPanic && event.Value != messages.ErrGoexit {
			return
		}
	}
	cause := fmt.Errorf("%w: %v", messages.ErrHandlerFailed, event.Value)
	switch {
	case s.protocol != nil:
		ctx.Send(s.protocol, &messages.FailConnection{Code: wire.StatusInternalError, Cause: cause})
	case s.state == messages.StateConnecting:
		s.handlerFailed = cause
		s.dial.cancel()
	case s.state == messages.StateWaiting:
		if v := s.retries.Judge(cause, time.Now()); v.Action != retry.Retry || s.targetGone {
			s.stopTimer()
			s.cause = cause
			s.giveUp(ctx, "handler failed")
		}
	}
}

func (s *supervisor) stopTimer() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer, s.timerEnds = nil, time.Time{}
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
	s.forgetLater()
	if s.dial != nil {
		s.dial.abandon()
	}
	s.handle.Ends(s.counters)
	if s.ending != nil {
		s.ending.timer.Stop()
	}
	if s.box != nil {
		s.box.Close(nil)
	}
	if s.state != messages.StateStopped {
		s.state = messages.StateStopped
		st := s.status()
		s.handle.Update(func(now *handle.Standing) {
			now.State = messages.StateStopped
			if now.Cause == nil {
				now.Cause = messages.ErrStopped
			}
			now.End = &handle.End{Status: st, Outcome: now.Cause, Wanted: s.wanted}
		})
	}
	s.told = true
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

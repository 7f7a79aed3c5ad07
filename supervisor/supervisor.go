package supervisor

// This file is the actor: what it knows, which messages it takes, and the one function
// that changes its state.

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
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
	cause     error // why the last connection or attempt ended
	counters  messages.Counters
	box       *outbox.Queue // nil if none is configured

	goal     goal         // what the user wants
	flushing *flush       // what is to follow when the outbox is empty; nil for nothing
	later    *due         // what a pool has ordered for a later moment; nil for nothing
	step     step         // how far the end has come
	stoppers []*actor.PID // who waits for Stopped

	forgetLifetime func() bool
}

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
		s.stop(ctx, msg)
	case *handle.AbortCall:
		s.abort(ctx, msg)
	case *flushed:
		s.flushed(ctx, msg.flush)
	case *outboxClosed:
		s.enterStopped()
	case *messages.Reconnect:
		s.reconnect(ctx)
	case *messages.Pause:
		s.pause(ctx)
	case *messages.Resume:
		s.resume(ctx)
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
		if s.timer != nil && msg.epoch == s.epoch { // else it was given up
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
	case *actor.Terminated:
		if msg.Who.Equal(s.callback.PID) {
			s.callbackGone(ctx)
		}
	case *actor.Stopping:
		s.stopping()
	case *actor.Restarting: // a panic of ours
		defer s.logPanic("restarting")
		s.release()
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
		Logger:      s.Logger,
	}
	if callback.Sink == nil && callback.Target == nil {
		callback.Sink = nowhere{}
	}
	if s.box != nil && s.Outbox.Acked != nil {
		callback.Received = s.box.Received
	}
	s.callback = actors.SpawnCallback(ctx, callback, s.Observer)
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
		s.aim(goalPause)
		s.enter(messages.StateWaiting, &messages.Paused{})
	case s.StartDelay > 0:
		s.wait(s.StartDelay, time.Now(), "first attempt")
	default:
		s.connect()
	}
}

// enter is the only place where the state changes, except stopping, where nobody is left to be
// told. event, if not nil, tells the user.
func (s *supervisor) enter(state messages.State, event any) {
	s.state, s.since = state, time.Now()
	var end *handle.End
	if state == messages.StateStopped {
		end = &handle.End{Status: s.status(), Outcome: s.finalCause(), Wanted: s.goal == goalEnd}
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

package supervisor

// This file is what follows when code fails: the user's handler, or an actor of this library.

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/wire"
)

// callbackFailed carries out the policy for a handler that has failed.
func (s *supervisor) callbackFailed(ctx actor.Context, event *messages.HandlerFailed) {
	s.Logger.Error("dandelion: handler failed", slog.Uint64("epoch", event.Epoch), slog.Any("panic", event.Value), slog.String("stack", string(event.Stack)))
	if s.step >= stepHandler {
		return // no event follows Stopped
	}
	_, gone := event.Value.(*messages.HandlerTerminatedError)
	if !gone {
		s.emit(event)
		if s.OnPanic == ContinueOnPanic && event.Value != messages.ErrGoexit {
			return
		}
	}
	if s.step != stepNone {
		return
	}
	if gone && s.goal != goalEnd {
		s.aim(goalAbandon)
	}
	cause := fmt.Errorf("%w: %v", messages.ErrHandlerFailed, event.Value)
	switch s.state {
	case messages.StateOpen:
		ctx.Send(s.protocol, &messages.FailConnection{Code: wire.StatusInternalError, Cause: cause})
	case messages.StateConnecting:
		s.dial.fail(cause)
	case messages.StateWaiting:
		if gone || s.retries.Judge(cause, time.Now()).Action != retry.Retry {
			s.stopTimer()
			s.cause = cause
			s.giveUp(ctx, "handler failed")
		}
	}
}

var _ actor.SupervisorStrategy = (*supervisor)(nil)

// HandleFailure handles the panic of a child, which is a bug of this library: the child is
// stopped and its connection is over.
func (s *supervisor) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	s.Logger.Error("dandelion: actor failed", slog.String("actor", child.String()), slog.Any("panic", reason))
	sup.StopChildren(child) // a connection reports its end when it stops; for the callback see callbackGone
}

var errCallback = errors.New("the actor that runs the handler has failed, which is a bug of this library")

// callbackGone handles the end of the callback actor. Without it nobody can be told anything,
// so the supervisor stops.
func (s *supervisor) callbackGone(ctx actor.Context) {
	if s.step == stepActors {
		return
	}
	s.cause = errCallback
	ctx.Stop(s.self)
}

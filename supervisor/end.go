package supervisor

// This file is how a supervisor ends. Its words:
//
//	flush     the outbox accepts nothing more and has some time to become empty, before the
//	          Stop or the Close that follows
//	give up   to end although the user has not asked for it; this is the event GaveUp
//	end       to begin the steps below: nothing is connected, or will be
//	STOPPED   the state from stepHandler on, and the last event; Stopped answers every Stop
//
// The steps are what the supervisor waits for before it is gone.

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
)

// step is how far the end has come.
type step uint8

const (
	// stepNone: it has not begun. There is an attempt, a connection, a delay or a pause.
	stepNone step = iota
	// stepOutbox: the store of the outbox finishes its work.
	stepOutbox
	// stepHandler: the state is STOPPED; the handler handles what is queued.
	stepHandler
	// stepActors: the actors are stopping. Everybody who waited for the end was told.
	stepActors
)

// flush is a Stop or a Close that waits until the outbox is empty.
type flush struct {
	timer  *time.Timer
	close  *messages.Close // nil for a Stop
	sender *actor.PID      // of close
}

// flushed is the message that the outbox is empty, or that its time is over.
type flushed struct{ flush *flush }

// flush gives the outbox some time to become empty before the Stop or Close of f.
func (s *supervisor) flush(f *flush, d time.Duration, refusal error) {
	if s.flushing != nil {
		s.flushing.timer.Stop()
	}
	self, root := s.self, s.system.Root
	tell := func() { root.Send(self, &flushed{f}) }
	f.timer = time.AfterFunc(d, tell)
	s.flushing = f
	s.box.Seal(refusal, tell)
}

// flushed continues with the Stop or Close that has waited for the outbox.
func (s *supervisor) flushed(ctx actor.Context, f *flush) {
	if f != s.flushing {
		return
	}
	s.flushing = nil
	f.timer.Stop()
	if f.close == nil {
		s.goEnd(ctx)
	} else {
		ctx.RequestWithCustomSender(s.protocol, f.close, f.sender)
	}
}

// endFlush answers a Close that has waited for the outbox when the end came.
func (s *supervisor) endFlush(ctx actor.Context) {
	f := s.flushing
	if f == nil {
		return
	}
	s.flushing = nil
	f.timer.Stop()
	if f.close != nil && f.sender != nil {
		ctx.Send(f.sender, &messages.SendFailed{Epoch: s.epoch, Ref: f.close.Ref, Err: messages.ErrClosed})
	}
}

// giveUp ends a supervisor that nobody has asked to end.
func (s *supervisor) giveUp(ctx actor.Context, reason string) {
	s.emit(&messages.GaveUp{Epoch: s.epoch, Attempts: s.attempt, Cause: s.cause, Reason: reason})
	s.end(ctx)
}

// end begins the end.
func (s *supervisor) end(ctx actor.Context) {
	s.step = stepOutbox
	s.forgetLifetime()
	s.forgetLater()
	s.endFlush(ctx)
	if s.box == nil {
		s.enterStopped()
		return
	}
	self, root := s.self, s.system.Root
	s.box.Close(func() { root.Send(self, &outboxClosed{}) })
}

// outboxClosed is the message that the outbox has nothing more to do.
type outboxClosed struct{}

// enterStopped enters STOPPED. The callback handles what is queued, then answers.
func (s *supervisor) enterStopped() {
	s.step = stepHandler
	s.enter(messages.StateStopped, &messages.Stopped{Epoch: s.epoch, Cause: s.finalCause()})
	s.system.Root.Send(s.callback.PID, &family.Finish{})
}

// finalCause is the Cause of Stopped: nil if the user has asked for the end and it went well.
func (s *supervisor) finalCause() error {
	var closed *messages.CloseError
	if s.goal == goalEnd && (s.cause == nil || errors.As(s.cause, &closed) && closed.Clean || errors.Is(s.cause, context.Canceled)) {
		return nil
	}
	return s.cause
}

// stopping is the last step, even if the actor is stopped from outside.
func (s *supervisor) stopping() {
	defer s.logPanic("stopping") // a panic here would bring the actor back to life
	s.release()
	if s.state != messages.StateStopped { // from outside
		s.state = messages.StateStopped
		st := s.status()
		s.handle.Update(func(now *handle.Standing) {
			now.State, now.Cause = messages.StateStopped, cmp.Or(s.cause, messages.ErrStopped)
			now.End = &handle.End{Status: st, Outcome: now.Cause, Wanted: s.goal == goalEnd}
		})
	}
	s.step = stepActors
	for _, pid := range s.stoppers {
		s.tellStopped(pid)
	}
}

// tellStopped answers a Stop, if it had a sender.
func (s *supervisor) tellStopped(asked *actor.PID) {
	if asked != nil {
		s.system.Root.Send(asked, &messages.Stopped{Epoch: s.epoch, Cause: s.finalCause()})
	}
}

// release ends what lives outside the actor and its children.
func (s *supervisor) release() {
	s.forgetLifetime()
	s.stopTimer()
	s.forgetLater()
	if s.dial != nil {
		s.dial.abandon()
	}
	if s.flushing != nil {
		s.flushing.timer.Stop()
	}
	if s.box != nil {
		s.box.Close(nil)
	}
	s.handle.Ends(s.counters)
}

func (s *supervisor) logPanic(when string) {
	if r := recover(); r != nil {
		s.Logger.Error("dandelion: panic in the supervisor", slog.String("when", when), slog.Any("panic", r))
	}
}

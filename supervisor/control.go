package supervisor

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/wire"
)

// This file is what the user can order: Stop, Reconnect, Pause, Resume.

// ending is a Stop or a Close that waits until the outbox is empty.
type ending struct {
	timer  *time.Timer
	close  *messages.Close // nil for a Stop
	sender *actor.PID      // of close
}

// flushed says that the outbox is empty, or that it has had its time.
type flushed struct{}

// flush lets the outbox get empty for some time before what e is about.
func (s *supervisor) flush(e *ending, d time.Duration, refusal error) {
	self, root := s.self, s.system.Root
	tell := func() { root.Send(self, &flushed{}) }
	e.timer = time.AfterFunc(d, tell)
	s.ending = e
	s.box.Seal(refusal, tell)
}

// flushed goes on with what has waited for the outbox.
func (s *supervisor) flushed(ctx actor.Context) {
	e := s.ending
	if e == nil {
		return
	}
	s.ending = nil
	e.timer.Stop()
	if e.close == nil {
		s.closeAndStop(ctx)
	} else if s.protocol != nil {
		ctx.RequestWithCustomSender(s.protocol, e.close, e.sender)
	}
}

// endFlush answers a Close that has waited for the outbox when the end came.
func (s *supervisor) endFlush(ctx actor.Context) {
	e := s.ending
	if e == nil {
		return
	}
	s.ending = nil
	e.timer.Stop()
	if e.close != nil && e.sender != nil {
		ctx.Send(e.sender, &messages.SendFailed{Epoch: s.epoch, Ref: e.close.Ref, Err: messages.ErrClosed})
	}
}

var (
	errStopping = fmt.Errorf("%w: the supervisor is stopping", messages.ErrClosed)
	errClosing  = fmt.Errorf("%w: it is closing and takes no more messages", messages.ErrClosed)
)

// close closes the connection for good. What the outbox holds goes out first, if
// the connection lives long enough and within CloseTimeout.
func (s *supervisor) close(ctx actor.Context, msg *messages.Close) {
	if s.protocol == nil || s.box == nil || s.wanted {
		s.wanted = true
		s.forward(ctx, msg)
		s.endUnlessOpen(ctx)
		return
	}
	if err := protocol.CheckClose(msg.Code, msg.Reason); err != nil {
		s.refuse(ctx, msg.Ref, err)
		return
	}
	s.wanted = true
	s.flush(&ending{close: msg, sender: ctx.Sender()}, s.conn.CloseTimeout, errClosing)
}

// stopOnDemand ends the supervisor, when the outbox is empty if that is asked for.
func (s *supervisor) stopOnDemand(ctx actor.Context, msg *messages.Stop) {
	if s.told { // the children are still ending
		if ctx.Sender() != nil {
			ctx.Respond(&messages.Stopped{Epoch: s.epoch, Cause: s.finalCause()})
		}
		return
	}
	if from := ctx.Sender(); from != nil {
		s.stoppers = append(s.stoppers, from)
	}
	switch {
	case s.state == messages.StateStopped || s.finishing:
	case msg.Flush > 0 && s.box != nil && !s.wanted && !s.paused && s.ending == nil:
		s.flush(&ending{}, msg.Flush, errStopping)
	case s.ending != nil && msg.Flush > 0: // under way
	default:
		if s.ending != nil && s.ending.close != nil { // not waited for any longer
			s.flushed(ctx)
		}
		s.closeAndStop(ctx)
	}
}

// abort is one step: with two messages the end of the connection could come between
// them, and another connection be scheduled.
func (s *supervisor) abort(ctx actor.Context, msg *handle.AbortCall) {
	if s.protocol != nil {
		ctx.Send(s.protocol, &messages.FailConnection{Cause: msg.Cause})
	}
	s.stopOnDemand(ctx, &messages.Stop{})
}

// closeAndStop closes what is open and ends the supervisor.
func (s *supervisor) closeAndStop(ctx actor.Context) {
	s.wanted = true
	if s.box != nil {
		s.box.Seal(errStopping, nil)
	}
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
	if s.wanted || s.finishing {
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
	s.forgetLater()
	if s.wanted || s.finishing || s.paused || s.state == messages.StateStopped {
		return
	}
	s.again = false
	s.setPaused(true)
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

// due is a handle.Later whose moment has come, if it is still that of the supervisor.
type due struct {
	command any
	timer   *time.Timer
}

func (s *supervisor) putOff(msg *handle.Later) {
	s.forgetLater()
	d := &due{command: msg.Command}
	self, root := s.self, s.system.Root
	d.timer = time.AfterFunc(msg.Delay, func() { root.Send(self, d) })
	s.later = d
}

func (s *supervisor) forgetLater() {
	if s.later != nil {
		s.later.timer.Stop()
		s.later = nil
	}
}

func (s *supervisor) due(ctx actor.Context, d *due) {
	if s.later != d {
		return
	}
	s.later = nil
	switch d.command.(type) {
	case *messages.Reconnect:
		s.reconnect(ctx)
	case *messages.Resume:
		s.resume()
	}
}

// resume connects at once, or as soon as what was given up has ended.
func (s *supervisor) resume() {
	if !s.paused || s.wanted || s.finishing {
		return
	}
	s.setPaused(false)
	if s.state == messages.StateWaiting {
		s.connect()
	} else {
		s.again = true
	}
}

func (s *supervisor) setPaused(paused bool) {
	s.paused = paused
	s.handle.Update(func(st *handle.Standing) { st.Paused = paused })
}

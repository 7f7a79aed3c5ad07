package supervisor

// This file is what the user orders: Reconnect, Pause, Resume, Close, Stop, Abort. An order
// sets the goal, and pursue does what the goal requires in the current state. Once nothing
// is connected or being connected, next (in connection.go) continues from the goal.
//
//	               CONNECTING             OPEN                       WAITING
//	goalOpen       the attempt continues  the connection stays       the delay passes
//	goalReconnect  the attempt is ended   Close with the code 1001   next: connects
//	goalPause      the attempt is ended   Close with the code 1001   next: waits without an end
//	goalAbandon    the attempt fails      FailConnection             next: gives up
//	goalEnd        the attempt is ended   Close, 1001 or the user's  next: ends
//
// The outcome of an attempt that was ended, or the end of the connection, leads to next, too.
// Once the end has begun (step in end.go) orders change nothing.

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/wire"
)

// goal is what the supervisor is to achieve. There is one at a time. An order replaces the
// previous goal, except that only goalEnd replaces goalAbandon, and nothing replaces goalEnd.
type goal uint8

const (
	// goalOpen: a connection. When it ends, or an attempt fails, the verdict decides.
	goalOpen goal = iota
	// goalReconnect: another connection in place of this one, at once. With the next attempt
	// it becomes goalOpen.
	goalReconnect
	// goalPause: no connection for now.
	goalPause
	// goalAbandon: the end, as the user's actor has terminated and nobody is left to connect
	// for.
	goalAbandon
	// goalEnd: the end, because the user wants it.
	goalEnd
)

var goalNames = [...]string{"open", "reconnect", "pause", "abandon", "end"}

func (g goal) String() string { return goalNames[g] }

// aim sets the goal.
func (s *supervisor) aim(g goal) {
	if paused := g == goalPause; paused != (s.goal == goalPause) {
		s.handle.Update(func(st *handle.Standing) { st.Paused = paused })
	}
	s.goal = g
}

// pursue does what a new goal, other than goalOpen, requires at once.
func (s *supervisor) pursue(ctx actor.Context) {
	switch s.state {
	case messages.StateConnecting:
		s.dial.cancel()
	case messages.StateOpen:
		ctx.Send(s.protocol, &messages.Close{Code: wire.StatusGoingAway})
	case messages.StateWaiting:
		s.stopTimer()
		s.next(ctx)
	}
}

// canSteer reports whether the user can still choose between connections and pauses.
func (s *supervisor) canSteer() bool { return s.step == stepNone && s.goal < goalAbandon }

// reconnect gives up the connection or the delay and connects at once. An attempt that is
// under way continues.
func (s *supervisor) reconnect(ctx actor.Context) {
	switch {
	case !s.canSteer():
	case s.goal == goalPause:
		s.resume(ctx)
	case s.goal == goalOpen && s.state != messages.StateConnecting:
		s.aim(goalReconnect)
		s.pursue(ctx)
	}
}

// pause gives up the connection, the attempt or the delay, until resume.
func (s *supervisor) pause(ctx actor.Context) {
	s.forgetLater()
	if s.canSteer() && s.goal != goalPause {
		s.aim(goalPause)
		s.pursue(ctx)
	}
}

// resume connects at once, or as soon as the connection or attempt that the pause gave up has
// ended.
func (s *supervisor) resume(ctx actor.Context) {
	if !s.canSteer() || s.goal != goalPause {
		return
	}
	s.aim(goalReconnect)
	if s.state == messages.StateWaiting {
		s.pursue(ctx)
	}
}

var errStopping = fmt.Errorf("%w: the supervisor is stopping", messages.ErrClosed)

// close closes the connection for good, with the user's Close. The messages in the outbox go
// out first, if the connection lives long enough and within CloseTimeout. Without an open
// connection the Close is refused, and the supervisor ends all the same.
func (s *supervisor) close(ctx actor.Context, msg *messages.Close) {
	if err := protocol.CheckClose(msg.Code, msg.Reason); err != nil {
		s.refuse(ctx, msg.Ref, err)
		return
	}
	if s.state == messages.StateOpen && s.box != nil && s.goal != goalEnd {
		s.aim(goalEnd)
		s.flush(&flush{close: msg, sender: ctx.Sender()}, s.conn.CloseTimeout, protocol.ErrClosing)
		return
	}
	s.forward(ctx, msg)
	if s.step != stepNone {
		return
	}
	s.aim(goalEnd)
	if s.state != messages.StateOpen {
		s.pursue(ctx)
	}
}

// stop ends the supervisor; with Flush, first the outbox is to become empty. The sender is
// answered at the end.
func (s *supervisor) stop(ctx actor.Context, msg *messages.Stop) {
	if s.step == stepActors {
		s.tellStopped(ctx.Sender())
		return
	}
	s.stoppers = append(s.stoppers, ctx.Sender())
	switch {
	case s.step != stepNone:
	case msg.Flush > 0 && s.flushing != nil: // it is being flushed
	case msg.Flush > 0 && s.box != nil && s.goal < goalPause:
		s.flush(&flush{}, msg.Flush, errStopping)
	case s.flushing != nil && s.flushing.close != nil: // not waited for any longer
		s.flushed(ctx, s.flushing)
	default:
		s.goEnd(ctx)
	}
}

// goEnd closes what is open and ends the supervisor.
func (s *supervisor) goEnd(ctx actor.Context) {
	s.aim(goalEnd)
	s.endFlush(ctx)
	if s.box != nil {
		s.box.Seal(errStopping, nil)
	}
	s.pursue(ctx)
}

// abort is Stop without a closing handshake. It is one step: with two messages the end of
// the connection could come between them, and another connection be scheduled.
func (s *supervisor) abort(ctx actor.Context, msg *handle.AbortCall) {
	if s.protocol != nil {
		ctx.Send(s.protocol, &messages.FailConnection{Cause: msg.Cause})
	}
	s.stop(ctx, &messages.Stop{})
}

package handshake

// One stage of a handshake: its timeout, and the end of the caller's context.

import (
	"context"
	"io"
	"time"
)

// stage is a part of a handshake and its bound in time.
type stage struct {
	id      Stage
	timeout time.Duration // none if not positive
	setting string        // that has the timeout, for the error
}

// newStage makes a stage from a setting, where 0 means the default.
func newStage(id Stage, setting string, timeout, byDefault time.Duration) stage {
	if timeout == 0 {
		timeout = byDefault
	}
	return stage{id, timeout, setting}
}

// run calls f and returns its error as an *Error of the stage.
//
// When the timeout is over or ctx has ended, the context of f ends and conn,
// unless it is nil, is closed, so that f returns from whatever it does with it.
// The error then says which of the two it was.
func (s stage) run(ctx context.Context, conn io.Closer, f func(context.Context) error) error {
	if s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.timeout, &timeoutError{s.timeout, s.setting})
		defer cancel()
	}
	stop := func() bool { return true }
	if conn != nil {
		stop = context.AfterFunc(ctx, func() { abort(conn) })
	}
	err := f(ctx)
	over := !stop() || err != nil && isOver(ctx)
	switch {
	case over && err == nil: // conn was closed behind f's back
		return &Error{Stage: s.id, Err: ended(ctx)}
	case over:
		e := fail(s.id, err) // keeps what an answer told
		e.Err = ended(ctx)
		return e
	case err != nil:
		return fail(s.id, err)
	}
	return nil
}

// isOver tells whether ctx has ended. If its deadline has passed it is over
// although its timer may be late: the same deadline set on a connection can be
// noticed first.
func isOver(ctx context.Context) bool {
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

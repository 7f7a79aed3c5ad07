package handshake

// This file runs one stage of a handshake within its timeout and the caller's context.

import (
	"context"
	"io"
	"time"
)

// timeLimit bounds one stage of a handshake.
type timeLimit struct {
	stage   Stage
	timeout time.Duration // none if not positive
	setting string        // that has the timeout, for the error
}

// newTimeLimit makes a timeLimit from a setting, where 0 means the default.
func newTimeLimit(stage Stage, setting string, timeout, byDefault time.Duration) timeLimit {
	if timeout == 0 {
		timeout = byDefault
	}
	return timeLimit{stage, timeout, setting}
}

// run calls f and returns its error as an *Error of the stage.
//
// When the timeout is over or ctx has ended, the context of f ends and conn,
// unless it is nil, is closed, so that f returns whatever it is doing with it.
// The error then says which of the two it was.
func (l timeLimit) run(ctx context.Context, conn io.Closer, f func(context.Context) error) error {
	if l.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, l.timeout, &timeoutError{l.timeout, l.setting})
		defer cancel()
	}
	stop := func() bool { return true }
	if conn != nil {
		stop = context.AfterFunc(ctx, func() { abort(conn) })
	}
	err := f(ctx)
	over := !stop() || err != nil && isOver(ctx)
	switch {
	case over && err == nil: // conn was closed, but f had already succeeded
		return &Error{Stage: l.stage, Err: ended(ctx)}
	case over:
		e := fail(l.stage, err) // keeps status, header and body of a response
		e.Err = ended(ctx)
		return e
	case err != nil:
		return fail(l.stage, err)
	}
	return nil
}

// isOver reports whether ctx has ended. If its deadline has passed it counts as
// ended even if its timer is late: the same deadline set on a connection may be
// noticed first.
func isOver(ctx context.Context) bool {
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

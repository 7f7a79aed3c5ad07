package supervisor

import (
	"fmt"
	"log/slog"
	"time"
)

// RetryPolicy says when to connect again after a failure, and when to give up.
// A zero field means its default.
type RetryPolicy struct {
	// Verdicts has the entries of the table that differ from DefaultVerdicts; see
	// Verdicts.With.
	Verdicts Verdicts
	// Decide, if set, has the last word on what the table says: it gets the error
	// and the verdict and returns the verdict that counts. It runs in the
	// supervisor and must not block. If it panics the table's verdict counts.
	Decide func(err error, v Verdict) Verdict
	// MaxRetryAfter bounds the delay that the server asks for in Retry-After, and
	// that of a Rule. Default 5 min.
	MaxRetryAfter time.Duration
	// Backoff makes what gives the delays. Default: Exponential{}.New, also if it
	// returns nil or panics.
	Backoff func() Backoff
	// ResetAfter is how long a connection has to be open, and to have shown life
	// (a message or a Pong), for counts and delays to start again. Default 10 s.
	ResetAfter time.Duration
	// MaxAttempts is how many attempts in a row may fail, the first one
	// included, before the supervisor gives up. 0 means no limit.
	MaxAttempts int
	// MaxElapsed is for how long after the first failure in a row another attempt
	// may begin. 0 means no limit.
	MaxElapsed time.Duration
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.MaxRetryAfter <= 0 {
		p.MaxRetryAfter = 5 * time.Minute
	}
	if p.ResetAfter <= 0 {
		p.ResetAfter = 10 * time.Second
	}
	if p.Backoff == nil {
		p.Backoff = Exponential{}.New
	}
	return p
}

// Table returns the whole table that is in force.
func (p RetryPolicy) Table() Verdicts { return DefaultVerdicts().With(p.Verdicts) }

// retries applies a RetryPolicy to one failure after the other.
type retries struct {
	RetryPolicy
	backoff   Backoff
	logger    *slog.Logger
	failures  int       // in a row
	first     time.Time // the first of them
	refreshed bool      // the Provider was asked for other credentials since the last open connection
}

func newRetries(p RetryPolicy, logger *slog.Logger) *retries {
	p = p.withDefaults()
	r := &retries{RetryPolicy: p, logger: logger}
	r.protect("RetryPolicy.Backoff", func() { r.backoff = p.Backoff() })
	if r.backoff == nil {
		r.backoff = Exponential{}.New()
	}
	return r
}

// opened notes that credentials were good.
func (r *retries) opened() { r.refreshed = false }

// reset begins to count anew: a connection was stable.
func (r *retries) reset() {
	r.failures = 0
	r.protect("Backoff.Reset", r.backoff.Reset)
}

// judge returns the verdict on err.
func (r *retries) judge(err error, now time.Time) Verdict {
	v := r.Verdicts.Judge(err, now)
	if r.Decide != nil {
		r.protect("Decide", func() { v = r.Decide(err, v) })
	}
	return v
}

// next counts a failure and returns the delay before the next attempt. endpoints
// is how many can be tried. If there is to be none the verdict that is returned
// says why.
func (r *retries) next(err error, v Verdict, endpoints int, provider bool, now time.Time) (time.Duration, Verdict) {
	stop := func(reason string) (time.Duration, Verdict) {
		v.Action, v.Reason = Stop, reason
		return 0, v
	}
	if r.failures++; r.failures == 1 {
		r.first = now
	}
	switch {
	case v.Action == Stop:
		return 0, v
	case v.Action == Refresh && !provider:
		return stop(v.Reason + ", and there is no Provider to ask for other credentials")
	case v.Action == Refresh && r.refreshed:
		return stop(v.Reason + ", also with other credentials")
	case r.MaxAttempts > 0 && r.failures >= r.MaxAttempts:
		return stop(fmt.Sprintf("%d attempts made, the limit", r.failures))
	}
	if v.Action == Refresh {
		r.refreshed = true
	}
	delay := time.Second
	r.protect("Backoff.Next", func() {
		delay = max(0, r.backoff.Next(Failure{Count: r.failures, Round: (r.failures - 1) / max(1, endpoints), Err: err, Verdict: v}))
	})
	delay += max(0, min(v.After, r.MaxRetryAfter))
	if r.MaxElapsed > 0 && now.Add(delay).Sub(r.first) > r.MaxElapsed {
		return stop(fmt.Sprintf("no connection for %v, the limit is %v", now.Sub(r.first).Round(time.Millisecond), r.MaxElapsed))
	}
	return delay, v
}

// protect calls code of the user, whose panic must not bring the supervisor down.
func (r *retries) protect(what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			r.logger.Error("dandelion: "+what+" panicked", slog.Any("panic", p))
		}
	}()
	f()
}

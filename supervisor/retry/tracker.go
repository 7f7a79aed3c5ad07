package retry

// This file applies a Policy to the attempts of one managed connection.

import (
	"fmt"
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// Tracker applies a Policy to the attempts of one managed connection, one after the other, and
// remembers how its endpoints did. It is told the time. It is not safe for concurrent use.
type Tracker struct {
	policy    Policy
	backoff   Backoff // made for the first delay
	endpoints *endpointList
	current   *endpoint // of the last attempt
	panicked  func(what string, value any)

	failures  int       // in a row
	first     time.Time // the first of them
	refreshed bool      // other credentials were asked for since the last open connection
}

// NewTracker returns a Tracker for url and the further endpoints of e. If code of p panics,
// panicked is called with its name and the recovered value, and the Tracker continues
// without that code.
func NewTracker(url string, e Endpoints, p Policy, panicked func(what string, value any)) *Tracker {
	return &Tracker{policy: p.withDefaults(), endpoints: newEndpointList(url, e), panicked: panicked}
}

// Attempt begins an attempt at now and returns the URL of the endpoint whose turn it is.
// shown is the URL without user information.
func (t *Tracker) Attempt(now time.Time) (url, shown string) {
	t.current = t.endpoints.pick(now)
	return t.current.url, t.current.shown
}

// Opened records that the attempt has made a connection.
func (t *Tracker) Opened() {
	t.refreshed = false
	t.endpoints.opened(t.current)
}

// Ended records that an open connection has ended after uptime; alive says that a message or a
// Pong was received. It reports whether the connection was stable, so that counts and delays
// start over.
func (t *Tracker) Ended(uptime time.Duration, alive bool) (stable bool) {
	if !alive || uptime < t.policy.ResetAfter {
		return false
	}
	t.failures = 0
	if t.backoff != nil {
		t.protect("Backoff.Reset", t.backoff.Reset)
	}
	return true
}

// Judge returns the verdict on err at now, regardless of counts.
func (t *Tracker) Judge(err error, now time.Time) Verdict {
	v := t.policy.Verdicts.Judge(err, now)
	if t.policy.Decide != nil {
		t.protect("Policy.Decide", func() { v = t.policy.Decide(err, v) })
	}
	return v
}

// Failed counts a failure, of an attempt or of the connection that it made, and returns the
// delay before the next attempt. There is none if the Action of the verdict is Stop; its
// Reason says why. provider says whether there is a Provider to ask for other credentials.
func (t *Tracker) Failed(err error, provider bool, now time.Time) (time.Duration, Verdict) {
	t.endpoints.failed(t.current, err, now)
	v := t.Judge(err, now)
	if v.Action == Stop && ofEndpoint(err) && t.endpoints.exclude(t.current) {
		v.Action = Retry
		v.Reason += fmt.Sprintf(", this endpoint is left out, %d left", t.endpoints.left())
	}
	stop := func(reason string) (time.Duration, Verdict) {
		v.Action, v.Reason = Stop, reason
		return 0, v
	}
	if t.failures++; t.failures == 1 {
		t.first = now
	}
	switch {
	case v.Action == Stop:
		return 0, v
	case v.Action == Refresh && !provider:
		return stop(v.Reason + ", and there is no Provider to ask for other credentials")
	case v.Action == Refresh && t.refreshed:
		return stop(v.Reason + ", also with other credentials")
	case t.policy.MaxAttempts > 0 && t.failures >= t.policy.MaxAttempts:
		return stop(fmt.Sprintf("%d attempts made, the limit", t.failures))
	}
	if v.Action == Refresh {
		t.refreshed = true
	}
	delay := t.delay(err, v)
	if t.policy.MaxElapsed > 0 && now.Add(delay).Sub(t.first) > t.policy.MaxElapsed {
		return stop(fmt.Sprintf("no connection for %v, the limit is %v", now.Sub(t.first).Round(time.Millisecond), t.policy.MaxElapsed))
	}
	return delay, v
}

// delay draws the delay after a failure.
func (t *Tracker) delay(err error, v Verdict) time.Duration {
	if t.backoff == nil {
		t.backoff = t.newBackoff()
	}
	delay := time.Second
	t.protect("Backoff.Next", func() {
		round := (t.failures - 1) / max(1, t.endpoints.left())
		delay = max(0, t.backoff.Next(Failure{Count: t.failures, Round: round, Err: err, Verdict: v}))
	})
	return delay + max(0, min(v.After, t.policy.MaxRetryAfter))
}

func (t *Tracker) newBackoff() (b Backoff) {
	if t.policy.Backoff != nil {
		t.protect("Policy.Backoff", func() { b = t.policy.Backoff() })
	}
	if b == nil {
		b = Exponential{}.New()
	}
	return b
}

// Endpoints returns the status of each endpoint.
func (t *Tracker) Endpoints() []messages.EndpointStatus { return t.endpoints.status() }

// protect calls code of the user, whose panic must not reach the caller.
func (t *Tracker) protect(what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			t.panicked(what, p)
		}
	}()
	f()
}

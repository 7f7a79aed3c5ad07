package retry

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
)

// begun returns a Tracker whose first attempt is under way.
func begun(p Policy, now time.Time) *Tracker {
	r := NewTracker("a", Endpoints{}, p, nil)
	r.Attempt(now)
	return r
}

func TestRetryAfterIsBoundedAndSpread(t *testing.T) {
	refused := &handshake.Error{Stage: handshake.StageHTTP, Status: 503, Header: http.Header{"Retry-After": {"86400"}}}
	now := time.Now()
	r := begun(Policy{MaxRetryAfter: time.Minute, Backoff: half.New}, now)
	delay, v := r.Failed(refused, false, now)
	require.Equal(t, Retry, v.Action)
	require.Equal(t, time.Minute+500*time.Millisecond, delay)
}

// half are delays in the middle of their range.
var half = Exponential{Float64: func() float64 { return 0.5 }}

func TestRetriesGiveUp(t *testing.T) {
	lost := &messages.CloseError{Code: 1006}
	forbidden := &handshake.Error{Stage: handshake.StageHTTP, Status: 403}
	for _, test := range []struct {
		name     string
		policy   Policy
		err      error
		provider bool
		failures int // until it gives up, a second apart
		reason   string
	}{
		{"attempts", Policy{MaxAttempts: 3}, lost, false, 3, "3 attempts made, the limit"},
		{"elapsed", Policy{MaxElapsed: 7500 * time.Millisecond}, lost, false, 5, "no connection for 4s, the limit is 7.5s"},
		{"no provider", Policy{}, forbidden, false, 1, "HTTP status 403, and there is no Provider to ask for other credentials"},
		{"provider", Policy{}, forbidden, true, 2, "HTTP status 403, also with other credentials"},
		{"hook", Policy{Decide: func(_ error, v Verdict) Verdict { v.Action, v.Reason = Stop, "as I like"; return v }}, lost, false, 1, "as I like"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.policy.Backoff = half.New
			now := time.Now()
			r := begun(test.policy, now)
			for n := 1; ; n++ {
				_, v := r.Failed(test.err, test.provider, now)
				if v.Action == Stop {
					require.Equal(t, test.reason, v.Reason)
					require.Equal(t, test.failures, n)
					return
				}
				require.Less(t, n, 100)
				now = now.Add(time.Second)
			}
		})
	}
}

// A hook or a Backoff that panics is reported and left out.
func TestRetriesSurvivePanics(t *testing.T) {
	var reported []string
	r := NewTracker("a", Endpoints{}, Policy{
		Decide:  func(error, Verdict) Verdict { panic("decide") },
		Backoff: func() Backoff { return panicking{} },
	}, func(what string, value any) { reported = append(reported, fmt.Sprintf("%s: %v", what, value)) })
	now := time.Now()
	r.Attempt(now)
	delay, v := r.Failed(&messages.CloseError{Code: 1006}, false, now)
	require.True(t, r.Ended(time.Minute, true))
	require.Equal(t, Retry, v.Action)
	require.Equal(t, time.Second, delay)
	require.Equal(t, []string{"Policy.Decide: decide", "Backoff.Next: next", "Backoff.Reset: reset"}, reported)
}

type panicking struct{}

func (panicking) Next(Failure) time.Duration { panic("next") }
func (panicking) Reset()                     { panic("reset") }

// Without a Backoff that can be used the default one gives the delays.
func TestNoBackoff(t *testing.T) {
	for name, backoff := range map[string]func() Backoff{
		"panics": func() Backoff { panic("backoff") },
		"nil":    func() Backoff { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := NewTracker("a", Endpoints{}, Policy{Backoff: backoff}, func(string, any) {})
			require.Equal(t, Exponential{}.New().(*exponential).Max, r.newBackoff().(*exponential).Max)
		})
	}
}

package retry

// This file is what a user configures about reconnecting.

import "time"

// Policy says when to connect again after a failure, and when to give up.
// A zero field means its default.
type Policy struct {
	// Verdicts holds the entries that differ from DefaultVerdicts; see Verdicts.With.
	Verdicts Verdicts
	// Decide, if set, has the last word: it gets the error and the table's verdict, and
	// returns the verdict that counts. It runs in the supervisor and must not block. If it
	// panics the table's verdict counts.
	Decide func(err error, v Verdict) Verdict
	// MaxRetryAfter bounds the delay that the server asks for with Retry-After, and the
	// After of a Rule. Default 5 min.
	MaxRetryAfter time.Duration
	// Backoff makes the Backoff for one supervisor. Default: Exponential{}.New, also used if
	// Backoff returns nil or panics.
	Backoff func() Backoff
	// ResetAfter is how long a connection has to be open for counts and delays to start over;
	// it must have received a message or a Pong, too. Default 10 s.
	ResetAfter time.Duration
	// MaxAttempts is how many attempts in a row may fail, the first one included, before the
	// supervisor gives up. 0 means no limit.
	MaxAttempts int
	// MaxElapsed is how long after the first failure in a row another attempt may begin. 0
	// means no limit.
	MaxElapsed time.Duration
}

func (p Policy) withDefaults() Policy {
	if p.MaxRetryAfter <= 0 {
		p.MaxRetryAfter = 5 * time.Minute
	}
	if p.ResetAfter <= 0 {
		p.ResetAfter = 10 * time.Second
	}
	return p
}

// Table returns the whole table that applies.
func (p Policy) Table() Verdicts { return DefaultVerdicts().With(p.Verdicts) }

package retry

import "time"

// Policy says when to connect again after a failure, and when to give up.
// A zero field means its default.
type Policy struct {
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

func (p Policy) withDefaults() Policy {
	if p.MaxRetryAfter <= 0 {
		p.MaxRetryAfter = 5 * time.Minute
	}
	if p.ResetAfter <= 0 {
		p.ResetAfter = 10 * time.Second
	}
	return p
}

// Table returns the whole table that is in force.
func (p Policy) Table() Verdicts { return DefaultVerdicts().With(p.Verdicts) }

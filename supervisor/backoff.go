package supervisor

import (
	"math/rand/v2"
	"time"
)

// Backoff are the delays between attempts: truncated exponential with full
// jitter, the first one included (RFC 6455 §7.2.3). Delay n, counted from 0, is
// drawn uniformly from Min to Base·Factorⁿ, but at most Max. A zero field means
// its default.
type Backoff struct {
	// Base is the upper end of the first delay. Default 1 s.
	Base time.Duration
	// Min is the lower end of every delay. Default 0.
	Min time.Duration
	// Max is where the upper end stops growing. Default 60 s.
	Max time.Duration
	// Factor is the growth from one delay to the next, at least 1. Default 2.
	Factor float64
	// ResetAfter is how long a connection has to be open, and to have shown life
	// (a message or a Pong), for the delays to start from Base again. Default 10 s.
	ResetAfter time.Duration
	// MaxAttempts is how many attempts in a row may fail, the first one
	// included, before the supervisor gives up. It starts again with the delays. 0 means no limit.
	MaxAttempts int
	// Float64 is the source of randomness: uniform in [0, 1). Default
	// math/rand/v2. It is for tests that need the same delays again.
	Float64 func() float64
}

func (b Backoff) withDefaults() Backoff {
	if b.Base <= 0 {
		b.Base = time.Second
	}
	if b.Max <= 0 {
		b.Max = time.Minute
	}
	if b.Factor < 1 {
		b.Factor = 2
	}
	if b.ResetAfter <= 0 {
		b.ResetAfter = 10 * time.Second
	}
	if b.Float64 == nil {
		b.Float64 = rand.Float64
	}
	return b
}

// ceiling is the upper end of delay n.
func (b Backoff) ceiling(n int) time.Duration {
	d := float64(b.Base)
	for ; n > 0 && d < float64(b.Max); n-- {
		d *= b.Factor
	}
	return max(b.Min, time.Duration(min(d, float64(b.Max))))
}

// delay draws delay n; base takes the place of Base if it is larger.
func (b Backoff) delay(n int, base time.Duration) time.Duration {
	b.Base = max(b.Base, base)
	top := b.ceiling(n)
	return b.Min + time.Duration(b.Float64()*float64(top-b.Min))
}

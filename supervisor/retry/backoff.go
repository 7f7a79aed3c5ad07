package retry

// This file is the delays between attempts.

import (
	"math/rand/v2"
	"time"
)

// Backoff returns the delays between attempts. Each supervisor makes its own Backoff and calls
// it on one goroutine at a time. The methods must not block. A delay is used as it is: a
// Backoff of yours should draw it at random, or clients that lost their server together
// come back together.
type Backoff interface {
	// Next returns the delay before the next attempt. A negative delay counts as 0.
	Next(f Failure) time.Duration
	// Reset starts over: a connection was stable.
	Reset()
}

// Failure is what a Backoff is told.
type Failure struct {
	// Count is how many failures there were in a row, this one included.
	Count int
	// Round counts, from 0, how often every endpoint has failed. Delays grow with it, so
	// that the second endpoint does not wait longer because of the first.
	Round int
	// Err is what failed, Verdict what follows.
	Err     error
	Verdict Verdict
}

// Jitter is the way in which an Exponential draws its delays.
type Jitter uint8

const (
	// FullJitter draws uniformly from Min to Base·Factorⁿ.
	FullJitter Jitter = iota
	// DecorrelatedJitter draws uniformly from Base (Min, if that is larger) to Factor
	// times the delay before, a Factor of 3 being usual. It spreads as well as
	// FullJitter and makes hardly any very short delays.
	DecorrelatedJitter
)

// Exponential makes delays that grow by a factor, each with jitter, the first included (RFC
// 6455 §7.2.3). A zero field means its default. Its method New is a Policy.Backoff.
type Exponential struct {
	// First is the upper end of the first delay. Default Base.
	First time.Duration
	// Base is the upper end of the first delay, from which the others grow. Default 1 s.
	Base time.Duration
	// Min is the lower end of every delay. Default 0.
	Min time.Duration
	// Max is where the upper end stops growing. Default 60 s.
	Max time.Duration
	// Factor is the growth from one delay to the next, at least 1. Default 2, or 3 with
	// DecorrelatedJitter.
	Factor float64
	// Jitter is the way to draw. Default FullJitter.
	Jitter Jitter
	// Float64 is the source of randomness: uniform in [0, 1). Default math/rand/v2. To get
	// the same delays each time use rand.New(rand.NewPCG(1, 2)).Float64, which is for one
	// supervisor only.
	Float64 func() float64
}

// New returns a Backoff with these delays.
func (e Exponential) New() Backoff {
	if e.Base <= 0 {
		e.Base = time.Second
	}
	if e.First <= 0 {
		e.First = e.Base
	}
	if e.Max <= 0 {
		e.Max = time.Minute
	}
	if e.Factor < 1 {
		e.Factor = 2
		if e.Jitter == DecorrelatedJitter {
			e.Factor = 3
		}
	}
	if e.Float64 == nil {
		e.Float64 = rand.Float64
	}
	return &exponential{Exponential: e}
}

type exponential struct {
	Exponential
	last time.Duration // the delay before; 0 for none
}

func (e *exponential) Reset() { e.last = 0 }

func (e *exponential) Next(f Failure) time.Duration {
	low, high := e.Min, e.ceiling(f.Round, f.Verdict.Base)
	if e.Jitter == DecorrelatedJitter && f.Count > 1 && e.last > 0 {
		base := max(e.Base, f.Verdict.Base)
		low = min(max(e.Min, base), e.Max)
		high = e.bound(float64(max(e.last, base)) * e.Factor)
	}
	e.last = low + time.Duration(e.Float64()*float64(max(0, high-low)))
	return e.last
}

// ceiling is the upper end of delay n; base takes the place of Base if it is larger.
func (e *exponential) ceiling(n int, base time.Duration) time.Duration {
	if n == 0 && base <= e.Base {
		return e.bound(float64(e.First))
	}
	d := float64(max(e.Base, base))
	for ; n > 0 && d < float64(e.Max); n-- {
		d *= e.Factor
	}
	return e.bound(d)
}

func (e *exponential) bound(d float64) time.Duration {
	return max(e.Min, time.Duration(min(d, float64(e.Max))))
}

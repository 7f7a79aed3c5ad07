package retry

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExponentialCeiling(t *testing.T) {
	e := Exponential{Base: time.Second, Max: 10 * time.Second, Factor: 2}.New().(*exponential)
	for n, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		require.Equal(t, want*time.Second, e.ceiling(n, 0))
	}
	require.Equal(t, 10*time.Second, e.ceiling(1_000_000, 0))
	require.Equal(t, 6*time.Second, e.ceiling(1, 3*time.Second), "another base")
	e.First = 100 * time.Millisecond
	require.Equal(t, 100*time.Millisecond, e.ceiling(0, 0))
	require.Equal(t, 2*time.Second, e.ceiling(1, 0))
	require.Equal(t, 3*time.Second, e.ceiling(0, 3*time.Second), "a busy server is not hurried")
	e.Min = 3 * time.Second
	require.Equal(t, 3*time.Second, e.ceiling(0, 0))
}

// A Factor of 1 means delays that do not grow; less counts as none given.
func TestFactor(t *testing.T) {
	for _, test := range []struct {
		cfg  Exponential
		want time.Duration // the fourth upper end
	}{
		{Exponential{}, 8 * time.Second},
		{Exponential{Factor: 1}, time.Second},
		{Exponential{Factor: 1.5}, 3375 * time.Millisecond},
		{Exponential{Factor: 0.9}, 8 * time.Second},
		{Exponential{Factor: -1}, 8 * time.Second},
	} {
		require.Equal(t, test.want, test.cfg.New().(*exponential).ceiling(3, 0), "%v", test.cfg.Factor)
	}
	last := func(factor float64) time.Duration { // the upper end of a delay after one of a second
		e := Exponential{Factor: factor, Jitter: DecorrelatedJitter, Float64: func() float64 { return 1 }}.New().(*exponential)
		e.last = time.Second
		return e.Next(Failure{Count: 2, Round: 1})
	}
	require.Equal(t, 3*time.Second, last(0))
	require.Equal(t, time.Second, last(1))
	require.Equal(t, 2*time.Second, last(2))
}

// req: 6455-7.2.3-01 6455-7.2.3-02
func TestFullJitterIsUniform(t *testing.T) {
	for _, cfg := range []Exponential{{}, {Base: 2 * time.Second}, {Min: 100 * time.Millisecond, Max: 5 * time.Second}} {
		e := cfg.New().(*exponential)
		for _, n := range []int{0, 1, 5} {
			top := e.ceiling(n, 0)
			uniform(t, e.Min, top, func() time.Duration { return e.Next(Failure{Count: n + 1, Round: n}) })
		}
	}
}

// uniform checks that draw is uniform in [low, high).
func uniform(t *testing.T, low, high time.Duration, draw func() time.Duration) {
	t.Helper()
	const draws, buckets = 20000, 10
	var count [buckets]int
	for range draws {
		d := draw()
		require.GreaterOrEqual(t, d, low)
		require.Less(t, d, high)
		count[int64(d-low)*buckets/int64(high-low)]++
	}
	for i, c := range count {
		require.InDelta(t, draws/buckets, c, draws/buckets*0.2, "bucket %d of %v", i, count)
	}
}

func TestDecorrelatedJitterIsUniform(t *testing.T) {
	e := Exponential{Jitter: DecorrelatedJitter, Base: time.Second, Max: time.Minute}.New().(*exponential)
	for _, last := range []time.Duration{time.Second, 5 * time.Second, 19 * time.Second} {
		uniform(t, time.Second, 3*last, func() time.Duration {
			e.last = last
			return e.Next(Failure{Count: 2, Round: 1})
		})
	}
}

// Whatever the configuration and the history, a delay lies between Min and Max,
// and the same source of randomness gives the same delays.
func TestExponentialProperties(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		cfg := Exponential{
			First:  time.Duration(r.Int64N(int64(time.Minute))),
			Base:   time.Duration(r.Int64N(int64(time.Minute))),
			Max:    time.Duration(r.Int64N(int64(time.Hour))),
			Factor: r.Float64() * 10,
			Jitter: Jitter(r.IntN(2)),
		}
		if r.IntN(2) == 0 {
			cfg.Min = time.Duration(r.Int64N(int64(time.Second)))
		}
		a, b := cfg, cfg
		a.Float64, b.Float64 = rand.New(rand.NewPCG(seed, 2)).Float64, rand.New(rand.NewPCG(seed, 2)).Float64
		one, two := a.New(), b.New()
		limits := one.(*exponential)
		count := 0
		for range 200 {
			if r.IntN(20) == 0 {
				count = 0
				one.Reset()
				two.Reset()
			}
			count++
			f := Failure{Count: count, Round: (count - 1) / (1 + r.IntN(3))}
			if r.IntN(5) == 0 {
				f.Verdict.Base = time.Duration(r.Int64N(math.MaxInt64))
			}
			d := one.Next(f)
			require.Equal(t, d, two.Next(f), "seed %d", seed)
			require.GreaterOrEqual(t, d, min(limits.Min, limits.Max), "seed %d", seed)
			require.LessOrEqual(t, d, max(limits.Min, limits.Max), "seed %d", seed)
		}
	}
}

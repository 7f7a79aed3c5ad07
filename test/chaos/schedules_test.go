package chaos_test

// This file runs schedules in synctest bubbles.

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion/test/wstest"
)

// TestSchedules runs schedules with in-memory pipes and fake time, one after the other,
// for half of -chaos.time.
func TestSchedules(t *testing.T) {
	var f figures
	start := time.Now()
	first := seeds()
	if *oneSeed != 0 {
		inBubble(t, *oneSeed, &f)
	} else {
		t.Logf("seeds from %d", first)
		failures := 0
		for seed := first; time.Since(start) < *runTime/2 && failures < 3; seed++ {
			if !inBubble(t, seed, &f) {
				failures++
			}
		}
	}
	t.Logf("%v: %v", time.Since(start).Round(time.Millisecond), &f)
}

// inBubble runs the schedule with this seed. The bubble fails if a goroutine is left
// behind, or if everything is blocked for ever.
func inBubble(t *testing.T, seed uint64, f *figures) (ok bool) {
	t.Helper()
	const unit = time.Second
	s := drawSchedule(seed, unit, span(rand.New(rand.NewPCG(seed, 1<<34)), 30*unit))
	s.slack = 5 * time.Second
	if s.climate.corrupts {
		// crypto/tls answers a broken record under a mutex that a stalled Write
		// holds, and in a bubble no time passes while somebody waits for a mutex.
		s.tls = false
	}
	if *oneSeed != 0 {
		t.Log(s)
	}
	defer watchdog(20*time.Second, s.String)()
	wrong := ""
	synctest.Test(t, func(t *testing.T) {
		r := newRun(s, wstest.NewSystem(t), f)
		r.exact = true
		n := newPipes(t, s, r.hit)
		wrong = r.play(n)
		n.close()
	})
	if wrong != "" {
		t.Errorf("%v\n%s", s, wrong)
	}
	return wrong == ""
}

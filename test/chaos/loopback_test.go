package chaos_test

// This file runs schedules over TCP in real time.

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/quiet"
)

const (
	// side is how many connections TestLoopback has at once.
	side = 24

	// heapLimit bounds the heap of TestLoopback, in bytes, including servers and
	// proxies. The limits of the schedules allow far less.
	heapLimit = 256 << 20
)

// TestLoopback runs schedules over TCP in real time, several at once on one
// actor system, for half of -chaos.time.
func TestLoopback(t *testing.T) {
	first := seeds()
	length := *runTime / 2
	defer watchdog(length+2*time.Minute, func() string { return "TestLoopback" })()
	var f figures
	before := measure()
	system := quiet.System()
	heap := watchHeap()
	start := time.Now()
	if *oneSeed != 0 {
		overTCP(t, *oneSeed, time.Hour, system, &f)
	} else {
		t.Logf("seeds from %d", first)
		var runs sync.WaitGroup
		for i := range uint64(side) {
			runs.Go(func() {
				for seed := first + i; time.Since(start) < length && !t.Failed(); seed += side {
					overTCP(t, seed, length-time.Since(start), system, &f)
				}
			})
		}
		runs.Wait()
	}
	peak := heap.stop()
	t.Logf("%v: %v\npeak heap %.1f MiB", time.Since(start).Round(time.Millisecond), &f, mib(peak))
	if peak > heapLimit {
		t.Errorf("the heap grew to %.1f MiB, the limit is %.1f MiB", mib(peak), mib(heapLimit))
	}
	before.compare(t)
}

// overTCP runs the schedule with this seed, for at most the time most.
func overTCP(t *testing.T, seed uint64, most time.Duration, system *actor.ActorSystem, f *figures) {
	const unit = 200 * time.Millisecond
	s := drawSchedule(seed, unit, min(most, span(rand.New(rand.NewPCG(seed, 1<<34)), 15*unit)))
	s.slack = 30 * time.Second
	if *oneSeed != 0 {
		t.Log(s)
	}
	r := newRun(s, system, f)
	n, err := newTCP(t, s, r.hit)
	if err != nil {
		t.Error(err)
		return
	}
	wrong := r.play(n)
	n.close()
	if wrong != "" {
		t.Errorf("%v\n%s", s, wrong)
	}
}

// heapWatch samples the size of the heap.
type heapWatch struct {
	quit chan struct{}
	peak chan uint64
}

func watchHeap() *heapWatch {
	w := &heapWatch{make(chan struct{}), make(chan uint64)}
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var peak uint64
		for {
			select {
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			case <-w.quit:
				w.peak <- peak
				return
			}
		}
	}()
	return w
}

// stop returns the largest number of bytes in use.
func (w *heapWatch) stop() uint64 {
	close(w.quit)
	return <-w.peak
}

func mib[N int | uint64](bytes N) float64 { return float64(bytes) / (1 << 20) }

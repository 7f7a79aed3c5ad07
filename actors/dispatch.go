package actors

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// This file decides on which goroutine an actor runs. A hop over protoactor's
// default dispatcher starts a goroutine each time an idle actor is woken and
// costs about a microsecond; see BenchmarkHop.

// inline runs an actor on the goroutine of whoever sends to it. It is for actors
// that only compute.
var inline = actor.NewSynchronizedDispatcher(64)

// laneIdle is how long a lane keeps its goroutine without work.
const laneIdle = 50 * time.Millisecond

// lane is a dispatcher for one actor that keeps its goroutine while there is
// work and lets it leave after laneIdle, so that an idle connection has none.
type lane struct {
	mu    sync.Mutex
	work  chan func()
	alive bool
	// here, when set, lets the next run happen on the goroutine that asks for it.
	here atomic.Bool
}

var _ actor.Dispatcher = (*lane)(nil)

func newLane() *lane { return &lane{work: make(chan func(), 1)} }

func (l *lane) Throughput() int { return 300 }

// Schedule never blocks: a mailbox has at most one run scheduled.
func (l *lane) Schedule(run func()) {
	if l.here.Swap(false) {
		run()
		return
	}
	l.mu.Lock()
	if l.alive {
		l.work <- run
		l.mu.Unlock()
		return
	}
	l.alive = true
	l.mu.Unlock()
	go l.loop(run)
}

func (l *lane) loop(run func()) {
	idle := time.NewTicker(laneIdle)
	defer idle.Stop()
	for run != nil {
		run()
		run = l.next(idle)
	}
}

// next waits for work, and returns nil after a whole tick without any.
func (l *lane) next(idle *time.Ticker) func() {
	for ticks := 0; ; {
		select {
		case run := <-l.work:
			return run
		case <-idle.C:
			if ticks++; ticks < 2 {
				continue
			}
			l.mu.Lock()
			if len(l.work) == 0 {
				l.alive = false
				l.mu.Unlock()
				return nil
			}
			l.mu.Unlock()
		}
	}
}

package chaos_test

// This file counts the events of many connections.

import (
	"errors"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
)

// fleet gets the events of many connections and counts them.
type fleet struct {
	mu       sync.Mutex
	open     int
	stopped  int
	gaveUp   int
	attempts []time.Time
	delays   []time.Duration // drawn for the first attempt and when an open connection was lost
	want     func(f *fleet) bool
	reached  chan struct{}
}

// target spawns an actor that passes events to the fleet.
func (f *fleet) target(root *actor.RootContext) *actor.PID {
	return root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) { f.event(ctx.Message()) }))
}

func (f *fleet) event(message any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e := message.(type) {
	case *messages.Connecting:
		f.attempts = append(f.attempts, time.Now())
	case *messages.Opened:
		f.open++
	case *messages.Closed:
		f.open--
	case *messages.ReconnectScheduled:
		var lost *messages.CloseError
		if e.Epoch == 0 || errors.As(e.Cause, &lost) {
			f.delays = append(f.delays, e.Delay)
		}
	case *messages.GaveUp:
		f.gaveUp++
	case *messages.Stopped:
		f.stopped++
	}
	if f.want != nil && f.want(f) {
		close(f.reached)
		f.want = nil
	}
}

// until returns a channel that is closed when want holds; there is one at a time.
func (f *fleet) until(want func(f *fleet) bool) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reached = make(chan struct{})
	if want(f) {
		close(f.reached)
	} else {
		f.want = want
	}
	return f.reached
}

// forget frees the memory and returns how many have given up.
func (f *fleet) forget() (gaveUp int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts, f.delays = nil, nil
	return f.gaveUp
}

// spread counts the delays in each of parts equal parts of the time up to most.
func (f *fleet) spread(most time.Duration, parts int) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := make([]int, parts)
	for _, d := range f.delays {
		if i := int(d * time.Duration(parts) / most); i < parts {
			counts[i]++
		}
	}
	return counts
}

// rates counts the attempts since start, for each step.
func (f *fleet) rates(start time.Time, step time.Duration) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var counts []int
	for _, at := range f.attempts {
		if at.Before(start) {
			continue
		}
		i := int(at.Sub(start) / step)
		for len(counts) <= i {
			counts = append(counts, 0)
		}
		counts[i]++
	}
	return counts
}

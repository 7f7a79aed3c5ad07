package chaos_test

import (
	"errors"
	"sync"
	"time"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/messages"
)

// fleet is the Sink of many connections: it counts.
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

func (f *fleet) Batch(b *actors.Batch) { b.Release() }

func (f *fleet) Ignores(any) bool { return false }

func (f *fleet) Event(event any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e := event.(type) {
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

// forget gives the memory back and returns how many have given up.
func (f *fleet) forget() (gaveUp int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts, f.delays = nil, nil
	return f.gaveUp
}

// spread counts the delays in so many parts of the time up to most.
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

// rates counts the attempts since start in steps.
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

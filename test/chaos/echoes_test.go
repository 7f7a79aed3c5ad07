package chaos_test

// This file checks the messages that come back.

import (
	"sync"

	"github.com/dandelionws/dandelion/messages"
)

// echoes checks the messages that come back: whole, in order, once.
type echoes struct {
	*report
	corrupts bool
	twice    bool // a message may come again in a later epoch

	mu      sync.Mutex
	got     int
	garbled int
	last    map[int]uint64      // by sender
	epochs  map[uint64][]uint64 // the numbers that came in each epoch, if there is one sender only
	waiter  int                 // the sender that waits ...
	awaited uint64              // ... for this number
	came    chan struct{}       // closed when it has come
}

func newEchoes(r *report, corrupts, twice bool) *echoes {
	return &echoes{report: r, corrupts: corrupts, twice: twice, last: make(map[int]uint64), epochs: make(map[uint64][]uint64)}
}

// come takes a message; epoch is 0 if unknown.
func (e *echoes) come(epoch uint64, kind messages.Kind, data string) {
	sender, number, ok := parse(data)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got++
	if !ok || kind != kindOf(number) {
		e.garbled++
		if !e.corrupts {
			e.violation("epoch %d: a %v message of %d bytes came that nobody sent: %.60q", epoch, kind, len(data), data)
		}
		return
	}
	// Each number is sent once, and no sender holds a number back for a later one, so
	// numbers rise across all epochs. Messages sent again are in order, too.
	if e.twice && len(e.epochs[epoch]) == 0 {
		clear(e.last)
	}
	if last := e.last[sender]; number <= last {
		e.violation("epoch %d: message %d of sender %d came after %d", epoch, number, sender, last)
	} else {
		e.last[sender] = number
	}
	e.epochs[epoch] = append(e.epochs[epoch], number)
	if e.came != nil && sender == e.waiter && number >= e.awaited {
		close(e.came)
		e.came = nil
	}
}

// await returns a channel that is closed when the message of sender with this
// number, or a later one, has come.
func (e *echoes) await(sender int, number uint64) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiter, e.awaited, e.came = sender, number, make(chan struct{})
	return e.came
}

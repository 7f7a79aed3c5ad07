package mailbox

// This file is the goroutine of an actor that stays while there is work.

import (
	"runtime"
	"sync"
	"time"
)

// laneIdle is after how long without work a lane gives up its goroutine; it may
// take twice as long.
const laneIdle = 50 * time.Millisecond

// Lane runs functions one after the other on one goroutine, which stays while there is work:
// for several functions in a row this costs less than a goroutine for each. After 50 to
// 100 ms without work the goroutine leaves, so that an idle connection has none. The zero
// value is ready to use.
type Lane struct {
	mu     sync.Mutex
	work   chan func() // nil if there is no goroutine; closing it makes that leave
	idle   *time.Timer // runs while there is a goroutine
	rounds uint64      // functions so far
	seen   uint64      // rounds when idle fired last
	closed bool
}

// Run runs f when the previous function has returned. At most one may be waiting. Run does
// not block.
func (l *Lane) Run(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		go f()
		return
	}
	l.rounds++
	if l.work == nil {
		l.work = make(chan func(), 1)
		l.idle = time.AfterFunc(laneIdle, l.retire)
		work := l.work
		Go(func() { loop(work) })
	}
	l.work <- f
}

func loop(work <-chan func()) {
	returned := false
	defer func() {
		if !returned { // runtime.Goexit in code of the user
			go loop(work)
		}
	}()
	for run := range work {
		run()
	}
	returned = true
}

// retire ends the goroutine if there was no work since the last time.
func (l *Lane) retire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.work == nil: // closed meanwhile
	case l.rounds != l.seen:
		l.seen = l.rounds
		l.idle.Reset(laneIdle)
	default:
		l.leave()
	}
}

// Close ends the goroutine when it has done its work. Each function that comes later, and
// there are few, gets a new goroutine.
func (l *Lane) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.work != nil {
		l.idle.Stop()
		l.leave()
	}
}

func (l *Lane) leave() {
	close(l.work)
	l.work, l.idle = nil, nil
}

// Go runs f on a new goroutine whose stack has from the start the size that a handshake or
// the work of an actor needs, 16 KiB. Otherwise the runtime doubles the stack several times
// and copies its contents each time (runtime.newstack): 3 percent of the CPU time of a
// handshake (workload handshakes of test/bench). The garbage collector takes back what f
// does not use.
func Go(f func()) {
	go func() {
		growStack()
		f()
	}()
}

//go:noinline
func growStack() {
	var room [12 << 10]byte
	runtime.KeepAlive(&room)
}

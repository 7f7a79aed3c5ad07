package actors

import (
	"runtime"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// This file decides on which goroutine an actor runs. A hop over protoactor's
// default dispatcher starts a goroutine each time an idle actor is woken and
// costs about a microsecond; see BenchmarkHop.

// inline runs an actor on the goroutine of whoever sends to it. It is for actors
// that only compute.
var inline = actor.NewSynchronizedDispatcher(64)

// ownLane gives an actor with the mailbox of this package a lane of its own. It
// handles system messages, which must not run code of the user but the Logger and the
// Observer, on their sender's goroutine when it is idle.
var ownLane actor.Dispatcher = laneMark{batchesOnLane, true}

// Lane gives each actor that is spawned with it and with Mailbox a lane of its own: one
// goroutine that stays while there is work, leaves after 50 to 100 ms without, and ends
// with the actor. For a few messages in a row that is less work than protoactor's
// default dispatcher, which starts a goroutine for each. An idle actor handles a system
// message (Stop, Terminated and so on) on the goroutine of its sender: there it must not
// block nor run code of the user. With another mailbox each run gets a goroutine.
func Lane() actor.PropsOption { return actor.WithDispatcher(ownLane) }

// besideReader is ownLane, but for the work that a Batch brings an idle actor, if the
// Batch comes on the goroutine of the reader: that goroutine does it, behind what it is
// doing (see readLoop).
var besideReader actor.Dispatcher = laneMark{batchesBeside, false}

// insideReader is ownLane, but for a Batch that comes on the goroutine of the
// reader, where an idle actor handles it at once. Everything else stays on the lane: it
// may come from an actor for which the user's handler has to wait.
var insideReader actor.Dispatcher = laneMark{batchesInside, false}

type laneMark struct {
	batches place
	system  bool // see mailbox.systemHere
}

// place is where an idle actor with a lane handles a Batch that comes on the goroutine of the reader.
type place uint8

const (
	batchesOnLane place = iota
	batchesBeside
	batchesInside
)

func (laneMark) Throughput() int   { return 300 }
func (laneMark) Schedule(f func()) { go f() }

// laneIdle is after how long without work a lane gives up its goroutine; it may
// take twice as long.
const laneIdle = 50 * time.Millisecond

// lane is a dispatcher for one actor that keeps its goroutine while there is
// work and lets it leave after laneIdle, so that an idle connection has none, or
// when the actor has stopped.
type lane struct {
	mu     sync.Mutex
	work   chan func() // nil if there is no goroutine; closing it tells that to leave
	idle   *time.Timer // runs while there is a goroutine
	rounds uint64      // runs so far
	seen   uint64      // rounds when idle fired last
	closed bool        // the actor has stopped
}

var _ actor.Dispatcher = (*lane)(nil)

func (l *lane) Throughput() int { return 300 }

// Schedule never blocks: a mailbox has at most one run scheduled.
func (l *lane) Schedule(run func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		go run()
		return
	}
	l.rounds++
	if l.work == nil {
		l.work = make(chan func(), 1)
		l.idle = time.AfterFunc(laneIdle, l.retire)
		work := l.work
		Go(func() { loop(work) })
	}
	l.work <- run
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
func (l *lane) retire() {
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

// close ends the goroutine when it has done its work. What is scheduled later, which
// is little, gets goroutines of its own.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.work != nil {
		l.idle.Stop()
		l.leave()
	}
}

func (l *lane) leave() {
	close(l.work)
	l.work, l.idle = nil, nil
}

// Go runs f on a goroutine of its own whose stack is at once as large as a handshake or
// the work of an actor needs, 16 KiB. The runtime would double it several times, and copy
// each time what is in it by then (runtime.newstack): 3 percent of the CPU time of a
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

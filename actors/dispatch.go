package actors

import (
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

// ownLane gives an actor with the mailbox of this package a lane of its own.
var ownLane actor.Dispatcher = laneMark{batchesOnLane}

// besideReader is ownLane, but for the work that a Batch brings an idle actor, if the
// Batch comes on the goroutine of the reader: that goroutine does it, behind what it is
// doing (see readLoop).
var besideReader actor.Dispatcher = laneMark{batchesBeside}

// insideReader is ownLane, but for a Batch that comes on the goroutine of the
// reader, where an idle actor handles it at once. Everything else stays on the lane: it
// may come from an actor for which the user's handler has to wait.
var insideReader actor.Dispatcher = laneMark{batchesInside}

type laneMark struct{ batches place }

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
// work and lets it leave after laneIdle, so that an idle connection has none.
type lane struct {
	mu     sync.Mutex
	work   chan func() // nil tells the goroutine to leave
	idle   *time.Timer // runs while there is a goroutine
	rounds uint64      // runs so far
	seen   uint64      // rounds when idle fired last
}

var _ actor.Dispatcher = (*lane)(nil)

func (l *lane) Throughput() int { return 300 }

// Schedule never blocks: a mailbox has at most one run scheduled.
func (l *lane) Schedule(run func()) {
	l.mu.Lock()
	l.rounds++
	if l.work == nil {
		l.work = make(chan func(), 1)
		l.idle = time.AfterFunc(laneIdle, l.retire)
		go loop(l.work)
	}
	l.work <- run
	l.mu.Unlock()
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
	if l.rounds != l.seen {
		l.seen = l.rounds
		l.idle.Reset(laneIdle)
		return
	}
	close(l.work)
	l.work, l.idle = nil, nil
}

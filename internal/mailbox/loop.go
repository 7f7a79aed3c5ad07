package mailbox

// This file is a loop whose goroutine actors may use, such as that of a reader.

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Loop is a loop on one goroutine that lets an actor work there: the one to which the loop's
// message leads, once it is posted. The message then crosses to no other goroutine, which on
// two CPUs would cost more than everything else (workload pingpong-32 of test/bench).
//
// If such a visit takes long, another goroutine continues the loop, and the previous one
// stays with the actor until that has nothing left to do (see watch). So a slow actor
// holds up the loop for ten milliseconds at most.
type Loop struct {
	watch *watch
	body  func()
	ended func()

	// left is the work that an actor has left here; &nothing while it may do so; else nil.
	left atomic.Pointer[func()]

	// turn counts the goroutines that have run the loop: what the body uses belongs to the
	// last one. Its lowest bit is set while that one is away, on a visit.
	turn    atomic.Uint64
	visits  atomic.Uint64 // so far
	watched atomic.Bool
	seen    uint64 // of visits; belongs to the watch
}

const awayBit = 1 // the lowest bit of Loop.turn

var nothing = func() {}

// NewLoop returns a loop whose visits are watched together with those of all loops of system.
func NewLoop(system *actor.ActorSystem) *Loop { return &Loop{watch: watchOf(system)} }

// Run runs the loop until its end, on this goroutine and those that take over. Each of them
// calls body, which continues where the last one was and returns at the end of the loop, or
// when Post has returned false. After the end, even one by runtime.Goexit in body, ended is
// called once.
func (l *Loop) Run(body, ended func()) {
	l.body, l.ended = body, ended
	l.run()
}

func (l *Loop) run() {
	mine := l.turn.Load()
	defer func() {
		if l.turn.Load() != mine {
			return
		}
		if work := l.left.Swap(nil); work != nil { // the end has come within Post
			go (*work)()
		}
		l.ended()
	}()
	l.body()
}

// Post posts a message, on the goroutine of the loop. Then it does the work that an actor has
// left with the place After: the one that got something to do while the message was posted.
// It returns false if another goroutine has taken over: this one must then return from the
// body.
func (l *Loop) Post(to *Mailbox, message any) (mine bool) {
	l.left.Store(&nothing)
	to.Post(message)
	if work := l.left.Swap(nil); work != &nothing {
		return l.visit(*work)
	}
	return true
}

// leave leaves work for the goroutine of the loop. It returns false if that is not going to
// look for work, or has some already.
func (l *Loop) leave(work *func()) bool { return l.left.CompareAndSwap(&nothing, work) }

func (l *Loop) visit(work func()) (mine bool) {
	turn := l.turn.Load()
	l.visits.Store(l.visits.Load() + 1)
	l.turn.Store(turn | awayBit)
	if !l.watched.Load() {
		l.watch.add(l)
	}
	returned := false
	defer func() {
		if !returned { // runtime.Goexit in code of the user
			go l.takeOver()
		}
	}()
	work()
	returned = true
	return l.turn.CompareAndSwap(turn|awayBit, turn)
}

func (l *Loop) away() bool { return l.turn.Load()&awayBit != 0 }

// takeOver continues the loop on this goroutine if the one that runs it is away.
func (l *Loop) takeOver() {
	turn := l.turn.Load()
	if turn&awayBit != 0 && l.turn.CompareAndSwap(turn, turn-awayBit+2) {
		l.run()
	}
}

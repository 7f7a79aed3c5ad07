package mailbox

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Loop is a loop of one goroutine that lets an actor work on that goroutine: in
// consequence of what the loop posts, after that was posted. A message then crosses to no
// other goroutine, which on two CPUs costs more than all the rest (workload pingpong-32 of
// test/bench).
//
// If such a visit takes long another goroutine goes on with the loop, and the one before
// stays with the actor until that has nothing left to do (see watch). So a slow actor
// holds up the loop for ten milliseconds at most.
type Loop struct {
	watch *watch
	body  func()
	ended func()

	// left is the work that an actor has left, &nothing as long as it may, else nil.
	left atomic.Pointer[func()]

	// turn counts the goroutines that have had the loop: what the body uses belongs to the
	// last one. Its lowest bit says that this one is away, on a visit.
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
// calls body, which goes on where the last one was and returns at the end of the loop, or
// when Post has returned false. Behind the end, also one by runtime.Goexit in body, ended is
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

// Post posts a message for the goroutine of the loop. Then it does the work that
// an actor has left with the place After: such an actor is one that got something to
// do before the message was handled, or left to others. It returns false if another
// goroutine has taken over meanwhile: this one must return from the body.
func (l *Loop) Post(to *Mailbox, message any) (mine bool) {
	l.left.Store(&nothing)
	to.Post(message)
	if work := l.left.Swap(nil); work != &nothing {
		return l.visit(*work)
	}
	return true
}

// leave leaves work to be done by the goroutine of the loop. It returns false if that does
// not look for any, or has some already.
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

// takeOver goes on with the loop on its goroutine, if the one that has it is away.
func (l *Loop) takeOver() {
	turn := l.turn.Load()
	if turn&awayBit != 0 && l.turn.CompareAndSwap(turn, turn-awayBit+2) {
		l.run()
	}
}

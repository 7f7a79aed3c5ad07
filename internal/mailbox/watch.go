package mailbox

// This file finds loops that a slow actor holds up.

import (
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/extensions"
)

// watch looks whether actors hold up loops. All loops of an actor system share one, whose
// timer runs only while there are visits: a timer for each visit would wake another CPU each
// time (BenchmarkEcho).
type watch struct {
	mu    sync.Mutex
	loops []*Loop     // with recent visits
	timer *time.Timer // runs while there are some
}

// watchEvery is how often the watch looks. A visit counts as long if it lasts from one look
// to the next, that is, longer than once to twice this. While a timer runs that is due
// before the system's own next tick, waiting for a message costs about a microsecond more
// (workload pingpong-32-pinned of test/bench).
const watchEvery = 5 * time.Millisecond

// watchID makes the watch a part of the actor system.
var watchID = extensions.NextExtensionID()

// ExtensionID implements extensions.Extension.
func (*watch) ExtensionID() extensions.ExtensionID { return watchID }

// watches guards the making of watches.
var watches sync.Mutex

// watchOf returns the watch of an actor system.
func watchOf(system *actor.ActorSystem) *watch {
	watches.Lock()
	defer watches.Unlock()
	w, ok := system.Extensions.Get(watchID).(*watch)
	if !ok {
		w = &watch{}
		system.Extensions.Register(w)
	}
	return w
}

// add watches l, which has just begun a visit.
func (w *watch) add(l *Loop) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.watched.Load() {
		return
	}
	l.watched.Store(true)
	l.seen = l.visits.Load() - 1
	w.loops = append(w.loops, l)
	switch {
	case len(w.loops) > 1:
	case w.timer == nil:
		w.timer = time.AfterFunc(watchEvery, w.look)
	default:
		w.timer.Reset(watchEvery)
	}
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	keep := w.loops[:0]
	for _, l := range w.loops {
		if w.lookAt(l) {
			keep = append(keep, l)
		}
	}
	clear(w.loops[len(keep):])
	if w.loops = keep; len(keep) > 0 {
		w.timer.Reset(watchEvery)
	}
}

// lookAt reports whether l has to be watched further.
func (w *watch) lookAt(l *Loop) bool {
	visits := l.visits.Load()
	switch {
	case visits != l.seen:
		l.seen = visits
	case l.away():
		go l.takeOver()
	default:
		l.watched.Store(false)
		if l.visits.Load() == visits {
			return false
		}
		l.watched.Store(true) // a visit has just begun
	}
	return true
}

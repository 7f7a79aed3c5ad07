package mailbox

import (
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/extensions"
)

// watch looks whether the goroutines that read are held up by a handler. All
// connections of an actor system share one, whose timer runs only while messages
// arrive: a timer for every visit would wake another CPU each time (BenchmarkEcho).
type watch struct {
	mu    sync.Mutex
	loops []*Loop     // that have visited the callback actor lately
	timer *time.Timer // runs while there are some
}

// watchEvery is how often the watch looks. A visit is held to be long if it goes on
// from one time to the next: if it takes longer than once to twice this. While a
// timer runs that is due before the system's own next tick, waiting for a message costs
// about a microsecond more (workload pingpong-32-pinned of test/bench).
const watchEvery = 5 * time.Millisecond

// watchID makes the watch a part of the actor system.
var watchID = extensions.NextExtensionID()

// ExtensionID implements extensions.Extension.
func (*watch) ExtensionID() extensions.ExtensionID { return watchID }

// watches guards making them.
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

// lookAt returns whether l has to be watched on.
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

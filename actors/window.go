package actors

// This file is the receive window: how much may be delivered and not yet handled.

import (
	"sync/atomic"
	"time"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// window is the reader's credit. The read loop uses it up, the reader actor gives it back.
type window struct {
	size     int64
	shown    *family.Shown
	used     atomic.Int64
	released atomic.Int64 // handled, and the reader not told yet
	free     atomic.Bool  // no credit is needed from now on
	discard  atomic.Bool  // throw away what comes
	stop     atomic.Bool
	wake     atomic.Pointer[chan struct{}] // something changed; nil if nobody waits

	reads     atomic.Uint64 // that brought something
	discarded atomic.Int64  // data messages thrown away for lack of credit

	patience time.Duration   // for how long it waits before that is an event
	tell     func(event any) // reports the event, on the read loop's goroutine
}

func (w *window) init(size int, shown *family.Shown) {
	w.shown = shown
	w.size = int64(size)
}

func (w *window) traffic() protocol.Traffic {
	return protocol.Traffic{Reads: w.reads.Load(), Throttled: w.shown.Throttled.Load(), Throttles: w.shown.Throttles.Load()}
}

// release takes back the credit of a batch and returns how much of it the reader actor has to
// be told now. To save messages, up to a quarter of the window stays untold: a reader that
// waits still gets below half of the window then.
func (w *window) release(bytes int) (due int) {
	if w.released.Add(int64(bytes)) < w.size/4 {
		return 0
	}
	return int(w.released.Swap(0))
}

func (w *window) signal() {
	wake := w.wake.Load()
	if wake == nil {
		return
	}
	select {
	case *wake <- struct{}{}:
	default:
	}
}

// wait blocks until there is credit. It returns false if the reader has to stop.
func (w *window) wait() bool {
	if w.used.Load() >= w.size && !w.unlimited() {
		w.throttle()
	}
	return !w.stop.Load()
}

// throttle waits for credit. If that takes long the user is told, once at the beginning and
// once at the end: this bounds the number of such events, even in the mailbox of a handler
// that does not get to them.
func (w *window) throttle() {
	w.shown.Throttles.Add(1)
	w.shown.Throttled.Store(true)
	wake := make(chan struct{}, 1)
	w.wake.Store(&wake) // before the look at what may change
	since, told := time.Now(), false
	long := time.NewTimer(w.patience)
	for w.used.Load() > w.size/2 && !w.unlimited() {
		select {
		case <-wake:
		case <-long.C:
			told = true
			w.tell(&messages.HandlerBehind{Since: since, Unhandled: int(w.used.Load())})
		}
	}
	long.Stop()
	w.wake.Store(nil)
	d := time.Since(since)
	w.shown.StoodStill.Add(int64(d))
	w.shown.Throttled.Store(false)
	if told && !w.unlimited() {
		w.tell(&messages.HandlerCaughtUp{Stopped: d})
	}
}

func (w *window) unlimited() bool { return w.free.Load() || w.discard.Load() || w.stop.Load() }

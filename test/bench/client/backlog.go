package client

import "sync/atomic"

// backlog makes a sender wait for a library that would queue without bounds.
type backlog struct {
	limit   int64
	n       atomic.Int64
	low     atomic.Int64 // where n has to fall to for the sender to go on
	waiting atomic.Bool
	wake    chan struct{}
}

func newBacklog(limit int) *backlog {
	return &backlog{limit: int64(limit), wake: make(chan struct{}, 1)}
}

// add counts n more. If that would pass the limit it waits first, until half of
// the limit, or all of it if need be, is free. One goroutine at a time may call it.
func (b *backlog) add(n int) {
	for now := b.n.Load(); now > 0 && now+int64(n) > b.limit; now = b.n.Load() {
		b.low.Store(max(0, min(b.limit/2, b.limit-int64(n))))
		b.waiting.Store(true)
		if b.n.Load() > b.low.Load() || !b.waiting.CompareAndSwap(true, false) {
			<-b.wake
		}
	}
	b.n.Add(int64(n))
}

// done takes n away. It never blocks.
func (b *backlog) done(n int) {
	if b.n.Add(int64(-n)) <= b.low.Load() && b.waiting.CompareAndSwap(true, false) {
		b.wake <- struct{}{}
	}
}

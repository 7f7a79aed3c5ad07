package supervisor

import (
	"container/heap"
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// expiries is a heap of the messages that expire, the next one first.
type expiries []*entry

func (h expiries) Len() int           { return len(h) }
func (h expiries) Less(i, j int) bool { return h[i].expires.Before(h[j].expires) }
func (h expiries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *expiries) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

// Pop implements heap.Interface.
func (h *expiries) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.index = -1
	return e
}

// expireLater watches over the TTL of e, if it has one.
func (o *Outbox) expireLater(e *entry) {
	if e.expires.IsZero() || o.closed {
		return
	}
	heap.Push(&o.expiries, e)
	o.setTimer()
}

// setTimer sets the timer for the next expiry.
func (o *Outbox) setTimer() {
	if len(o.expiries) == 0 {
		o.stopTimer()
		return
	}
	at := o.expiries[0].expires
	if o.timer != nil && !at.Before(o.timerAt) {
		return // it will set itself again
	}
	o.stopTimer()
	o.timerAt = at
	o.timer = time.AfterFunc(time.Until(at), o.expire)
}

func (o *Outbox) stopTimer() {
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
	}
}

// expire drops what has expired. What is with the writer is judged when it comes back.
func (o *Outbox) expire() {
	o.mu.Lock()
	now := time.Now()
	for len(o.expiries) > 0 && !o.expiries[0].expires.After(now) {
		e := heap.Pop(&o.expiries).(*entry)
		if e.state != entryOut {
			o.drop(e, messages.ErrExpired)
		}
	}
	o.timer = nil
	if !o.closed {
		o.setTimer()
	}
	o.unlock()
	o.pump()
}

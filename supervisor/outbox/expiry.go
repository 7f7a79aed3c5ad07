package outbox

// This file drops messages whose time is over.

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

// expireLater ensures that e expires, if it has a TTL.
func (q *Queue) expireLater(e *entry) {
	if e.expires.IsZero() || q.closed {
		return
	}
	heap.Push(&q.expiries, e)
	q.setTimer()
}

// setTimer sets the timer for the next expiry.
func (q *Queue) setTimer() {
	if len(q.expiries) == 0 {
		q.stopTimer()
		return
	}
	at := q.expiries[0].expires
	if q.timer != nil && !at.Before(q.timerAt) {
		return // it will be set again when it fires
	}
	q.stopTimer()
	q.timerAt = at
	q.timer = time.AfterFunc(time.Until(at), q.expire)
}

func (q *Queue) stopTimer() {
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
}

// expire drops messages that have expired. One that is with the writer is judged when it comes
// back.
func (q *Queue) expire() {
	q.mu.Lock()
	now := time.Now()
	for len(q.expiries) > 0 && !q.expiries[0].expires.After(now) {
		e := heap.Pop(&q.expiries).(*entry)
		if e.state != entryOut {
			q.drop(e, messages.ErrExpired)
		}
	}
	q.timer = nil
	if !q.closed {
		q.setTimer()
	}
	q.unlock()
	q.pump()
}

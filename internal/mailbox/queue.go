package mailbox

// This file is the queue in a mailbox.

// queue is a first-in, first-out queue. One that was long gives its memory back when it is
// empty.
type queue struct {
	items []any
	head  int
}

// keepItems is the capacity that an empty queue keeps.
const keepItems = 64

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(v any) {
	if q.head > 0 && len(q.items) == cap(q.items) && q.head >= len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

func (q *queue) pop() any {
	v := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	switch {
	case q.head < len(q.items):
	case cap(q.items) > keepItems:
		*q = queue{}
	default:
		*q = queue{items: q.items[:0]}
	}
	return v
}

package mailbox

import "testing"

func TestQueue(t *testing.T) {
	var q queue
	next, last := 0, 0
	for _, n := range []int{1, 5, 100, 1000, 3} {
		for range n {
			q.push(last)
			last++
		}
		for range (n + 1) / 2 {
			if got := q.pop(); got != next {
				t.Fatalf("got %v, want %d", got, next)
			}
			next++
		}
	}
	for q.len() > 0 {
		if got := q.pop(); got != next {
			t.Fatalf("got %v, want %d", got, next)
		}
		next++
	}
	if next != last {
		t.Fatalf("%d popped of %d", next, last)
	}
	if cap(q.items) > keepItems {
		t.Errorf("an empty queue keeps room for %d", cap(q.items))
	}
}

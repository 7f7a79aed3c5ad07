package client

import "testing"

// TestBacklog sends more than the limit through, in small parts and in parts
// that are larger than the limit.
func TestBacklog(t *testing.T) {
	for _, size := range []int{1, 7, 100, 250} {
		b := newBacklog(100)
		sent := make(chan int)
		go func() {
			for n := range sent {
				b.done(n)
			}
		}()
		for range 10_000 {
			b.add(size)
			if n := b.n.Load(); n > max(100, int64(size)) {
				t.Errorf("size %d: %d is under way", size, n)
			}
			sent <- size
		}
		close(sent)
	}
}

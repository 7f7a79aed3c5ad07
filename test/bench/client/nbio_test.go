package client

import (
	"runtime"
	"testing"
	"time"
)

// TestNoDefaultEngine shows that no process of the benchmark carries the megabyte of
// nbio's default engine.
func TestNoDefaultEngine(t *testing.T) {
	const most = 700 << 10
	var m runtime.MemStats
	for range 100 {
		runtime.GC()
		if runtime.ReadMemStats(&m); m.HeapAlloc < most {
			return
		}
		time.Sleep(10 * time.Millisecond) // the goroutines of its pools end
	}
	t.Errorf("%d bytes are in use without any client, want less than %d", m.HeapAlloc, most)
}

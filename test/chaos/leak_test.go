package chaos_test

// This file checks that goroutines, files and memory do not leak.

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// level is what must not be higher after a test than before it.
type level struct {
	goroutines int
	files      int // open file descriptors; 0 where that is not known
	heap       uint64
}

func measure() level {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return level{goroutines: runtime.NumGoroutine(), files: openFiles(), heap: m.HeapAlloc}
}

// openFiles counts the open file descriptors of this process.
func openFiles() int {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names) - 1 // dir itself
}

const (
	// settleTime bounds how long the level may take to fall: nothing reports the end of
	// a goroutine, and actor systems have timers of some seconds.
	settleTime = 15 * time.Second
	// pollers are the file descriptors that the runtime opens at the first use
	// of the network and keeps: epoll, its wake-up.
	pollers = 3
	// keptHeap is what pools and the actor system may keep, in bytes.
	keptHeap = 32 << 20
)

// compare fails unless everything falls back to the level.
func (l level) compare(t *testing.T) {
	t.Helper()
	now := measure()
	for end := time.Now().Add(settleTime); time.Now().Before(end); now = measure() {
		if now.goroutines <= l.goroutines && now.files <= l.files+pollers && now.heap <= l.heap+keptHeap {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("goroutines %d → %d, files %d → %d, heap %.1f → %.1f MiB",
		l.goroutines, now.goroutines, l.files, now.files, mib(l.heap), mib(now.heap))
	if now.goroutines > l.goroutines {
		t.Errorf("%d goroutines before, %d after:\n%s", l.goroutines, now.goroutines, stacks())
	}
	if now.files > l.files+pollers {
		t.Errorf("%d open files before, %d after", l.files, now.files)
	}
	if now.heap > l.heap+keptHeap {
		t.Errorf("%d bytes on the heap before, %d after", l.heap, now.heap)
	}
}

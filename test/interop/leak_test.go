//go:build linux

package interop

// This file checks that no connection leaves a goroutine behind.

import (
	"runtime"
	"strings"
	"time"
)

// leaked returns the stacks of the goroutines that run code of dandelion or were started by
// it. It waits until there are none or the time is over.
func leaked(within time.Duration) []string {
	deadline := time.Now().Add(within)
	for {
		stacks := clientGoroutines()
		if len(stacks) == 0 || time.Now().After(deadline) {
			return stacks
		}
		time.Sleep(20 * time.Millisecond) // nothing reports the end of a goroutine
	}
}

func clientGoroutines() []string {
	buf := make([]byte, 16<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var found []string
	for _, stack := range strings.Split(string(buf), "\n\n") {
		// This package's own frames do not count.
		foreign := strings.ReplaceAll(stack, "dandelionws/dandelion/test/interop", "")
		if strings.Contains(foreign, "dandelionws/dandelion") {
			found = append(found, stack)
		}
	}
	return found
}

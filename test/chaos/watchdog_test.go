package chaos_test

// This file ends a run that hangs.

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// stacks returns the stacks of all goroutines.
func stacks() string {
	buf := make([]byte, 4<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// watchdog ends the program, with the stacks of all goroutines, unless it is stopped in
// time: a hang must not wait for the timeout of go test.
func watchdog(d time.Duration, what func() string) (stop func()) {
	timer := time.AfterFunc(d, func() {
		fmt.Fprintf(os.Stderr, "chaos: hung for %v: %s\n\n%s\n", d, what(), stacks())
		os.Exit(2)
	})
	return func() { timer.Stop() }
}

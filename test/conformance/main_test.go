package conformance_test

// This file checks that no goroutine of a client is left after all tests.

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if left := goroutines(5 * time.Second); len(left) > 0 {
		fmt.Printf("%d goroutines are left of clients or scripts:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
		code = 1
	}
	os.Exit(code)
}

// goroutines returns the stacks of the goroutines that run code of this module or were
// started by it, without the caller's. It waits until there are none or the time is over.
func goroutines(within time.Duration) []string {
	for end := time.Now().Add(within); ; time.Sleep(time.Millisecond) { // nothing tells when a goroutine has ended
		buf := make([]byte, 16<<20)
		all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		var left []string
		for _, stack := range all[1:] {
			if strings.Contains(stack, "dandelionws/dandelion") && !strings.Contains(stack, "testing.tRunner") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}

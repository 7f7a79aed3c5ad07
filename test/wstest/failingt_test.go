package wstest_test

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// failingT is a testing.TB for tests of tests that fail.
type failingT struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
	ended    bool // by FailNow
}

func newFailingT(t *testing.T) *failingT { return &failingT{TB: t} }

func (f *failingT) Helper()             {}
func (f *failingT) Logf(string, ...any) {}

func (f *failingT) Error(args ...any) { f.Errorf("%s", fmt.Sprint(args...)) }

func (f *failingT) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *failingT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	f.FailNow()
}

func (f *failingT) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

func (f *failingT) FailNow() {
	f.ended = true
	runtime.Goexit()
}

func (f *failingT) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.failures) > 0
}

func (f *failingT) Cleanup(c func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, c)
}

// run runs a part of the test that may call FailNow.
func (f *failingT) run(part func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		part()
	}()
	<-done
}

// end runs the cleanups.
func (f *failingT) end() {
	for {
		f.mu.Lock()
		if len(f.cleanups) == 0 {
			f.mu.Unlock()
			return
		}
		last := len(f.cleanups) - 1
		c := f.cleanups[last]
		f.cleanups = f.cleanups[:last]
		f.mu.Unlock()
		f.run(c)
	}
}

var lineNumbers = regexp.MustCompile(`_test\.go:\d+\)`)

// expect checks the failures since the last call: each has to contain its part,
// without line numbers.
func (f *failingT) expect(parts ...string) {
	f.TB.Helper()
	f.mu.Lock()
	got := f.failures
	f.failures = nil
	f.mu.Unlock()
	if len(got) != len(parts) {
		f.TB.Errorf("%d failures, want %d: %q", len(got), len(parts), got)
		return
	}
	for i, part := range parts {
		if !strings.Contains(lineNumbers.ReplaceAllString(got[i], "_test.go)"), part) {
			f.TB.Errorf("failure:\n%s\nwant one that contains:\n%s", got[i], part)
		}
	}
}

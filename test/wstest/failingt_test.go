package wstest_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// failingT is a TestingT for tests of tests that fail. Like package testing it
// attributes a failure to the first line that is in no helper.
type failingT struct {
	t *testing.T

	mu       sync.Mutex
	helpers  map[string]bool
	failures []string
	lines    []string // "file:line" of each failure
	cleanups []func()
	ended    bool // by FailNow
}

func newFailingT(t *testing.T) *failingT { return &failingT{t: t, helpers: make(map[string]bool)} }

func (f *failingT) Helper() {
	pc, _, _, _ := runtime.Caller(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.helpers[runtime.FuncForPC(pc).Name()] = true
}

func (f *failingT) Errorf(format string, args ...any) {
	var callers [50]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	f.mu.Lock()
	defer f.mu.Unlock()
	line := ""
	for frame, more := frames.Next(); ; frame, more = frames.Next() {
		if !f.helpers[frame.Function] {
			line = fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
			break
		}
		if !more {
			break
		}
	}
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
	f.lines = append(f.lines, line)
}

func (f *failingT) Logf(string, ...any) {}

func (f *failingT) FailNow() {
	f.ended = true
	runtime.Goexit()
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
	f.t.Helper()
	f.mu.Lock()
	got := f.failures
	f.failures, f.lines = nil, nil
	f.mu.Unlock()
	if len(got) != len(parts) {
		f.t.Errorf("%d failures, want %d: %q", len(got), len(parts), got)
		return
	}
	for i, part := range parts {
		if !strings.Contains(lineNumbers.ReplaceAllString(got[i], "_test.go)"), part) {
			f.t.Errorf("failure:\n%s\nwant one that contains:\n%s", got[i], part)
		}
	}
}

// expectAt is expect for one failure, which has to be attributed to that line.
func (f *failingT) expectAt(where, part string) {
	f.t.Helper()
	f.mu.Lock()
	lines := f.lines
	f.mu.Unlock()
	if len(lines) != 1 || lines[0] != where {
		f.t.Errorf("failures at lines %q, want %s", lines, where)
	}
	f.expect(part)
}

// nextLine is the line behind the one that calls it, as "file:line".
func nextLine() string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", filepath.Base(file), line+1)
}

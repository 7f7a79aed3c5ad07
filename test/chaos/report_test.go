package chaos_test

// This file collects what went wrong in a run.

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// report collects the violations of one run, and the events before them.
type report struct {
	start time.Time

	mu    sync.Mutex
	wrong []string
	lines []string // the latest ones
}

const (
	keptLines = 80
	keptWrong = 10
)

// note adds a line to the record of what happened.
func (r *report) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(fmt.Sprintf(format, args...))
}

func (r *report) add(line string) {
	if len(r.lines) >= 2*keptLines {
		r.lines = append(r.lines[:0], r.lines[keptLines:]...)
	}
	r.lines = append(r.lines, fmt.Sprintf("%12v %s", time.Since(r.start), line))
}

// violation records that an invariant does not hold.
func (r *report) violation(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	r.add("VIOLATION " + line)
	if len(r.wrong) < keptWrong {
		r.wrong = append(r.wrong, line)
	}
}

// verdict returns the violations, "" if there are none.
func (r *report) verdict() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrong) == 0 {
		return ""
	}
	return strings.Join(r.wrong, "\n") + "\nwhat happened:\n" + strings.Join(r.lines[max(0, len(r.lines)-keptLines):], "\n")
}

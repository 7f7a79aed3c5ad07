// This file keeps the last steps of a connection for people to read when
// something went wrong.

package wstest

import (
	"fmt"
	"strings"
	"time"
)

// transcriptLines is how many steps are kept.
const transcriptLines = 40

type transcript struct {
	start   time.Time
	lines   []string
	dropped int
}

func (t *transcript) add(format string, args ...any) {
	if len(t.lines) == transcriptLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
		t.dropped++
	}
	at := time.Since(t.start).Round(time.Millisecond)
	t.lines = append(t.lines, fmt.Sprintf("    %8v %s", at, fmt.Sprintf(format, args...)))
}

func (t *transcript) String() string {
	if t.dropped == 0 {
		return strings.Join(t.lines, "\n")
	}
	return fmt.Sprintf("    (%d lines before)\n%s", t.dropped, strings.Join(t.lines, "\n"))
}

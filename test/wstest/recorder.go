// This file is the Recorder: what has happened, to be awaited by the test.

package wstest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Recorder records events and lets a test wait for them. It is fed by the Handler
// that it makes ([Recorder.Handler], [Recorder.Wrap]), by a [Probe], or by the
// test's own code ([Recorder.Record]).
//
// A test reads the events in order, each once:
//
//	rec.Await(wstest.OfType[*messages.Opened]())
//	rec.Expect(wstest.Text("hello"))
//	rec.ExpectNothing(time.Second)
//
// Every wait is bounded by [DefaultTimeout], or by [Recorder.Within]. What does not
// come in time, or is something else, fails the test with a message that shows
// what has come. Methods that wait are for the goroutine that runs the test; all
// are safe for concurrent use.
type Recorder struct {
	core    *recorderCore
	timeout time.Duration
}

// recorderCore is what all views of a Recorder share.
type recorderCore struct {
	t     TestingT
	start time.Time

	mu      sync.Mutex
	records []record
	next    int // records[:next] have been given to the test
	ignored []Matcher
	changed chan struct{} // closed and replaced when something is recorded
}

// record is one event.
type record struct {
	event  any
	sender *actor.PID
	at     time.Duration
}

// NewRecorder makes a Recorder.
func NewRecorder(t TestingT) *Recorder {
	return &Recorder{
		core:    &recorderCore{t: t, start: time.Now(), changed: make(chan struct{})},
		timeout: defaultTimeout(),
	}
}

// Within returns a view of the same Recorder with another limit for each wait.
func (r *Recorder) Within(d time.Duration) *Recorder { return &Recorder{core: r.core, timeout: d} }

// Record adds an event.
func (r *Recorder) Record(event any) { r.core.record(event, nil) }

// Ignore leaves out of all that follows the events that match want: Expect and
// Await do not see them. Events still records them.
func (r *Recorder) Ignore(want any) {
	m := toMatcher(want)
	r.core.mu.Lock()
	defer r.core.mu.Unlock()
	r.core.ignored = append(r.core.ignored, m)
}

// Events returns everything that was recorded so far.
func (r *Recorder) Events() []any {
	r.core.mu.Lock()
	defer r.core.mu.Unlock()
	events := make([]any, len(r.core.records))
	for i, rec := range r.core.records {
		events[i] = rec.event
	}
	return events
}

// LastSender is the sender of the event that the test was given last, nil if it
// has none.
func (r *Recorder) LastSender() *actor.PID {
	r.core.mu.Lock()
	defer r.core.mu.Unlock()
	if r.core.next == 0 {
		return nil
	}
	return r.core.records[r.core.next-1].sender
}

// Expect waits for the next event, fails unless it matches want, and returns it.
func (r *Recorder) Expect(want any) any {
	r.core.t.Helper()
	m := toMatcher(want)
	got, ok := r.core.take(time.Now().Add(r.timeout))
	if !ok {
		r.core.failf("expected %s, nothing came within %v", m, r.timeout)
	}
	if mismatch := m.Mismatch(got); mismatch != "" {
		r.core.failf("expected %s, got %s:\n%s", m, show(got), indent(indent(mismatch)))
	}
	return got
}

// Await waits until an event matches want and returns it. Those that come before
// are skipped.
func (r *Recorder) Await(want any) any {
	r.core.t.Helper()
	m := toMatcher(want)
	var skipped []string
	for deadline := time.Now().Add(r.timeout); ; {
		got, ok := r.core.take(deadline)
		if !ok {
			why := ""
			if len(skipped) > 0 {
				why = ", but:\n" + strings.Join(skipped, "\n")
			}
			r.core.failf("expected %s, it did not come within %v%s", m, r.timeout, why)
		}
		mismatch := m.Mismatch(got)
		if mismatch == "" {
			return got
		}
		skipped = append(skipped, fmt.Sprintf("  %s:\n%s", show(got), indent(indent(mismatch))))
		skipped = skipped[max(0, len(skipped)-transcriptLines):]
	}
}

// ExpectNothing waits for d and fails if an event comes that was not read, or has
// come.
func (r *Recorder) ExpectNothing(d time.Duration) {
	r.core.t.Helper()
	if got, ok := r.core.take(time.Now().Add(d)); ok {
		r.core.failf("expected nothing for %v, got %s", d, show(got))
	}
}

// ExpectType is Expect for an event of type T, which may match other wants too:
//
//	opened := wstest.ExpectType[*messages.Opened](probe)
func ExpectType[T any](from interface{ Expect(want any) any }, others ...any) T {
	return from.Expect(OfType[T](others...)).(T)
}

// AwaitType is Await for an event of type T, which may match other wants too.
func AwaitType[T any](from interface{ Await(want any) any }, others ...any) T {
	return from.Await(OfType[T](others...)).(T)
}

func (c *recorderCore) record(event any, sender *actor.PID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records = append(c.records, record{event, sender, time.Since(c.start)})
	close(c.changed)
	c.changed = make(chan struct{})
}

// take waits for the next event that is not ignored.
func (c *recorderCore) take(deadline time.Time) (any, bool) {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for {
		c.mu.Lock()
		for c.next < len(c.records) {
			event := c.records[c.next].event
			c.next++
			if !slices.ContainsFunc(c.ignored, func(m Matcher) bool { return m.Mismatch(event) == "" }) {
				c.mu.Unlock()
				return event, true
			}
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			return nil, false
		}
	}
}

// failf ends the test with a message that shows what was recorded.
func (c *recorderCore) failf(format string, args ...any) {
	c.t.Helper()
	c.mu.Lock()
	var log transcript
	for i, rec := range c.records {
		read := " "
		if i < c.next {
			read = "·"
		}
		log.start = time.Now().Add(-rec.at)
		log.add("%s %s", read, show(rec.event))
	}
	c.mu.Unlock()
	recorded := "  nothing was recorded"
	if len(log.lines) > 0 {
		recorded = "  what was recorded (·: read by the test):\n" + log.String()
	}
	fatalf(c.t, "wstest: %s\n%s", fmt.Sprintf(format, args...), recorded)
}

package chaos_test

// This file records what was sent and what became of it.

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// ledger records the sends of an actor, and checks that each is answered once. Refs count
// from 1 without gaps.
type ledger struct {
	*report

	mu      sync.Mutex
	entries []entry       // by ref-1
	open    int           // sends and other requests that have no answer yet
	settled chan struct{} // closed when nothing is open; nil if nobody waits
}

// entry is one frame that was sent.
type entry struct {
	number  uint64 // of the message it belongs to, 0 for a control frame
	answers int
	at      time.Duration // when it was sent
	epoch   uint64
	err     error
}

func newLedger(r *report) *ledger { return &ledger{report: r} }

// book returns the ref for a frame of the message with this number; 0 means a new message,
// whose number is the ref.
func (l *ledger) book(message uint64, control bool) (ref uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ref = uint64(len(l.entries) + 1)
	if message == 0 && !control {
		message = ref
	}
	l.entries = append(l.entries, entry{number: message, at: time.Since(l.start)})
	l.open++
	return ref
}

// answer takes a Sent (err is nil) or a SendFailed.
func (l *ledger) answer(ref, epoch uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ref == 0 || ref > uint64(len(l.entries)) {
		l.violation("an answer for ref %d, which was never sent: %v", ref, err)
		return
	}
	e := &l.entries[ref-1]
	if e.answers++; e.answers > 1 {
		l.violation("answer %d for ref %d: epoch %d, %v; the first one was: epoch %d, %v", e.answers, ref, epoch, err, e.epoch, e.err)
		return
	}
	e.epoch, e.err = epoch, err
	if err != nil && !known(err) {
		l.violation("ref %d failed for an unexpected reason: %v", ref, err)
	}
	l.done()
}

// done is called with mu held when something was answered.
func (l *ledger) done() {
	if l.open--; l.open == 0 && l.settled != nil {
		close(l.settled)
		l.settled = nil
	}
}

// ask books a request whose answer is neither Sent nor SendFailed.
func (l *ledger) ask() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
}

// told takes the answer of such a request, or a dead letter, which may be for anything.
func (l *ledger) told() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done()
}

// known reports whether err is a documented reason for a send to fail.
func known(err error) bool {
	for _, reason := range []error{messages.ErrClosed, messages.ErrNotOpen, messages.ErrQueueFull, messages.ErrStopped,
		messages.ErrFinalFragmentSent, messages.ErrFragmentOrder, messages.ErrUnconfirmed, messages.ErrDropped, messages.ErrExpired} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// settle returns a channel that is closed when everything is answered.
func (l *ledger) settle() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(chan struct{})
	if l.open == 0 {
		close(c)
	} else {
		l.settled = c
	}
	return c
}

// lost describes how many requests got neither an answer nor a dead letter, and which
// sends have no answer.
func (l *ledger) lost() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var refs []string
	for i, e := range l.entries {
		if e.answers == 0 {
			refs = append(refs, fmt.Sprintf("%d at %v", i+1, e.at))
		}
	}
	return fmt.Sprintf("%d requests were never answered; sends without an answer: %s", l.open, strings.Join(refs[max(0, len(refs)-20):], ", "))
}

// outcome says how far a message got.
type outcome uint8

const (
	refused outcome = iota // it cannot have reached the server
	tried                  // it may have, or a part of it
	sent                   // all of it was handed to the operating system
)

// messages returns the outcome of the messages of each epoch, in order.
func (l *ledger) messages() map[uint64]map[uint64]outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	epochs := make(map[uint64]map[uint64]outcome)
	for _, e := range l.entries {
		if e.number == 0 {
			continue
		}
		o := sent
		switch {
		case e.answers == 0:
			o = tried
		case e.err == nil:
		case errors.Is(e.err, messages.ErrUnconfirmed), errors.Is(e.err, messages.ErrClosed): // accepted or not: the error is the same
			o = tried
		default:
			o = refused
		}
		m := epochs[e.epoch]
		if m == nil {
			m = make(map[uint64]outcome)
			epochs[e.epoch] = m
		}
		if before, there := m[e.number]; there {
			o = min(o, before)
		}
		m[e.number] = o
	}
	// A message whose parts were sent in different epochs was not whole in any.
	home := make(map[uint64]uint64)
	for epoch, m := range epochs {
		for number := range m {
			if other, there := home[number]; there {
				m[number], epochs[other][number] = refused, refused
			}
			home[number] = epoch
		}
	}
	return epochs
}

// figures counts the answers.
func (l *ledger) figures() (ok, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		switch {
		case e.answers > 0 && e.err == nil:
			ok++
		case e.answers > 0:
			failed++
		}
	}
	return ok, failed
}

// auditResent compares the echoes with the sends if a message may be sent again: the epoch
// of its answer means nothing then.
func (l *ledger) auditResent(e *echoes, withAcks bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	came := make(map[uint64]bool)
	for _, numbers := range e.epochs {
		for _, number := range numbers {
			came[number] = true
			if number > uint64(len(l.entries)) || l.entries[number-1].number != number {
				l.violation("message %d came back, which was never sent", number)
			}
		}
	}
	for i, entry := range l.entries {
		if number := uint64(i + 1); withAcks && entry.number == number && entry.answers > 0 && entry.err == nil && !came[number] {
			l.violation("message %d was acknowledged, but has not come back", number)
		}
	}
}

// gone returns why messages were never sent, except for reasons that are the outbox's
// policy.
func (l *ledger) gone() (errs []error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.number != 0 && e.err != nil && !errors.Is(e.err, messages.ErrQueueFull) && !errors.Is(e.err, messages.ErrDropped) && !errors.Is(e.err, messages.ErrExpired) {
			errs = append(errs, e.err)
		}
	}
	return errs
}

// audit compares the echoes with the sends, epoch by epoch.
func (l *ledger) audit(e *echoes, ends map[uint64]*messages.Closed, closesByServer bool) {
	booked := l.messages()
	for epoch, numbers := range e.epochs {
		of := booked[epoch]
		came := make(map[uint64]bool, len(numbers))
		for _, number := range numbers {
			came[number] = true
			o, there := of[number]
			if !there || o == refused {
				l.violation("epoch %d: message %d came back, but was refused or sent in another epoch", epoch, number)
			}
		}
		if e.corrupts {
			continue
		}
		last := numbers[len(numbers)-1]
		missing := 0
		for number, o := range of {
			if o == sent && number < last && !came[number] {
				missing++
			}
		}
		discarded := 0
		if end := ends[epoch]; end != nil {
			discarded = end.Discarded
		}
		if missing > discarded {
			l.violation("epoch %d: %d messages did not come back, and %d were discarded", epoch, missing, discarded)
		}
	}
	for epoch, end := range ends {
		whole := 0
		for _, o := range booked[epoch] {
			if o == sent {
				whole++
			}
		}
		// Our Close comes after everything that was sent, and the server's answer to it
		// after everything that it has echoed.
		if end.Err.Clean && end.Err.By == messages.Local && !closesByServer && !e.corrupts && len(e.epochs[epoch])+end.Discarded < whole {
			l.violation("epoch %d: a clean end by us, %d messages sent, %d came back, %d discarded",
				epoch, whole, len(e.epochs[epoch]), end.Discarded)
		}
	}
}

// continues reports whether ref is of a frame after the first one of its message.
func (l *ledger) continues(ref uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := l.entries[ref-1].number
	return number != 0 && number != ref
}

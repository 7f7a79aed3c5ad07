// This file is the Scenario: who acts in a scenario file, and the trace of what
// that leads to.

package wstest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/messages"
)

// Scenario is one scenario file while it is played; see [Golden]. It is set up
// before the first step.
type Scenario struct {
	t    TestingT
	file string
	line int

	parts     map[string]func(words []string)
	receivers []string
	settle    []func(lines map[string][]string)
	describe  func(message any) string

	mu    sync.Mutex
	lines map[string][]string // by receiver, in this step
}

func newScenario(t TestingT, file string) *Scenario {
	s := &Scenario{t: t, file: file, parts: map[string]func([]string){}, describe: actors.Describe, lines: map[string][]string{}}
	s.Part("time", func(words []string) {
		d, err := time.ParseDuration(strings.Join(words, ""))
		if err != nil {
			s.Fatalf("%v", err)
		}
		time.Sleep(d)
	})
	return s
}

// Part lets the steps «who: …» call act with the words behind the colon. Words are
// separated by blanks; one with blanks in it is quoted as in Go.
func (s *Scenario) Part(who string, act func(words []string)) { s.parts[who] = act }

// Receivers says who is traced, and in which order within a step. What others
// receive is left out. Default: everybody, by name.
func (s *Scenario) Receivers(names ...string) { s.receivers = names }

// Settle adds a function that edits the lines of a step, by receiver, before they
// are written: it takes out what may or may not come in time.
func (s *Scenario) Settle(edit func(lines map[string][]string)) { s.settle = append(s.settle, edit) }

// Describe sets how [Scenario.Traced] writes a message. Default: actors.Describe,
// which gives sizes and codes but no payloads, and for a message of another
// package the name of its type.
func (s *Scenario) Describe(describe func(message any) string) { s.describe = describe }

// Log adds a line to the trace of this step: receiver ← what. It is safe for
// concurrent use.
func (s *Scenario) Log(receiver, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[receiver] = append(s.lines[receiver], fmt.Sprintf(format, args...))
}

// Traced is an option for the Props of an actor: what it gets is a line of that
// receiver. Sent and SendFailed are lines of the receiver "answers", because they come
// on another way than events, and the order between the two is open.
func (s *Scenario) Traced(receiver string) actor.PropsOption {
	return actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(ctx actor.ReceiverContext, envelope *actor.MessageEnvelope) {
			s.received(receiver, envelope.Message)
			next(ctx, envelope)
		}
	})
}

func (s *Scenario) received(receiver string, message any) {
	switch message.(type) {
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Touch:
		return // the life of actors is protoactor's business
	case *messages.Sent, *messages.SendFailed:
		receiver = "answers"
	}
	s.Log(receiver, "%s", s.describe(message))
}

// Fatalf ends the scenario with a message that says in which line it is.
func (s *Scenario) Fatalf(format string, args ...any) {
	s.t.Helper()
	fatalf(s.t, "%s:%d: %s", s.file, s.line, fmt.Sprintf(format, args...))
}

// play carries out the steps of a script and returns it with what happened.
func (s *Scenario) play(script string) string {
	var out strings.Builder
	for line := range strings.Lines(script) {
		s.line++
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, " ") {
			continue // what happened when the file was written
		}
		fmt.Fprintln(&out, line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		who, what, ok := strings.Cut(line, ": ")
		if !ok {
			s.Fatalf("%q: want «who: what»", line)
		}
		act := s.parts[who]
		if act == nil {
			s.Fatalf("nobody is called %q", who)
		}
		words := splitWords(what)
		if len(words) == 0 {
			s.Fatalf("%q: %s does nothing", line, who)
		}
		act(words)
		synctest.Wait()
		s.write(&out)
	}
	return out.String()
}

// write writes the lines of a step.
func (s *Scenario) write(out *strings.Builder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, settle := range s.settle {
		settle(s.lines)
	}
	receivers := s.receivers
	if receivers == nil {
		receivers = slices.Sorted(maps.Keys(s.lines))
	}
	for _, receiver := range receivers {
		for _, line := range s.lines[receiver] {
			fmt.Fprintf(out, "    %-10s ← %s\n", receiver, line)
		}
	}
	clear(s.lines)
}

// splitWords cuts at blanks outside of quotes and takes the quotes away.
func splitWords(line string) (words []string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if q, err := strconv.QuotedPrefix(line); err == nil {
			word, _ := strconv.Unquote(q)
			words, line = append(words, word), line[len(q):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), rest
	}
	return words
}

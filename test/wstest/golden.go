// This file plays scenario files and compares what happens with what is in them.

package wstest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Golden plays the scenario files that match pattern (see filepath.Glob), each
// in a subtest and a synctest bubble of its own. A scenario file is at the same
// time a readable specification:
//
//	# The user says hello.
//	user: text "hello"
//	    supervisor ← SendText 5 B
//	    user       ← Sent 1
//	    server     ← TEXT "hello"
//	time: 30s
//
// A line «who: what» is a step: it lets somebody do something. Behind it,
// indented, is what that led to until nothing moved any more: a line for each
// message, ordered by receiver and then by time. Comments and empty lines are
// kept. «time: 30s» lets time pass.
//
// setUp says who can do something, and who is traced; see [Scenario], and
// [Mock.Play] for a server.
//
// The test fails if the trace differs from that in the file. With update it
// writes the trace to the file instead: first write the steps alone, then
// accept and read what has become of them. update is a flag of the test's own:
//
//	var update = flag.Bool("update", false, "accept the golden traces")
//
//	func TestGolden(t *testing.T) {
//		wstest.Golden(t, "testdata/*.txt", *update, func(t *testing.T, s *wstest.Scenario) {
//			mock := wstest.NewMock(t)
//			mock.Play(s)
//			… // the code under test: s.Part, s.Traced
//		})
//	}
func Golden(t *testing.T, pattern string, update bool, setUp func(t *testing.T, s *Scenario)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatalf("wstest: %s: %v", pattern, err)
	}
	if len(files) == 0 {
		t.Fatalf("wstest: no scenario file matches %s", pattern)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, filepath.Ext(name)), func(t *testing.T) { golden(t, file, update, setUp) })
	}
}

func golden(t *testing.T, file string, update bool, setUp func(t *testing.T, s *Scenario)) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("wstest: %v", err)
	}
	want := strings.ReplaceAll(string(text), "\r\n", "\n") // as version control may leave it
	var got string
	synctest.Test(t, func(t *testing.T) {
		s := newScenario(t, file)
		setUp(t, s)
		got = s.play(want)
	})
	switch {
	case t.Failed() || got == want:
	case update:
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatalf("wstest: %v", err)
		}
	default:
		assert.Equal(t, want, got, "the trace differs from that in %s; if what happens now is right, accept it with -update", file)
	}
}

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

// Play gives the server of a scenario to the Mock. What the Mock receives is a line
// of the receiver "server". Its steps are
//
//	server: text "a"          and binary "\x00", ping "a"
//	server: close 1000 "bye"
//	server: dies              as Lose
//	server: refuses 503       the next handshake
//	server: stalls            and resumes
func (m *Mock) Play(s *Scenario) {
	m.mu.Lock()
	m.scenario = s
	m.mu.Unlock()
	m.Expect(Anything()).AnyTimes()
	s.Part("server", func(w []string) {
		w = append(w, "")
		switch w[0] {
		case "text":
			m.Send(w[1])
		case "binary":
			m.Send([]byte(w[1]))
		case "ping":
			m.Send(&messages.Ping{Data: []byte(w[1])})
		case "close", "refuses":
			n, err := strconv.Atoi(w[1])
			if err != nil {
				s.Fatalf("%v", err)
			}
			if w[0] == "close" {
				m.Close(wire.StatusCode(n), w[2])
			} else {
				m.Refuse(n)
			}
		case "dies":
			m.Lose()
		case "stalls":
			m.Stall()
		case "resumes":
			m.Resume()
		default:
			s.Fatalf("a server cannot do %q", w)
		}
	})
}

// traced writes what was received as a step would send it.
func traced(got any) string {
	switch got := got.(type) {
	case *messages.SendText:
		return fmt.Sprintf("text %q", got.Text)
	case *messages.SendBinary:
		return fmt.Sprintf("binary %q", got.Data)
	case *messages.Close:
		return fmt.Sprintf("close %d %q", uint16(got.Code), got.Reason)
	}
	return strings.ToLower(fmt.Sprintf("%T", got)[len("*messages."):])
}

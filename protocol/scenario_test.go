package protocol

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

var update = flag.Bool("update", false, "write what the scenarios bring into their files")

// TestScenarios plays the scripts in testdata: the readable specification of the machine.
// A scenario begins with its name after "#". A line that begins at the margin is
// something that happens; the lines after it, which are indented, are what comes of it:
// effects, frames that arrive at the server, and answers to senders. See play for the
// commands. That a timer is stopped which does not run is not shown.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			require.NoError(t, err)
			var got strings.Builder
			for i, part := range strings.Split("\n"+string(script), "\n# ") {
				if i == 0 { // before the first scenario
					got.WriteString(strings.TrimPrefix(part, "\n"))
					continue
				}
				name, steps, _ := strings.Cut(part, "\n")
				t.Run(name, func(t *testing.T) {
					result := playAll(t, steps)
					if !*update {
						require.Equal(t, strings.TrimSpace(steps), strings.TrimSpace(result))
					}
					fmt.Fprintf(&got, "\n# %s\n%s", name, result)
				})
			}
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(strings.TrimPrefix(got.String(), "\n")), 0o644))
			}
		})
	}
}

func TestTimerNames(t *testing.T) {
	for timer, want := range map[Timer]string{TimerClose: "close", TimerPong: "pong", Timers: "unknown"} {
		require.Equal(t, want, timer.String())
	}
}

// playAll plays a scenario and returns it with what comes of it.
func playAll(t *testing.T, steps string) string {
	var b strings.Builder
	c := open(t, Config{})
	for line := range strings.Lines(steps) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == ' ' {
			continue
		}
		fmt.Fprintln(&b, line)
		got := c.play(line)
		got, c.inline = append(c.inline, got...), nil
		for _, line := range got {
			fmt.Fprintln(&b, "   ", line)
		}
	}
	if c.m.State() == messages.StateClosed {
		msgs, bytes := c.out.Queued()
		require.Zero(t, msgs, "messages in the queue after the end")
		require.Zero(t, bytes, "bytes in the queue after the end")
	}
	return b.String()
}

// play does what a line of a script says and returns what comes of it.
func (c *scenario) play(line string) []string {
	command, args, _ := strings.Cut(line, " ")
	first, rest, _ := strings.Cut(args, " ")
	args, rest = unquote(args), unquote(rest)
	broken := errors.New("broken pipe")
	switch command {
	case "keepalive": // INTERVAL TIMEOUT MISSES: the connection begins anew, with Pings
		var misses int
		interval, timeout := time.Duration(0), time.Duration(0)
		_, err := fmt.Sscan(strings.ReplaceAll(args, "s", ""), &interval, &timeout, &misses)
		require.NoError(c.t, err)
		c.open(Config{PingInterval: interval * time.Second, PongTimeout: timeout * time.Second, PingMisses: misses})
		return c.effects()
	case "inline": // from now on the writer writes at once what it is woken for
		c.out.Attach(func(Wake) { c.inline = append(c.inline, c.write()...) })
	case "after": // DURATION
		d, err := time.ParseDuration(args)
		require.NoError(c.t, err)
		c.now = c.now.Add(d)
	case "send": // TEXT
		r := c.reply()
		return c.refused(r, c.out.SendText(args, r))
	case "begin", "continue", "finish": // STREAM TEXT: the first, a further, the last fragment
		r := c.reply()
		f := &messages.SendFragment{Stream: uint64(first[0]), Kind: messages.KindText, First: command == "begin", Final: command == "finish", Data: []byte(rest)}
		return c.refused(r, c.out.SendFragment(Sender{}, f, r))
	case "ping": // DATA
		r := c.reply()
		return append(c.refused(r, c.m.Ping([]byte(args), r, c.now)), c.effects()...)
	case "pong": // DATA
		r := c.reply()
		return c.refused(r, c.out.Pong([]byte(args), r))
	case "measure": // WAITER
		if err := c.m.Measure(args, c.now); err != nil {
			return []string{"refused: " + err.Error()}
		}
	case "close": // CODE REASON
		return c.step(Close{Code: code(first), Reason: rest, Reply: c.reply()})
	case "fail": // CODE CAUSE
		in := Fail{Code: code(first)}
		if rest != "" {
			in.Cause = errors.New(rest)
		}
		return c.step(in)

	case "read": // "text DATA", "ping DATA", "pong DATA", "close CODE REASON", with commas
		r := &Read{}
		for part := range strings.SplitSeq(args, ", ") {
			if part == "" {
				continue
			}
			item := item(part)
			r.Items = append(r.Items, item)
			r.Control = r.Control || item.Opcode.IsControl()
		}
		got := c.step(r)
		for i := range got {
			if got[i] == "deliver" {
				for _, item := range r.Items {
					got[i] += fmt.Sprintf(" %s %q", item.Opcode, item.Payload)
					if item.Opcode == wire.OpPong {
						got[i] += fmt.Sprint(" ", r.RTTs[0])
						r.RTTs = r.RTTs[1:]
					}
				}
			}
		}
		return got
	case "violation": // CODE
		if args == "" {
			return c.step(Violation{errors.New("without a code")})
		}
		return c.step(Violation{&wire.ProtocolError{What: "a rule", Section: "§0", Code: code(args)}})
	case "eof":
		return c.step(EndOfStream{io.EOF})
	case "reset":
		return c.step(EndOfStream{broken})

	case "take": // the writer begins to write all there is
		c.take()
	case "wrote": // and has done so; the machine is not told
		return c.wrote()
	case "write": // both, until nothing is queued; the machine is told of the Close
		before := c.out.CloseWritten()
		got := c.write()
		if !before && c.out.CloseWritten() {
			got = append(got, c.step(CloseWritten{})...)
		}
		return got
	case "write-failed":
		c.bytes = nil
		return c.step(WriteFailed{broken})
	case "write-ended": // "whole" or nothing
		return c.step(WriteEnded{Whole: args == "whole"})

	case "timer": // NAME TRAFFIC, of "reads", "throttles" and "throttled"
		for timer := range Timers {
			if timer.String() == first {
				return c.step(TimedOut{timer, Traffic{
					Reads: uint64(strings.Count(rest, "reads")), Throttles: uint64(strings.Count(rest, "throttles")),
					Throttled: strings.Contains(rest, "throttled"),
				}})
			}
		}
		fallthrough
	default:
		c.t.Fatalf("unknown command %q", line)
	}
	return nil
}

func (c *scenario) reply() Reply {
	c.refs++
	return Reply{To: "sender", Ref: c.refs}
}

func (c *scenario) refused(r Reply, err error) []string {
	if err == nil {
		return nil
	}
	return []string{Outcome{r, err}.String()}
}

// unquote takes the quotes off what is quoted as in Go.
func unquote(s string) string {
	if plain, err := strconv.Unquote(s); err == nil {
		return plain
	}
	return s
}

func code(s string) wire.StatusCode {
	n, _ := strconv.Atoi(s)
	return wire.StatusCode(n)
}

// item is what the server sends.
func item(s string) wire.Item {
	kind, args, _ := strings.Cut(s, " ")
	item := wire.Item{First: true, Final: true, Payload: []byte(args)}
	switch kind {
	case "text":
		item.Opcode = wire.OpText
	case "ping":
		item.Opcode = wire.OpPing
	case "pong":
		item.Opcode = wire.OpPong
		if n, ok := strings.CutPrefix(args, "#"); ok { // the answer to a Ping of the machine's own
			item.Payload = binary.BigEndian.AppendUint64(nil, uint64(code(n)))
		}
	case "close":
		item.Opcode, item.Code = wire.OpClose, wire.StatusNoStatus
		if args != "" {
			first, rest, _ := strings.Cut(args, " ")
			item.Code = code(first)
			item.Payload, _ = wire.AppendClosePayload(nil, item.Code, rest)
		}
	}
	return item
}

// scenario is a connection without actors, for tests that play them.
type scenario struct {
	t      *testing.T
	refs   uint64
	m      *Machine
	out    *Outbound
	now    time.Time
	shown  *atomic.Uint32
	timers map[Timer]bool // that run
	wakes  []Wake         // of the writer
	inline []string       // what a writer has written that does so at once
	bytes  []byte         // on their way to the server
}

// open returns an open connection, a second old, that has a limit of 10 messages and 1000 bytes.
func open(t *testing.T, cfg Config) *scenario {
	c := &scenario{t: t}
	c.open(cfg)
	return c
}

func (c *scenario) open(cfg Config) {
	c.out, c.now, c.timers, c.shown = NewOutbound(10, 1000), time.Unix(0, 0), map[Timer]bool{}, new(atomic.Uint32)
	c.out.Attach(func(why Wake) { c.wakes = append(c.wakes, why) })
	c.shown.Store(uint32(messages.StateOpen))
	cfg.Shown, cfg.Epoch, cfg.Server, cfg.CloseTimeout = c.shown, 7, "example.org", 5*time.Second
	c.m = New(cfg, c.out, c.now)
	c.now = c.now.Add(time.Second)
}

// step hands an input to the machine and returns the effects, one a line.
func (c *scenario) step(in Input) []string {
	if timeout, ok := in.(TimedOut); ok {
		delete(c.timers, timeout.Timer)
	}
	c.m.Step(in, c.now)
	require.Equal(c.t, c.m.State(), messages.State(c.shown.Load()), "the state that is shown")
	return c.effects()
}

func (c *scenario) effects() []string {
	lines := []string{}
	for _, e := range c.m.Effects() {
		switch e.Kind {
		case EffectSetTimer:
			c.timers[e.Timer] = true
		case EffectStopTimer:
			if !c.timers[e.Timer] {
				continue
			}
			delete(c.timers, e.Timer)
		}
		lines = append(lines, c.show(e)...)
	}
	return lines
}

// take plays the writer that begins to write all there is.
func (c *scenario) take() {
	for _, buf := range c.out.Take(nil) {
		c.bytes = append(c.bytes, buf...)
	}
}

// write plays the writer that writes all there is. It returns what arrives and who is answered.
func (c *scenario) write() []string {
	lines := []string{}
	for {
		c.take()
		if len(c.bytes) == 0 {
			return lines
		}
		lines = append(lines, c.wrote()...)
	}
}

// wrote ends the write that take has begun.
func (c *scenario) wrote() []string {
	var lines []string
	for len(c.bytes) > 0 {
		f, rest, ok, err := cut(c.bytes)
		require.NoError(c.t, err)
		require.True(c.t, ok, "the writer got half a frame")
		c.bytes = rest
		lines = append(lines, f.String())
	}
	for _, o := range c.out.Wrote(nil) {
		lines = append(lines, o.String())
	}
	return lines
}

func (c *scenario) show(e Effect) []string {
	switch e.Kind {
	case EffectDeliver:
		return []string{"deliver"}
	case EffectEmit:
		switch event := e.Event.(type) {
		case *messages.Closing:
			require.Equal(c.t, uint64(7), event.Epoch)
			return []string{fmt.Sprintf("CLOSING by %s: %d %q", event.By, event.Code, event.Reason)}
		case *messages.Closed:
			require.Equal(c.t, uint64(7), event.Epoch)
			require.Equal(c.t, "example.org", event.Err.Server)
			return []string{fmt.Sprintf("CLOSED by %s: %s, unsent %d", event.Err.By, showEnd(event.Err), event.Unsent)}
		}
		return []string{fmt.Sprintf("event %T", e.Event)}
	case EffectReply:
		if len(e.Outcomes) == 0 {
			return []string{"reply to nobody"}
		}
		var lines []string
		for _, o := range e.Outcomes {
			lines = append(lines, o.String())
		}
		return lines
	case EffectMeasured:
		return []string{fmt.Sprintf("measured %v, smoothed %v", e.RTT, e.Smoothed)}
	case EffectPong:
		if e.Err != nil {
			return []string{fmt.Sprintf("no pong for %v: %s", e.Waiter, showEnd(e.Err))}
		}
		return []string{fmt.Sprintf("pong for %v after %v", e.Waiter, e.RTT)}
	case EffectSetTimer:
		return []string{fmt.Sprintf("set %v %v", e.Timer, e.Delay)}
	case EffectStopTimer:
		return []string{fmt.Sprintf("stop %v", e.Timer)}
	case EffectUnthrottle:
		return []string{"unthrottle"}
	case EffectDiscard:
		return []string{"discard"}
	case EffectHalfClose:
		return []string{"half-close"}
	case EffectCloseStream:
		if e.Reset {
			return []string{"reset the stream"}
		}
		return []string{"close the stream"}
	case EffectEnd:
		return []string{fmt.Sprintf("end, alive %v", e.Alive)}
	}
	return []string{fmt.Sprintf("effect %d", e.Kind)}
}

func showEnd(err *messages.CloseError) string {
	s := fmt.Sprintf("code %d %q, sent %d %q", err.Code, err.Reason, err.SentCode, err.SentReason)
	if err.Clean {
		s += ", clean"
	}
	if err.Cause != nil {
		s += ", " + err.Cause.Error()
	}
	if err.Uptime > 0 {
		s += fmt.Sprintf(", after %v", err.Uptime)
	}
	return s
}

func (o Outcome) String() string {
	var end *messages.CloseError
	switch {
	case o.Err == nil:
		return fmt.Sprintf("sent %d", o.Reply.Ref)
	case errors.As(o.Err, &end) && errors.Is(o.Err, messages.ErrUnconfirmed):
		return fmt.Sprintf("unconfirmed %d: %s", o.Reply.Ref, showEnd(end))
	case errors.As(o.Err, &end):
		return fmt.Sprintf("unsent %d: %s", o.Reply.Ref, showEnd(end))
	}
	return fmt.Sprintf("failed %d: %v", o.Reply.Ref, o.Err)
}

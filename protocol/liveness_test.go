package protocol

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// The judgement on a server that does not answer: whose fault is it?
func TestLiveness(t *testing.T) {
	type step struct {
		traffic Traffic
		late    time.Duration // the timer's message was handled so much later
		fails   bool
	}
	for _, test := range []struct {
		name    string
		stuck   bool // the writer writes nothing
		steps   []step
		want    messages.LivenessError
		survive bool
	}{
		{"silent server", false, []step{{}, {fails: true}}, messages.LivenessError{Silence: 20 * time.Second, Pings: 2}, false},
		{"server that takes nothing", true, []step{{}, {fails: true}}, messages.LivenessError{Silence: 20 * time.Second, Pings: 2, Unwritten: true, Queued: 3}, false},
		{"traffic is life", false, []step{{}, {traffic: Traffic{Reads: 1}}}, messages.LivenessError{}, true},
		{"handler behind now", false, []step{{}, {traffic: Traffic{Throttled: true, Throttles: 1}}}, messages.LivenessError{}, true},
		{"handler was behind until now", false, []step{{}, {traffic: Traffic{Throttles: 1}}}, messages.LivenessError{}, true},
		{"we did not get to run", false, []step{{}, {late: 3 * time.Second}}, messages.LivenessError{}, true},
		{"handler behind, then a silent server", false, []step{{}, {traffic: Traffic{Throttles: 1}}, {traffic: Traffic{Throttles: 1}, fails: true}},
			messages.LivenessError{Silence: 20 * time.Second, Pings: 2, Excused: 1}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Unix(0, 0)
			out := NewOutbound(100, 1000)
			out.Attach(func(Wake) {})
			m := New(Config{CloseTimeout: time.Second, PingInterval: 30 * time.Second, PongTimeout: 10 * time.Second, PingMisses: 1}, out, now)
			if err := out.SendText("abc", Reply{}); err != nil {
				t.Fatal(err)
			}
			write := func() {
				if !test.stuck {
					out.Take(nil)
					out.Wrote(nil)
				}
			}
			write()
			now = now.Add(30 * time.Second)
			m.Step(TimedOut{Timer: TimerPing}, now)
			write()
			for i, step := range test.steps {
				now = now.Add(10*time.Second + step.late)
				m.Step(TimedOut{TimerPong, step.traffic}, now)
				if m.failing != step.fails {
					t.Fatalf("step %d: failing %v, want %v", i, m.failing, step.fails)
				}
				if !step.fails {
					write()
				}
			}
			var got *messages.LivenessError
			switch is := errors.As(m.cause, &got); {
			case is == test.survive:
				t.Fatalf("failed with %v", m.cause)
			case is && *got != test.want:
				t.Errorf("got %+v, want %+v", *got, test.want)
			}
		})
	}
}

// As many Pings as may be open are remembered. Of the user's, the oldest goes for a new
// one; whoever waits for a Pong is neither forgotten nor let in past the bound.
func TestOpenPingsAreBounded(t *testing.T) {
	c := open(t, Config{PingInterval: time.Second, PongTimeout: time.Second})
	write := func() {
		c.out.Take(nil)
		c.out.Wrote(nil)
	}
	pong := func(data []byte) []Effect {
		c.m.Step(&Read{Control: true, Items: []wire.Item{{Opcode: wire.OpPong, Payload: data}}}, c.now)
		var fx []Effect
		for _, e := range c.m.Effects() {
			if e.Kind == EffectMeasured || e.Kind == EffectPong {
				fx = append(fx, e)
			}
		}
		return fx
	}
	data := func(n int) []byte { return fmt.Appendf(nil, "%d", n) }
	require.NoError(t, c.m.Measure("first", c.now))
	for n := 1; n < maxOpenPings; n++ {
		require.NoError(t, c.m.Ping(data(n), Reply{}, c.now))
		write()
	}
	require.Len(t, c.m.pings, maxOpenPings)
	require.ErrorIs(t, c.m.Measure("one too many", c.now), messages.ErrQueueFull)
	require.NoError(t, c.m.Ping(data(256), Reply{}, c.now)) // instead of 1
	require.Len(t, c.m.pings, maxOpenPings)
	c.m.Step(TimedOut{Timer: TimerPing}, c.now) // instead of 2
	require.Len(t, c.m.pings, maxOpenPings)
	require.Empty(t, pong(data(1)), "a Pong for a Ping that was forgotten")
	require.Empty(t, pong(data(2)), "a Pong for a Ping that was forgotten")
	require.Equal(t, []Effect{{Kind: EffectMeasured}, {Kind: EffectPong, Waiter: "first"}}, pong(data(3)))
	require.Len(t, c.m.pings, maxOpenPings-2)

	// Where nobody waits it is the first that goes.
	c = open(t, Config{})
	for n := range maxOpenPings + 1 {
		require.NoError(t, c.m.Ping(data(n), Reply{}, c.now))
		write()
	}
	require.Len(t, c.m.pings, maxOpenPings)
	require.Empty(t, pong(data(0)))
	require.Equal(t, []Effect{{Kind: EffectMeasured}}, pong(data(maxOpenPings)))

	// Where all are waited for, a further one is sent and not remembered.
	c = open(t, Config{})
	for n := range maxOpenPings {
		require.NoError(t, c.m.Measure(n, c.now))
		write()
	}
	require.ErrorIs(t, c.m.Measure("one too many", c.now), messages.ErrQueueFull)
	require.NoError(t, c.m.Ping(data(1), Reply{}, c.now))
	require.Len(t, c.m.pings, maxOpenPings)
	c.m.Step(EndOfStream{io.EOF}, c.now)
	told := 0
	for _, e := range c.m.Effects() {
		if e.Kind == EffectPong {
			require.Equal(t, told, e.Waiter)
			told++
		}
	}
	require.Equal(t, maxOpenPings, told, "waiters that were told of the end")
}

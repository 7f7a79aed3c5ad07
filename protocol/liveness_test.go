package protocol

import (
	"errors"
	"testing"
	"time"

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

// The smoothed round-trip time follows RFC 6298 §2.
func TestSmoothedRTT(t *testing.T) {
	now := time.Unix(0, 0)
	m := New(Config{CloseTimeout: time.Second, FirstPing: 6}, NewOutbound(1, 1), now)
	pong := func(data ...byte) (shown, answered []Effect) {
		r := &Read{Control: true, Items: []wire.Item{{Opcode: wire.OpPong, Payload: data}}}
		m.Step(r, now)
		for _, e := range m.Effects() {
			switch e.Kind {
			case EffectMeasured:
				shown = append(shown, e)
				if len(answered) > 0 {
					t.Error("whoever waits for the Pong is answered before the round-trip time is shown")
				}
			case EffectPong:
				answered = append(answered, e)
			}
		}
		return shown, answered
	}
	for i, test := range []struct{ rtt, want time.Duration }{
		{80 * time.Millisecond, 80 * time.Millisecond},
		{160 * time.Millisecond, 90 * time.Millisecond},
		{90 * time.Millisecond, 90 * time.Millisecond},
	} {
		if err := m.Ping([]byte{byte(i)}, Reply{}, now); err != nil {
			t.Fatal(err)
		}
		now = now.Add(test.rtt)
		shown, _ := pong(byte(i))
		if len(shown) != 1 || shown[0].Smoothed != test.want || shown[0].RTT != test.rtt {
			t.Errorf("pong %d: shown is %+v, want smoothed %v and last %v", i, shown, test.want, test.rtt)
		}
	}
	if err := m.Measure(t, now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	shown, answered := pong(0, 0, 0, 0, 0, 0, 0, 7)
	if len(shown) != 1 || shown[0].RTT != time.Second {
		t.Errorf("shown is %+v, want %v", shown, time.Second)
	}
	if len(answered) != 1 || answered[0].RTT != time.Second || answered[0].Waiter != any(t) || answered[0].Err != nil {
		t.Errorf("answered is %+v, want %v to the waiter", answered, time.Second)
	}
}

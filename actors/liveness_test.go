package actors

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
		traffic traffic
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
		{"traffic is life", false, []step{{}, {traffic: traffic{reads: 1}}}, messages.LivenessError{}, true},
		{"handler behind now", false, []step{{}, {traffic: traffic{throttled: true, throttles: 1}}}, messages.LivenessError{}, true},
		{"handler was behind until now", false, []step{{}, {traffic: traffic{throttles: 1}}}, messages.LivenessError{}, true},
		{"we did not get to run", false, []step{{}, {late: 3 * time.Second}}, messages.LivenessError{}, true},
		{"handler behind, then a silent server", false, []step{{}, {traffic: traffic{throttles: 1}}, {traffic: traffic{throttles: 1}, fails: true}},
			messages.LivenessError{Silence: 20 * time.Second, Pings: 2, Excused: 1}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Unix(0, 0)
			out := NewOutbound(100, 1000)
			out.attach(func(bool) {})
			m := newMachine(machineConfig{closeTimeout: time.Second, pingInterval: 30 * time.Second, pongTimeout: 10 * time.Second, pingMisses: 1}, out, now)
			if err := out.SendText("abc", Reply{}); err != nil {
				t.Fatal(err)
			}
			write := func() {
				if !test.stuck {
					out.take(nil)
					out.wrote(nil)
				}
			}
			write()
			now = now.Add(30 * time.Second)
			m.timedOut(timerPing, traffic{}, now)
			write()
			for i, step := range test.steps {
				now = now.Add(10*time.Second + step.late)
				m.timedOut(timerPong, step.traffic, now)
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
	call := &PingCall{RTT: make(chan time.Duration, 1), Err: make(chan error, 1)}
	var shown, shownSmooth time.Duration
	m := newMachine(machineConfig{closeTimeout: time.Second, firstPing: 6, measured: func(last, smoothed time.Duration) {
		shown, shownSmooth = last, smoothed
		if len(call.RTT) > 0 {
			t.Error("whoever waits for the Pong was answered before the round-trip time is shown")
		}
	}}, NewOutbound(1, 1), now)
	for i, test := range []struct{ rtt, want time.Duration }{
		{80 * time.Millisecond, 80 * time.Millisecond},
		{160 * time.Millisecond, 90 * time.Millisecond},
		{90 * time.Millisecond, 90 * time.Millisecond},
	} {
		if err := m.ping([]byte{byte(i)}, Reply{}, now); err != nil {
			t.Fatal(err)
		}
		now = now.Add(test.rtt)
		m.received(&Batch{control: true, Items: []wire.Item{{Opcode: wire.OpPong, Payload: []byte{byte(i)}}}}, now)
		if m.smoothRTT != test.want || m.lastRTT != test.rtt {
			t.Errorf("pong %d: smoothed %v, last %v, want %v and %v", i, m.smoothRTT, m.lastRTT, test.want, test.rtt)
		}
		if shown != m.lastRTT || shownSmooth != m.smoothRTT {
			t.Errorf("pong %d: shown are %v and %v", i, shown, shownSmooth)
		}
	}
	m.pingCall(call, now)
	now = now.Add(time.Second)
	m.received(&Batch{control: true, Items: []wire.Item{{Opcode: wire.OpPong, Payload: []byte{7: 7}}}}, now)
	if len(call.RTT) != 1 || shown != time.Second {
		t.Errorf("%d answers, shown is %v", len(call.RTT), shown)
	}
}

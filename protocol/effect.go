package protocol

// This file lists what the Machine wants done: its effects.

import (
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// Effect is one thing to do. Only the fields of its kind are set.
type Effect struct {
	Kind     EffectKind
	Timer    Timer                // EffectSetTimer, EffectStopTimer
	Reset    bool                 // EffectCloseStream: without waiting for what is not written
	Alive    bool                 // EffectEnd: a message or a Pong was received
	Delay    time.Duration        // EffectSetTimer
	RTT      time.Duration        // EffectPong, EffectMeasured
	Smoothed time.Duration        // EffectMeasured: the average by RFC 6298
	Event    any                  // EffectEmit: a pointer to a struct of package messages
	Waiter   any                  // EffectPong: what Measure was given
	Outcomes []Outcome            // EffectReply
	Err      *messages.CloseError // EffectEnd; EffectPong: the Pong did not come before this
}

// EffectKind says what is to be done.
type EffectKind uint8

const (
	EffectDeliver     EffectKind = iota + 1 // give what is left of the Read to the user
	EffectEmit                              // give an event to the user
	EffectReply                             // answer senders
	EffectMeasured                          // there is a new round-trip time
	EffectPong                              // answer whoever waits for a Pong
	EffectSetTimer                          // anew if it runs
	EffectStopTimer                         // if it runs
	EffectUnthrottle                        // the reader continues without credit
	EffectDiscard                           // the reader throws away what comes
	EffectHalfClose                         // the writer ends its side when it has nothing left
	EffectCloseStream                       // drop the stream
	EffectEnd                               // tell the owner; nothing follows
)

// Timer names one of the timers that the machine asks for.
type Timer uint8

const (
	TimerClose Timer = iota // the server's Close, then its end of the stream
	TimerDrain              // the last bytes of a connection that is failed or cannot write
	TimerPing               // time for a keepalive Ping
	TimerPong               // its Pong is due
	Timers                  // how many there are
)

var timerNames = [Timers]string{"close", "drain", "ping", "pong"}

// String returns the name in lower case.
func (t Timer) String() string {
	if t < Timers {
		return timerNames[t]
	}
	return "unknown"
}

// Effects returns the effects since the last call, in order. They are valid until the next input.
func (m *Machine) Effects() []Effect {
	fx := m.effects
	m.effects = m.effects[:0]
	return fx
}

func (m *Machine) do(e Effect) { m.effects = append(m.effects, e) }

func (m *Machine) setTimer(t Timer, d time.Duration) {
	m.do(Effect{Kind: EffectSetTimer, Timer: t, Delay: d})
}

func (m *Machine) stopTimer(t Timer) { m.do(Effect{Kind: EffectStopTimer, Timer: t}) }

func (m *Machine) reply(outcomes []Outcome) {
	if len(outcomes) > 0 {
		m.do(Effect{Kind: EffectReply, Outcomes: outcomes})
	}
}

package protocol

// This file is the part of the state machine that handles Pings and Pongs: those of the user,
// and those that find out whether the server is still there (RFC 6455 §5.5.2, §5.5.3).

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// liveness is its part of a Machine.
type liveness struct {
	pings     []openPing
	nextPing  uint64
	lastRTT   time.Duration
	smoothRTT time.Duration

	awaiting bool      // a keepalive Ping is open
	then     Traffic   // when it was sent
	due      time.Time // when its Pong is
	probeNo  uint64    // its number among the control frames
	misses   int
	excused  int // judgements put off since the last sign of life
}

// maxOpenPings bounds how many Pings may wait for their Pong.
const maxOpenPings = 256

// openPing is a Ping that waits for its Pong.
type openPing struct {
	data   []byte
	at     time.Time
	waiter any // gets an EffectPong; nil if nobody waits
}

// Traffic is what the reader has seen, for the judgement on liveness.
type Traffic struct {
	Reads     uint64 // reads that brought something
	Throttled bool   // reading has stopped because our side handles too slowly
	Throttles uint64 // how often that was so
}

// pong settles the Ping with this data and the ones before it, which a server
// need not answer (§5.5.3), and returns the round-trip time of the former.
func (m *Machine) pong(data []byte) (rtt time.Duration) {
	for i := len(m.pings) - 1; i >= 0; i-- {
		if !bytes.Equal(m.pings[i].data, data) {
			continue
		}
		rtt = m.now.Sub(m.pings[i].at)
		m.lastRTT = rtt
		if m.smoothRTT == 0 {
			m.smoothRTT = rtt
		}
		m.smoothRTT += (rtt - m.smoothRTT) / 8 // RFC 6298 §2
		// Shown before those who wait for the Pong continue and look.
		m.do(Effect{Kind: EffectMeasured, RTT: m.lastRTT, Smoothed: m.smoothRTT})
		for _, p := range m.pings[:i+1] {
			if p.waiter != nil {
				m.do(Effect{Kind: EffectPong, Waiter: p.waiter, RTT: m.now.Sub(p.at)})
			}
		}
		m.pings = append(m.pings[:0], m.pings[i+1:]...)
		m.live()
		return rtt
	}
	return 0
}

// live records that the server has shown life.
func (m *Machine) live() {
	m.misses, m.excused = 0, 0
	if m.awaiting {
		m.awaiting = false
		m.stopTimer(TimerPong)
		m.setTimer(TimerPing, m.cfg.PingInterval)
	}
}

// stopKeepalive ends the watch over the server; nothing sets its timers again.
func (m *Machine) stopKeepalive() {
	m.stopTimer(TimerPing)
	m.stopTimer(TimerPong)
	m.awaiting = false
}

// giveUpPings tells those who wait for a Pong that the connection has ended.
func (m *Machine) giveUpPings(err *messages.CloseError) {
	for _, p := range m.pings {
		if p.waiter != nil {
			m.do(Effect{Kind: EffectPong, Waiter: p.waiter, Err: err})
		}
	}
	m.pings = nil
}

// Ping sends a Ping of the user. Errors: those of Outbound.Ping.
func (m *Machine) Ping(data []byte, reply Reply, now time.Time) error {
	if err := m.out.Ping(data, reply); err != nil {
		return err
	}
	m.remember(openPing{bytes.Clone(data), now, nil})
	return nil
}

// Measure sends a Ping for whoever waits for its Pong: unless it returns an error an
// EffectPong with this waiter follows. Errors: messages.ErrQueueFull, ErrClosed.
func (m *Machine) Measure(waiter any, now time.Time) error {
	if len(m.pings) >= maxOpenPings {
		return fmt.Errorf("ping: %w: %d pings wait for their pong", messages.ErrQueueFull, len(m.pings))
	}
	data := m.pingData()
	if err := m.out.Ping(data, Reply{}); err != nil {
		return err
	}
	m.remember(openPing{data, now, waiter})
	return nil
}

// remember records a Ping that was sent. If too many are open the oldest that nobody waits
// for is forgotten; the new one, if somebody waits for each of them.
func (m *Machine) remember(p openPing) {
	if len(m.pings) >= maxOpenPings {
		i := slices.IndexFunc(m.pings, func(p openPing) bool { return p.waiter == nil })
		if i < 0 {
			return
		}
		m.pings = slices.Delete(m.pings, i, i+1)
	}
	m.pings = append(m.pings, p)
}

// pingData is different for every Ping, so that a Pong can be matched (§5.5.3).
func (m *Machine) pingData() []byte {
	m.nextPing++
	return binary.BigEndian.AppendUint64(nil, m.nextPing)
}

// probe sends a keepalive Ping.
func (m *Machine) probe(t Traffic) {
	data := m.pingData()
	if m.out.Ping(data, Reply{}) == nil {
		m.remember(openPing{data, m.now, nil})
	}
	// With a full queue no Ping is sent; Traffic is awaited all the same.
	m.probeNo, _ = m.out.controls()
	m.awaiting = true
	m.awaitPong(t)
}

// awaitPong gives the Pong, or other Traffic, PongTimeout from now.
func (m *Machine) awaitPong(t Traffic) {
	m.then, m.due = t, m.now.Add(m.cfg.PongTimeout)
	m.setTimer(TimerPong, m.cfg.PongTimeout)
}

// pongOverdue judges whose fault it is that no Pong came.
func (m *Machine) pongOverdue(t Traffic) {
	if !m.awaiting {
		return
	}
	// The Pong may have come without our reading it: we had stopped reading, or did not get
	// to run, for example because the machine was asleep.
	ownFault := t.Throttled || t.Throttles != m.then.Throttles || m.now.Sub(m.due) > m.cfg.PongTimeout/4
	switch {
	case t.Reads != m.then.Reads:
		m.live() // traffic is life
	case ownFault:
		m.excused++
		m.awaitPong(t)
	default:
		m.misses++
		if m.misses > m.cfg.PingMisses {
			m.fail(wire.StatusInternalError, m.livenessError(), deadDrainTimeout)
			return
		}
		m.probe(t)
	}
}

func (m *Machine) livenessError() error {
	_, written := m.out.controls()
	_, queued := m.out.Queued()
	return &messages.LivenessError{
		Silence:   time.Duration(m.misses) * m.cfg.PongTimeout,
		Pings:     m.misses,
		Unwritten: written < m.probeNo,
		Queued:    queued,
		Excused:   m.excused,
	}
}

package protocol

// This file is the state machine of RFC 6455 §5.5 and §7 for one connection, from the
// moment it is open: which states there are, and what each input does in each of them.
//
//	          Close sent or received,
//	          violation, failed write              the end, or a timer
//	OPEN ───────────────────────────────▶ CLOSING ─────────────────────▶ CLOSED
//	  └─────────────────── end of stream, abort ─────────────────────────▶
//
// Where the closing handshake stands is described by what has come in, what has gone out,
// and whether the connection is being failed:
//
//	received  Data         messages; only this is listened to
//	          Close        the server's Close: nothing after it is looked at (§5.5.1)
//	          End          the end of the stream without a Close
//	          CloseAndEnd  both
//	sent      Data         messages
//	          Queued       our Close waits for the writer, or is being written
//	          Close        our Close; only Pongs may follow (§5.5.1, §5.5.2)
//	          CloseAndEnd  and the end of our side, or a write after the Close has failed
//	          Broken       a write has failed before our Close was written
//	failing   our Close goes before everything else, nothing that comes is listened to, and
//	          our side of the stream ends after the Close (§7.1.7)
//
// In OPEN both are Data. CLOSING ends as soon as the server has ended the stream and our
// Close no longer waits; the server ends the stream first (§7.1.1). Two timers bound it:
//
//	timer  set                                      when it fires
//	Close  when our Close is queued, and again      the connection ends
//	       when the server's has come
//	Drain  when the connection is failed, or a      the connection ends
//	       write has failed
//	       when the server's Close has come, for    senders are told that what is being
//	       as long as ours is queued                written is unconfirmed
//
// An end is clean if both Close frames were exchanged: received Close or CloseAndEnd, sent
// the same (§7.1.4). Its code is that of the server's Close, or else 1006 (§7.1.5).
//
// The words, here and in the Outbound:
//
//	close    the closing handshake: a Close after what was accepted (§7.1.2)
//	fail     the Close before everything; see failing (§7.1.7)
//	abort    end without a Close
//	end      enter CLOSED: the stream is dropped, nothing follows
//	refuse   not accept something; its sender gets the error
//	give up  not write what was accepted; its sender gets the error
//	discard  read on without looking, so that the server can end the stream

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// received is what has come from the server.
type received uint8

const (
	receivedData received = iota
	receivedClose
	receivedEnd
	receivedCloseAndEnd
)

func (r received) close() bool { return r == receivedClose || r == receivedCloseAndEnd }
func (r received) end() bool   { return r == receivedEnd || r == receivedCloseAndEnd }

// sent is what has gone out.
type sent uint8

const (
	sentData sent = iota
	sentQueued
	sentClose
	sentCloseAndEnd
	sentBroken
)

func (s sent) close() bool { return s == sentClose || s == sentCloseAndEnd }

// Config configures a Machine.
type Config struct {
	Shown        *atomic.Uint32 // where the state is seen from outside; nil: nowhere
	Epoch        uint64
	Server       string // for errors
	CloseTimeout time.Duration
	PingInterval time.Duration // 0: no keepalive
	PongTimeout  time.Duration
	PingMisses   int
	FirstPing    uint64 // the data of the first Ping; any number
}

// Machine is the protocol of one connection. It is not safe for concurrent use.
type Machine struct {
	cfg     Config
	out     *Outbound
	effects []Effect

	state  messages.State
	now    time.Time // of the input that is being handled
	opened time.Time

	received   received
	code       wire.StatusCode // of the server's Close
	reason     string
	sent       sent
	sentCode   wire.StatusCode // of ours
	sentReason string
	failing    bool
	by         messages.Side
	cause      error

	alive bool   // a message or a Pong was received
	data  uint64 // messages, or parts of them, that were received
	liveness
}

// New returns the machine of a connection that has just opened, at now.
func New(cfg Config, out *Outbound, now time.Time) *Machine {
	m := &Machine{cfg: cfg, out: out, state: messages.StateOpen, opened: now}
	m.nextPing = cfg.FirstPing
	if cfg.PingInterval > 0 {
		m.setTimer(TimerPing, cfg.PingInterval)
	}
	return m
}

// State returns OPEN, CLOSING or CLOSED.
func (m *Machine) State() messages.State { return m.state }

// Data returns how many messages, or parts of them, were received.
func (m *Machine) Data() uint64 { return m.data }

// Step handles an input at the time now, which may be zero for a Read without control
// frames in OPEN. The effects have to be carried out before the next input.
func (m *Machine) Step(in Input, now time.Time) {
	m.now = now
	m.noticeClose()
	switch m.state {
	case messages.StateOpen:
		m.stepOpen(in)
	case messages.StateClosing:
		m.stepClosing(in)
	case messages.StateClosed:
		m.stepClosed(in)
	}
}

func (m *Machine) stepOpen(in Input) {
	switch in := in.(type) {
	case *Read:
		m.read(in)
	case Violation:
		m.fail(in.code(), in.Err, drainTimeout)
	case EndOfStream: // §7.2.1; by neither side
		m.blame(lostReading(in.Err))
		m.received = receivedEnd
		m.end()
	case Close:
		m.close(in)
	case Fail:
		if in.Code == 0 {
			m.by = messages.Local
			m.abort(in.cause())
		} else {
			m.fail(in.code(), in.cause(), drainTimeout)
		}
	case WriteFailed:
		m.beginClosing(messages.Neither, wire.StatusAbnormal, "")
		m.writeFailed(in.Err)
	case TimedOut:
		switch in.Timer {
		case TimerPing:
			m.probe(in.Traffic)
		case TimerPong:
			m.pongOverdue(in.Traffic)
		}
	}
}

func (m *Machine) stepClosing(in Input) {
	listens := m.received == receivedData && !m.failing // §5.5.1, §7.1.7
	switch in := in.(type) {
	case *Read:
		if listens {
			m.read(in)
		} else {
			m.ignore(in)
		}
	case Violation:
		if listens {
			m.fail(in.code(), in.Err, drainTimeout)
		}
	case EndOfStream:
		if m.received.close() {
			m.received = receivedCloseAndEnd
		} else {
			m.received = receivedEnd
			m.blame(lostReading(in.Err))
		}
		m.endIfDone()
	case Close:
		m.refuse(in.Reply, ErrClosing)
	case Fail:
		if in.Code == 0 {
			m.abort(in.cause())
		} else if !m.failing && !m.received.close() {
			m.fail(in.code(), in.cause(), drainTimeout)
		}
	case CloseWritten: // noticed by noticeClose
	case WriteEnded:
		m.writeEnded(in.Whole)
	case WriteFailed:
		m.writeFailed(in.Err)
	case TimedOut:
		switch in.Timer {
		case TimerClose:
			m.closeOverdue()
		case TimerDrain:
			m.drained()
		}
	}
}

func (m *Machine) stepClosed(in Input) {
	switch in := in.(type) {
	case *Read:
		m.ignore(in)
	case Close:
		m.refuse(in.Reply, ErrClosing)
	}
}

// enter is the only way into a state. Each is one event.
func (m *Machine) enter(state messages.State, event any) {
	m.show(state)
	m.do(Effect{Kind: EffectEmit, Event: event})
}

// show lets others see the state, before anything that follows from it is on the wire.
func (m *Machine) show(state messages.State) {
	m.state = state
	if m.cfg.Shown != nil {
		m.cfg.Shown.Store(uint32(state))
	}
}

// beginClosing is the only way to CLOSING.
func (m *Machine) beginClosing(by messages.Side, code wire.StatusCode, reason string) {
	m.by = by
	m.stopKeepalive()
	m.enter(messages.StateClosing, &messages.Closing{Epoch: m.cfg.Epoch, By: by, Code: code, Reason: reason})
}

// endIfDone ends the connection if nothing is left to wait for.
func (m *Machine) endIfDone() {
	if m.received.end() && m.sent != sentQueued {
		m.end()
	}
}

// end is the only way to CLOSED.
func (m *Machine) end() {
	err := m.closeError()
	err.Uptime = m.now.Sub(m.opened)
	err.Clean = m.received.close() && m.sent.close() // §7.1.4
	if err.Clean {
		err.Cause = nil
	} else if err.Cause == nil { // the server's Close came, but ours did not go out
		err.Cause = fmt.Errorf("%w: our Close was not written", messages.ErrCloseTimeout)
	}
	for timer := range Timers {
		m.stopTimer(timer)
	}
	m.do(Effect{Kind: EffectCloseStream, Reset: m.out.unwritten()})
	m.reply(m.out.giveUp(err))
	m.giveUpPings(err)
	m.enter(messages.StateClosed, &messages.Closed{Epoch: m.cfg.Epoch, Err: err, Unsent: m.out.GivenUp()})
	m.do(Effect{Kind: EffectEnd, Err: err, Alive: m.alive})
}

// closeError returns how the connection ends, as far as that is known.
func (m *Machine) closeError() *messages.CloseError {
	err := &messages.CloseError{
		Code:       wire.StatusAbnormal, // §7.1.5
		By:         m.by,
		SentCode:   m.sentCode,
		SentReason: m.sentReason,
		Cause:      m.cause,
		Server:     m.cfg.Server,
	}
	if m.received.close() {
		err.Code, err.Reason = m.code, m.reason
	}
	return err
}

package protocol

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// This file is the state machine of RFC 6455 §5.5 and §7 for one connection, from
// the moment it is open. It is driven by typed inputs (the methods Received, Wrote,
// TimedOut and the commands) and answers with effects, which its caller carries out.
//
//	          Close by user ┌─────────────────┐ Close from server
//	OPEN ──────────────────▶│ CLOSING         │──────────────────▶ CLOSED
//	  │  Close from server  │  awaits Close,  │ end of stream,
//	  ├────────────────────▶│  end of stream  │ or time is up
//	  │  violation, failure │  or both        │
//	  ├────────────────────▶│                 │
//	  │                     └─────────────────┘
//	  └─ end of stream ──────────────────────────────────────────▶ CLOSED

// drainTimeout bounds how long a failed connection waits for its Close frame to
// be written and for the server to end the stream (RFC 6455 §7.1.7).
const drainTimeout = 500 * time.Millisecond

// deadDrainTimeout is the same for a server that has shown no life: there is
// nobody to wait for, but the Close may still go out.
const deadDrainTimeout = 50 * time.Millisecond

// Timer names one of the timers that the machine asks for.
type Timer uint8

const (
	TimerClose Timer = iota // the server's Close, then its end of the stream
	TimerDrain              // a failed connection gets rid of its last bytes
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

// Effect is one thing that the machine wants done. Only the fields of its kind are set.
type Effect struct {
	Kind     EffectKind
	Event    any                  // EffectEmit: a pointer to a struct of package messages
	Outcomes []Outcome            // EffectReply
	Timer    Timer                // EffectSetTimer, EffectStopTimer
	Delay    time.Duration        // EffectSetTimer
	Waiter   any                  // EffectPong: what Measure was given
	RTT      time.Duration        // EffectPong, EffectMeasured
	Smoothed time.Duration        // EffectMeasured: the average by RFC 6298
	Reset    bool                 // EffectCloseStream: without waiting for what is not written
	Err      *messages.CloseError // EffectEnd; EffectPong: the Pong did not come before this
	Alive    bool                 // EffectEnd: a message or a Pong was received
}

// EffectKind says what is to be done.
type EffectKind uint8

const (
	EffectDeliver  EffectKind = iota + 1 // give what is left of a Read to the user
	EffectEmit                           // give an event to the user
	EffectReply                          // answer senders
	EffectMeasured                       // there is a new round-trip time
	EffectPong                           // answer whoever waits for a Pong
	EffectSetTimer                       // (again)
	EffectStopTimer
	EffectUnthrottle  // the reader goes on without credit
	EffectDiscard     // the reader throws away what comes
	EffectHalfClose   // the writer ends its side when it has nothing left
	EffectCloseStream // drop the stream
	EffectEnd         // tell the owner; nothing follows
)

// Config is what a Machine is made of.
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

// Read is what one read brought, without what is behind the items.
type Read struct {
	// Items are messages and control frames in the order in which they arrived. The
	// machine leaves those that are for the user.
	Items []wire.Item
	// RTTs gets one entry for each Pong that is left in Items: the round-trip time, 0
	// if nobody asked for it.
	RTTs []time.Duration
	// Control says that there are control frames among Items.
	Control bool
}

// Written is what the writer reports.
type Written struct {
	Err   error // the write that failed; nil: the Close was written
	Ended bool  // the write side was ended, too …
	Whole bool  // … or would have been if the stream could do that
}

// Machine is the protocol of one connection. It is not safe for concurrent use.
type Machine struct {
	cfg     Config
	out     *Outbound
	effects []Effect

	state  messages.State
	opened time.Time
	by     messages.Side

	closeReceived bool
	code          wire.StatusCode // of the server's Close
	reason        string
	closeSent     bool // queued at least
	sentCode      wire.StatusCode
	sentReason    string

	failing    bool // nothing more from the server is processed (§7.1.7)
	cause      error
	readEnded  bool
	writeEnded bool

	alive     bool
	data      uint64 // messages, or parts of them, that were received
	pings     []openPing
	nextPing  uint64
	awaiting  bool      // a keepalive Ping is open
	then      Traffic   // when it was sent
	due       time.Time // when its Pong is
	probeNo   uint64    // its number among the control frames
	misses    int
	excused   int // judgements put off since the last sign of life
	lastRTT   time.Duration
	smoothRTT time.Duration
}

// New returns the machine of a connection that is open since now.
func New(cfg Config, out *Outbound, now time.Time) *Machine {
	m := &Machine{cfg: cfg, out: out, state: messages.StateOpen, opened: now, nextPing: cfg.FirstPing}
	if cfg.PingInterval > 0 {
		m.setTimer(TimerPing, cfg.PingInterval)
	}
	return m
}

// State is OPEN, CLOSING or CLOSED.
func (m *Machine) State() messages.State { return m.state }

// Data is how many messages, or parts of them, were received.
func (m *Machine) Data() uint64 { return m.data }

// Effects returns the effects since the last call, in order. They are valid until the next input.
func (m *Machine) Effects() []Effect {
	fx := m.effects
	m.effects = m.effects[:0]
	return fx
}

func (m *Machine) do(e Effect)    { m.effects = append(m.effects, e) }
func (m *Machine) emit(event any) { m.do(Effect{Kind: EffectEmit, Event: event}) }
func (m *Machine) setTimer(kind Timer, d time.Duration) {
	m.do(Effect{Kind: EffectSetTimer, Timer: kind, Delay: d})
}
func (m *Machine) stopTimer(kind Timer) { m.do(Effect{Kind: EffectStopTimer, Timer: kind}) }

func (m *Machine) reply(outcomes []Outcome) {
	if len(outcomes) > 0 {
		m.do(Effect{Kind: EffectReply, Outcomes: outcomes})
	}
}

// Received handles what one read brought. now is only looked at with r.Control.
func (m *Machine) Received(r *Read, now time.Time) {
	if !r.Control && m.takesData() { // nearly always
		m.alive = m.alive || len(r.Items) > 0
		m.data += uint64(len(r.Items))
		m.do(Effect{Kind: EffectDeliver})
		return
	}
	delivered := false
	keep := 0
	for i := range r.Items {
		if !m.takesData() {
			break // §5.5.1, §7.1.7: nothing after a Close or a failure is processed
		}
		item := &r.Items[i]
		switch item.Opcode {
		case wire.OpPing:
			m.out.answerPing(item.Payload) // §5.5.2
		case wire.OpPong:
			m.alive = true
			r.RTTs = append(r.RTTs, m.pong(item.Payload, now))
		case wire.OpClose:
			// What it sets off comes behind the items before it.
			m.do(Effect{Kind: EffectDeliver})
			delivered = true
			m.remoteClose(item)
			continue // the events are Closing and Closed
		default:
			m.alive = true
			m.data++
		}
		r.Items[keep] = *item
		keep++
	}
	clear(r.Items[keep:])
	r.Items = r.Items[:keep]
	if !delivered {
		m.do(Effect{Kind: EffectDeliver})
	}
}

// takesData says whether what the server sends is still looked at.
func (m *Machine) takesData() bool {
	return !m.closeReceived && !m.failing && m.state != messages.StateClosed
}

// ReadEnded handles a violation or the end of the stream behind a batch.
func (m *Machine) ReadEnded(violation, end error, now time.Time) {
	if violation != nil && m.takesData() {
		m.violation(violation)
	}
	if end != nil {
		m.readEnded = true
		m.streamEnded(end, now)
	}
}

func (m *Machine) streamEnded(end error, now time.Time) {
	switch m.state {
	case messages.StateOpen: // §7.2.1
		m.by = messages.Neither
		m.cause = lost(end)
		m.finish(now)
	case messages.StateClosing:
		if m.cause == nil && !m.closeReceived {
			m.cause = lost(end)
		}
		m.tryFinish(now)
	}
}

// lost names the end of a stream without a Close.
func lost(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("server ended the stream without a Close frame: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("connection lost: %w", err)
}

// writeFailure names the end of a stream that was found by writing.
func writeFailure(err error) error { return fmt.Errorf("connection lost: %w", err) }

// remoteClose handles the server's Close frame.
func (m *Machine) remoteClose(item *wire.Item) {
	m.closeReceived = true
	m.code, m.reason = item.Code, item.Reason()
	m.do(Effect{Kind: EffectDiscard})
	if m.state == messages.StateOpen {
		m.by = messages.Remote
		m.enterClosing(m.code, m.reason)
	}
	// §5.5.1: answered with the same status, unless ours is under way. Ours then
	// goes out at once: the server will read no data behind its Close.
	if !m.writeEnded {
		echo := m.code
		if echo == wire.StatusNoStatus {
			echo = 0
		}
		m.sendCloseNow(echo, "")
	}
	// §7.1.1: the server closes TCP first; it has closeTimeout for that. Who waits
	// for a frame that is being written meanwhile is told sooner.
	m.setTimer(TimerClose, m.cfg.CloseTimeout)
	if !m.out.CloseWritten() {
		m.setTimer(TimerDrain, drainTimeout)
	}
}

// violation fails the connection because the server broke the protocol or a limit.
func (m *Machine) violation(err error) {
	code := wire.StatusProtocolError
	var coded interface{ CloseCode() wire.StatusCode }
	if errors.As(err, &coded) {
		code = coded.CloseCode()
	}
	m.fail(code, err, drainTimeout)
}

// Fail fails the connection for a fault of this side.
func (m *Machine) Fail(code wire.StatusCode, cause error) { m.fail(code, cause, drainTimeout) }

// fail fails the connection (§7.1.7): a Close is tried, nothing more is processed.
// drain is how long the end may take.
func (m *Machine) fail(code wire.StatusCode, cause error, drain time.Duration) {
	m.failing = true
	if m.cause == nil {
		m.cause = cause
	}
	if m.state == messages.StateOpen {
		m.by = messages.Local
		m.enterClosing(code, "")
	}
	m.do(Effect{Kind: EffectDiscard})
	m.stopTimer(TimerClose)
	m.setTimer(TimerDrain, drain)
	closed := m.out.CloseWritten()
	m.sendCloseNow(code, "")
	if closed { // else the writer tells when it has written the Close
		m.do(Effect{Kind: EffectHalfClose})
	}
}

// sendCloseNow queues a Close before everything else and gives that up.
func (m *Machine) sendCloseNow(code wire.StatusCode, reason string) {
	payload, err := wire.AppendClosePayload(nil, code, reason)
	if err != nil { // a code that was received and may not be sent: cannot happen, it was a violation
		payload, code = nil, 0
	}
	if !m.closeSent {
		m.closeSent = true
		m.sentCode, m.sentReason = code, reason
		if code == 0 {
			m.sentCode = wire.StatusNoStatus
		}
	}
	m.reply(m.out.closeNow(payload, m.closeError()))
}

// errClosing is what sends fail with between our Close and the server's.
var errClosing = fmt.Errorf("%w: it is closing and takes no more messages", messages.ErrClosed)

// show sets the state, for others to see before anything that follows from it is
// on the wire.
func (m *Machine) show(state messages.State) {
	m.state = state
	if m.cfg.Shown != nil {
		m.cfg.Shown.Store(uint32(state))
	}
}

// enterClosing is the only way to CLOSING.
func (m *Machine) enterClosing(code wire.StatusCode, reason string) {
	m.show(messages.StateClosing)
	m.stopTimer(TimerPing)
	m.stopTimer(TimerPong)
	m.awaiting = false
	m.emit(&messages.Closing{Epoch: m.cfg.Epoch, By: m.by, Code: code, Reason: reason})
}

// Close handles the user's wish to close (§7.1.2).
func (m *Machine) Close(cmd *messages.Close, reply Reply) {
	refuse := func(err error) { m.reply([]Outcome{{reply, err}}) }
	if m.state != messages.StateOpen {
		refuse(errClosing)
		return
	}
	payload, err := closePayload(cmd.Code, cmd.Reason)
	if err != nil {
		refuse(err)
		return
	}
	m.by = messages.Local
	m.closeSent = true
	m.sentCode, m.sentReason = cmd.Code, cmd.Reason
	if cmd.Code == 0 {
		m.sentCode = wire.StatusNoStatus
	}
	m.enterClosing(m.sentCode, cmd.Reason)
	m.do(Effect{Kind: EffectUnthrottle})
	m.reply(m.out.close(payload, reply, errClosing))
	m.setTimer(TimerClose, m.cfg.CloseTimeout)
}

// closePayload builds the body of a Close and gives refusals the errors of this library's users.
func closePayload(code wire.StatusCode, reason string) ([]byte, error) {
	payload, err := wire.AppendClosePayload(nil, code, reason)
	switch {
	case err == nil:
		return payload, nil
	case errors.Is(err, wire.ErrCloseCode):
		return nil, fmt.Errorf("close with code %d: %w; use 1000, 1001 or one from 3000 to 4999 (RFC 6455 §7.4)", code, messages.ErrInvalidCloseCode)
	case errors.Is(err, wire.ErrCloseReasonTooLong):
		return nil, fmt.Errorf("close with a reason of %d bytes: %w; at most 123", len(reason), messages.ErrControlTooLong)
	case errors.Is(err, wire.ErrCloseReasonUTF8):
		return nil, fmt.Errorf("close reason: %w", messages.ErrInvalidUTF8)
	}
	return nil, err
}

// CheckClose returns the error with which a Close with this code and reason would be refused.
func CheckClose(code wire.StatusCode, reason string) error {
	_, err := closePayload(code, reason)
	return err
}

// FailConnection handles the order to fail the connection.
func (m *Machine) FailConnection(cmd *messages.FailConnection, now time.Time) {
	if m.state == messages.StateClosed {
		return
	}
	cause := cmd.Cause
	if cause == nil {
		cause = errors.New("failed on demand")
	}
	code := cmd.Code
	if code != 0 && !code.OnWire() {
		code = wire.StatusInternalError
	}
	if code == 0 {
		m.Abort(cause, now)
	} else if !m.failing && !m.closeReceived {
		m.fail(code, cause, drainTimeout)
	}
}

// Abort drops the stream at once.
func (m *Machine) Abort(cause error, now time.Time) {
	if m.cause == nil && !m.closeReceived {
		m.cause = cause
	}
	if m.state == messages.StateOpen {
		m.by = messages.Local
	}
	m.failing = true
	m.finish(now)
}

// Wrote handles the news that the Close was written, the write side was ended or a write failed.
func (m *Machine) Wrote(w Written, now time.Time) {
	if m.state == messages.StateClosed {
		return
	}
	switch {
	case w.Err != nil:
		m.writeFailed(w.Err, now)
	case m.failing && !w.Ended:
		m.do(Effect{Kind: EffectHalfClose})
	case m.failing && w.Whole:
		m.finish(now) // the stream cannot be half-closed
	default:
		if !m.failing && !m.writeEnded {
			m.stopTimer(TimerDrain)
		}
		m.tryFinish(now)
	}
}

// writeFailed waits a little for the reader, which may still find the server's
// Close in front of the end.
func (m *Machine) writeFailed(err error, now time.Time) {
	m.writeEnded = true
	if m.cause == nil && !m.closeReceived {
		m.cause = writeFailure(err)
	}
	if m.state == messages.StateOpen {
		m.by = messages.Neither
		m.enterClosing(wire.StatusAbnormal, "")
	}
	m.reply(m.out.shut(m.closeError()))
	m.do(Effect{Kind: EffectUnthrottle})
	m.setTimer(TimerDrain, drainTimeout)
	m.tryFinish(now)
}

// tryFinish ends the connection if the stream has ended and the Close is not on its way any more.
func (m *Machine) tryFinish(now time.Time) {
	if m.readEnded && (!m.closeSent || m.writeEnded || m.out.CloseWritten()) {
		m.finish(now)
	}
}

// TimedOut handles a timer.
func (m *Machine) TimedOut(kind Timer, t Traffic, now time.Time) {
	if m.state == messages.StateClosed {
		return
	}
	switch kind {
	case TimerClose:
		if !m.closeReceived && m.cause == nil {
			m.cause = fmt.Errorf("%w: no Close from the server within %v", messages.ErrCloseTimeout, m.cfg.CloseTimeout)
		}
		m.finish(now)
	case TimerDrain:
		if m.failing || m.writeEnded {
			m.finish(now)
		} else { // the server has closed and does not read on
			m.reply(m.out.disown(m.closeError()))
		}
	case TimerPing:
		if m.state == messages.StateOpen {
			m.probe(t, now)
		}
	case TimerPong:
		if m.state == messages.StateOpen && m.awaiting {
			m.pongOverdue(t, now)
		}
	}
}

// closeError says how the connection ends, as far as it is known now.
func (m *Machine) closeError() *messages.CloseError {
	e := &messages.CloseError{
		Code:       wire.StatusAbnormal, // §7.1.5
		By:         m.by,
		SentCode:   m.sentCode,
		SentReason: m.sentReason,
		Cause:      m.cause,
		Server:     m.cfg.Server,
	}
	if m.closeReceived {
		e.Code, e.Reason = m.code, m.reason
	}
	return e
}

// finish is the only way to CLOSED.
func (m *Machine) finish(now time.Time) {
	if m.state == messages.StateClosed {
		return
	}
	m.show(messages.StateClosed)
	end := m.closeError()
	end.Uptime = now.Sub(m.opened)
	end.Clean = m.closeReceived && m.out.CloseWritten() // §7.1.4
	if end.Clean {
		end.Cause = nil
	} else if end.Cause == nil { // the server's Close came, but ours did not go out
		end.Cause = fmt.Errorf("%w: our Close was not written", messages.ErrCloseTimeout)
	}
	for kind := range Timers {
		m.stopTimer(kind)
	}
	m.do(Effect{Kind: EffectCloseStream, Reset: m.out.unwritten()})
	m.reply(m.out.shut(end))
	for _, p := range m.pings {
		if p.waiter != nil {
			m.do(Effect{Kind: EffectPong, Waiter: p.waiter, Err: end})
		}
	}
	m.pings = nil
	m.emit(&messages.Closed{Epoch: m.cfg.Epoch, Err: end, Unsent: m.out.GivenUp()})
	m.do(Effect{Kind: EffectEnd, Err: end, Alive: m.alive})
}

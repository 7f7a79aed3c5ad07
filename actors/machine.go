package actors

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// This file is the protocol: the state machine of RFC 6455 §5.5 and §7 for one
// connection, from the moment it is open. It is driven by typed inputs (the
// methods received, written, timedOut and the commands) and answers with effects,
// which the protocol actor carries out. It does no I/O and reads no clock.
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

type timerKind uint8

const (
	timerClose timerKind = iota // the server's Close, then its end of the stream
	timerDrain                  // a failed connection gets rid of its last bytes
	timerPing                   // time for a keepalive Ping
	timerPong                   // its Pong is due
	timerKinds
)

// effect is one thing that the machine wants done. Only the fields of its kind are set.
type effect struct {
	kind     effectKind
	event    any           // effectEmit
	outcomes []outcome     // effectReply
	timer    timerKind     // effectSetTimer, effectStopTimer
	delay    time.Duration // effectSetTimer
	reset    bool          // effectCloseStream: without waiting for what is not written
	ended    *Ended        // effectEnd
}

type effectKind uint8

const (
	effectEmit     effectKind = iota + 1 // give an event to the callback
	effectReply                          // answer senders
	effectSetTimer                       // (again)
	effectStopTimer
	effectUnthrottle  // the reader goes on without credit
	effectDiscard     // the reader throws away what comes
	effectHalfClose   // the writer ends its side when it has nothing left
	effectCloseStream // drop the stream
	effectEnd         // tell the owner; nothing follows
)

type machineConfig struct {
	shown        *atomic.Uint32                     // where the state is seen from outside; nil: nowhere
	measured     func(last, smoothed time.Duration) // shows a round-trip time; nil: nobody looks
	epoch        uint64
	server       string // for errors
	closeTimeout time.Duration
	pingInterval time.Duration // 0: no keepalive
	pongTimeout  time.Duration
	pingMisses   int
	firstPing    uint64 // the data of the first Ping; any number
}

type machine struct {
	machineConfig
	out     *Outbound
	effects []effect

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
	then      traffic   // when it was sent
	due       time.Time // when its Pong is
	probeNo   uint64    // its number among the control frames
	misses    int
	excused   int // judgements put off since the last sign of life
	lastRTT   time.Duration
	smoothRTT time.Duration
}

func newMachine(cfg machineConfig, out *Outbound, now time.Time) *machine {
	m := &machine{machineConfig: cfg, out: out, state: messages.StateOpen, opened: now, nextPing: cfg.firstPing}
	if m.pingInterval > 0 {
		m.setTimer(timerPing, m.pingInterval)
	}
	return m
}

// takeEffects returns the effects since the last call, in order. They are valid until the next input.
func (m *machine) takeEffects() []effect {
	fx := m.effects
	m.effects = m.effects[:0]
	return fx
}

func (m *machine) do(e effect)    { m.effects = append(m.effects, e) }
func (m *machine) emit(event any) { m.do(effect{kind: effectEmit, event: event}) }
func (m *machine) setTimer(kind timerKind, d time.Duration) {
	m.do(effect{kind: effectSetTimer, timer: kind, delay: d})
}
func (m *machine) stopTimer(kind timerKind) { m.do(effect{kind: effectStopTimer, timer: kind}) }

func (m *machine) reply(outcomes []outcome) {
	if len(outcomes) > 0 {
		m.do(effect{kind: effectReply, outcomes: outcomes})
	}
}

// received handles what one read brought. What it leaves in b.Items is for the user.
func (m *machine) received(b *Batch, now time.Time) {
	if !b.control && m.takesData() { // nearly always
		m.alive = m.alive || len(b.Items) > 0
		m.data += uint64(len(b.Items))
		return
	}
	keep := 0
	for i := range b.Items {
		if !m.takesData() {
			break // §5.5.1, §7.1.7: nothing after a Close or a failure is processed
		}
		item := &b.Items[i]
		switch item.Opcode {
		case wire.OpPing:
			m.out.answerPing(item.Payload) // §5.5.2
		case wire.OpPong:
			m.alive = true
			b.RTTs = append(b.RTTs, m.pong(item.Payload, now))
		case wire.OpClose:
			m.remoteClose(item)
			continue // the events are Closing and Closed
		default:
			m.alive = true
			m.data++
		}
		b.Items[keep] = *item
		keep++
	}
	clear(b.Items[keep:])
	b.Items = b.Items[:keep]
}

// takesData says whether what the server sends is still looked at.
func (m *machine) takesData() bool {
	return !m.closeReceived && !m.failing && m.state != messages.StateClosed
}

// receivedEnd handles a violation or the end of the stream behind a batch.
func (m *machine) receivedEnd(violation, end error, now time.Time) {
	if violation != nil && m.takesData() {
		m.violation(violation)
	}
	if end != nil {
		m.readEnded = true
		m.streamEnded(end, now)
	}
}

func (m *machine) streamEnded(end error, now time.Time) {
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
func (m *machine) remoteClose(item *wire.Item) {
	m.closeReceived = true
	m.code, m.reason = item.Code, item.Reason()
	m.do(effect{kind: effectDiscard})
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
	m.setTimer(timerClose, m.closeTimeout)
	if !m.out.wasClosed() {
		m.setTimer(timerDrain, drainTimeout)
	}
}

// violation fails the connection because the server broke the protocol or a limit.
func (m *machine) violation(err error) {
	code := wire.StatusProtocolError
	var coded interface{ CloseCode() wire.StatusCode }
	if errors.As(err, &coded) {
		code = coded.CloseCode()
	}
	m.fail(code, err, drainTimeout)
}

// fail fails the connection (§7.1.7): a Close is tried, nothing more is processed.
// drain is how long the end may take.
func (m *machine) fail(code wire.StatusCode, cause error, drain time.Duration) {
	m.failing = true
	if m.cause == nil {
		m.cause = cause
	}
	if m.state == messages.StateOpen {
		m.by = messages.Local
		m.enterClosing(code, "")
	}
	m.do(effect{kind: effectDiscard})
	m.stopTimer(timerClose)
	m.setTimer(timerDrain, drain)
	closed := m.out.wasClosed()
	m.sendCloseNow(code, "")
	if closed { // else the writer tells when it has written the Close
		m.do(effect{kind: effectHalfClose})
	}
}

// sendCloseNow queues a Close before everything else and gives that up.
func (m *machine) sendCloseNow(code wire.StatusCode, reason string) {
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
func (m *machine) show(state messages.State) {
	m.state = state
	if m.shown != nil {
		m.shown.Store(uint32(state))
	}
}

// enterClosing is the only way to CLOSING.
func (m *machine) enterClosing(code wire.StatusCode, reason string) {
	m.show(messages.StateClosing)
	m.stopTimer(timerPing)
	m.stopTimer(timerPong)
	m.awaiting = false
	m.emit(&messages.Closing{Epoch: m.epoch, By: m.by, Code: code, Reason: reason})
}

// close handles the user's wish to close (§7.1.2).
func (m *machine) close(cmd *messages.Close, reply Reply) {
	refuse := func(err error) { m.reply([]outcome{{reply, err}}) }
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
	m.do(effect{kind: effectUnthrottle})
	m.reply(m.out.close(payload, reply, errClosing))
	m.setTimer(timerClose, m.closeTimeout)
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

// failConnection handles the order to fail the connection.
func (m *machine) failConnection(cmd *messages.FailConnection, now time.Time) {
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
		m.abort(cause, now)
	} else if !m.failing && !m.closeReceived {
		m.fail(code, cause, drainTimeout)
	}
}

// abort drops the stream at once.
func (m *machine) abort(cause error, now time.Time) {
	if m.cause == nil && !m.closeReceived {
		m.cause = cause
	}
	if m.state == messages.StateOpen {
		m.by = messages.Local
	}
	m.failing = true
	m.finish(now)
}

// written handles the news that the Close was written, the write side was ended or a write failed.
func (m *machine) written(w *written, now time.Time) {
	if m.state == messages.StateClosed {
		return
	}
	switch {
	case w.err != nil:
		m.writeFailed(w.err, now)
	case m.failing && !w.ended:
		m.do(effect{kind: effectHalfClose})
	case m.failing && w.whole:
		m.finish(now) // the stream cannot be half-closed
	default:
		if !m.failing && !m.writeEnded {
			m.stopTimer(timerDrain)
		}
		m.tryFinish(now)
	}
}

// writeFailed waits a little for the reader, which may still find the server's
// Close in front of the end.
func (m *machine) writeFailed(err error, now time.Time) {
	m.writeEnded = true
	if m.cause == nil && !m.closeReceived {
		m.cause = writeFailure(err)
	}
	if m.state == messages.StateOpen {
		m.by = messages.Neither
		m.enterClosing(wire.StatusAbnormal, "")
	}
	m.reply(m.out.shut(m.closeError()))
	m.do(effect{kind: effectUnthrottle})
	m.setTimer(timerDrain, drainTimeout)
	m.tryFinish(now)
}

// tryFinish ends the connection if the stream has ended and the Close is not on its way any more.
func (m *machine) tryFinish(now time.Time) {
	if m.readEnded && (!m.closeSent || m.writeEnded || m.out.wasClosed()) {
		m.finish(now)
	}
}

// timedOut handles a timer.
func (m *machine) timedOut(kind timerKind, t traffic, now time.Time) {
	if m.state == messages.StateClosed {
		return
	}
	switch kind {
	case timerClose:
		if !m.closeReceived && m.cause == nil {
			m.cause = fmt.Errorf("%w: no Close from the server within %v", messages.ErrCloseTimeout, m.closeTimeout)
		}
		m.finish(now)
	case timerDrain:
		if m.failing || m.writeEnded {
			m.finish(now)
		} else { // the server has closed and does not read on
			m.reply(m.out.disown(m.closeError()))
		}
	case timerPing:
		if m.state == messages.StateOpen {
			m.probe(t, now)
		}
	case timerPong:
		if m.state == messages.StateOpen && m.awaiting {
			m.pongOverdue(t, now)
		}
	}
}

// closeError says how the connection ends, as far as it is known now.
func (m *machine) closeError() *messages.CloseError {
	e := &messages.CloseError{
		Code:       wire.StatusAbnormal, // §7.1.5
		By:         m.by,
		SentCode:   m.sentCode,
		SentReason: m.sentReason,
		Cause:      m.cause,
		Server:     m.server,
	}
	if m.closeReceived {
		e.Code, e.Reason = m.code, m.reason
	}
	return e
}

// finish is the only way to CLOSED.
func (m *machine) finish(now time.Time) {
	if m.state == messages.StateClosed {
		return
	}
	m.show(messages.StateClosed)
	end := m.closeError()
	end.Uptime = now.Sub(m.opened)
	end.Clean = m.closeReceived && m.out.wasClosed() // §7.1.4
	if end.Clean {
		end.Cause = nil
	} else if end.Cause == nil { // the server's Close came, but ours did not go out
		end.Cause = fmt.Errorf("%w: our Close was not written", messages.ErrCloseTimeout)
	}
	for kind := range timerKinds {
		m.stopTimer(kind)
	}
	m.do(effect{kind: effectCloseStream, reset: m.out.unwritten()})
	m.reply(m.out.shut(end))
	for _, p := range m.pings {
		if p.call != nil {
			p.call.Err <- end
		}
	}
	m.pings = nil
	m.emit(&messages.Closed{Epoch: m.epoch, Err: end, Unsent: m.out.GivenUp()})
	m.do(effect{kind: effectEnd, ended: &Ended{Epoch: m.epoch, Err: end, Alive: m.alive}})
}

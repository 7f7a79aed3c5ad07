package protocol

// This file is the closing handshake: what the inputs that belong to it do.

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// drainTimeout bounds how long a failed connection waits for its Close frame to
// be written and for the server to end the stream (RFC 6455 §7.1.7).
const drainTimeout = 500 * time.Millisecond

// deadDrainTimeout is the same for a server that has shown no life: there is
// nobody to wait for, but the Close may still go out.
const deadDrainTimeout = 50 * time.Millisecond

// ErrClosing is returned for sends between our Close and the server's.
var ErrClosing = fmt.Errorf("%w: it is closing and takes no more messages", messages.ErrClosed)

// close handles the user's wish to close (§7.1.2).
func (m *Machine) close(in Close) {
	payload, err := closePayload(in.Code, in.Reason)
	if err != nil {
		m.refuse(in.Reply, err)
		return
	}
	m.beginClosing(messages.Local, noStatusIfNone(in.Code), in.Reason)
	m.do(Effect{Kind: EffectUnthrottle})
	m.queued(in.Code, in.Reason)
	m.reply(m.out.queueClose(payload, in.Reply, ErrClosing))
	m.setTimer(TimerClose, m.cfg.CloseTimeout)
}

// remoteClose handles the server's Close frame.
func (m *Machine) remoteClose(code wire.StatusCode, reason string) {
	m.received = receivedClose
	m.code, m.reason = code, reason
	m.do(Effect{Kind: EffectDiscard})
	if m.state == messages.StateOpen {
		m.beginClosing(messages.Remote, code, reason)
	}
	// §5.5.1: answered with the same status, unless ours is under way. Ours then
	// goes out at once: the server reads no data after its Close.
	m.closeFirst(code)
	// §7.1.1: the server closes TCP first; it has CloseTimeout for that. A sender
	// whose frame is still being written is told sooner.
	m.setTimer(TimerClose, m.cfg.CloseTimeout)
	if m.sent == sentQueued {
		m.setTimer(TimerDrain, drainTimeout)
	}
}

// fail fails the connection (§7.1.7). drain is how long the end may take.
func (m *Machine) fail(code wire.StatusCode, cause error, drain time.Duration) {
	m.failing = true
	m.blame(cause)
	if m.state == messages.StateOpen {
		m.beginClosing(messages.Local, code, "")
	}
	m.do(Effect{Kind: EffectDiscard})
	m.stopTimer(TimerClose)
	m.setTimer(TimerDrain, drain)
	if m.sent == sentClose {
		m.do(Effect{Kind: EffectHalfClose})
	}
	m.closeFirst(code)
}

// abort ends the connection without a Close.
func (m *Machine) abort(cause error) {
	m.blame(cause)
	m.end()
}

// closeFirst queues a Close before everything else and gives that up. If ours is queued
// already that one goes first; if a write has failed, none goes. A code that cannot be
// sent, such as that of a Close without one, gives a Close without one (§7.1.5).
func (m *Machine) closeFirst(code wire.StatusCode) {
	payload, _ := wire.AppendClosePayload(nil, code, "")
	if m.sent == sentData {
		m.queued(code, "")
	}
	m.reply(m.out.queueCloseFirst(payload, m.closeError()))
	m.noticeClose() // it may have been written on this goroutine
}

// queued notes the Close that is about to be queued.
func (m *Machine) queued(code wire.StatusCode, reason string) {
	m.sent, m.sentCode, m.sentReason = sentQueued, noStatusIfNone(code), reason
}

func noStatusIfNone(code wire.StatusCode) wire.StatusCode {
	if code == 0 {
		return wire.StatusNoStatus
	}
	return code
}

// noticeClose looks whether our Close has been written: the Outbound knows before the writer's
// news arrives.
func (m *Machine) noticeClose() {
	if m.sent != sentQueued || !m.out.CloseWritten() {
		return
	}
	m.sent = sentClose
	if m.failing {
		m.do(Effect{Kind: EffectHalfClose})
	} else {
		m.stopTimer(TimerDrain)
	}
	m.endIfDone()
}

// writeEnded handles the end of our side of the stream. whole says that the stream has
// no sides, so that only dropping it ends ours.
func (m *Machine) writeEnded(whole bool) {
	m.sent = sentCloseAndEnd
	if whole {
		m.end()
	}
}

// writeFailed waits a little for the reader, which may still find the server's
// Close before the end.
func (m *Machine) writeFailed(err error) {
	if m.sent.close() {
		m.sent = sentCloseAndEnd
	} else {
		m.sent = sentBroken
	}
	m.blame(lostWriting(err))
	m.reply(m.out.giveUp(m.closeError()))
	m.do(Effect{Kind: EffectUnthrottle})
	m.setTimer(TimerDrain, drainTimeout)
	m.endIfDone()
}

// closeOverdue ends a closing handshake that takes too long. After the server's Close, what is
// missing is our own, or the end of the stream, which nobody needs.
func (m *Machine) closeOverdue() {
	if !m.received.close() {
		m.blame(fmt.Errorf("%w: no Close from the server within %v", messages.ErrCloseTimeout, m.cfg.CloseTimeout))
	}
	m.end()
}

// drained handles TimerDrain.
func (m *Machine) drained() {
	switch {
	case m.failing, m.sent == sentCloseAndEnd, m.sent == sentBroken:
		m.end()
	case m.sent == sentQueued: // the server has closed and does not read on
		m.reply(m.out.unconfirm(m.closeError()))
	}
}

// blame notes why the connection does not end cleanly, if it does not. The first cause
// counts.
func (m *Machine) blame(cause error) {
	if m.cause == nil {
		m.cause = cause
	}
}

// refuse answers a command that is not accepted.
func (m *Machine) refuse(reply Reply, err error) { m.reply([]Outcome{{reply, err}}) }

// lostReading names the end of a stream without a Close.
func lostReading(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("server ended the stream without a Close frame: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("connection lost: %w", err)
}

// lostWriting names the end of a stream that was found by writing.
func lostWriting(err error) error { return fmt.Errorf("connection lost: %w", err) }

// closePayload builds the payload of a Close; a refusal says what to do.
func closePayload(code wire.StatusCode, reason string) ([]byte, error) {
	payload, err := wire.AppendClosePayload(nil, code, reason)
	switch err {
	case nil:
		return payload, nil
	case messages.ErrInvalidCloseCode:
		return nil, fmt.Errorf("close with code %d: %w; use 1000, 1001 or one from 3000 to 4999 (RFC 6455 §7.4)", code, err)
	case messages.ErrControlTooLong:
		return nil, fmt.Errorf("close with a reason of %d bytes: %w; at most %d", len(reason), err, wire.MaxCloseReason)
	}
	return nil, fmt.Errorf("close reason: %w", err)
}

// CheckClose returns the error with which a Close with this code and reason would be refused.
func CheckClose(code wire.StatusCode, reason string) error {
	_, err := closePayload(code, reason)
	return err
}

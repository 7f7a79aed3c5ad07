package messages

// This file is the errors of the library.

import (
	"errors"
	"fmt"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// The errors of the library, to be compared with errors.Is. Texts that reach a user
// have more detail around them.
var (
	// ErrClosed is returned when the connection is closing or closed, or ended before
	// the message was completely written. Once there is a reason other than our own
	// Close, the error is a *CloseError.
	ErrClosed = errors.New("connection is closed")
	// ErrNotOpen is returned when a managed connection is not open at the moment.
	ErrNotOpen = errors.New("connection is not open")
	// ErrQueueFull is returned when the send queue has reached its limit of messages or
	// bytes: the server takes data more slowly than it is sent. Send again later.
	ErrQueueFull = errors.New("send queue is full")
	// ErrMessageTooBig is the cause when the connection was failed because data from
	// the server exceeded a limit of size or number. The *wire.LimitError in it says
	// which one.
	ErrMessageTooBig = errors.New("message too big")
	// ErrFinalFragmentSent is returned for a fragment of a message that has no open
	// fragments: its final fragment was sent, or its first never was.
	ErrFinalFragmentSent = errors.New("final fragment was already sent")
	// ErrFragmentOrder is returned for a first fragment on a stream whose message is
	// not finished.
	ErrFragmentOrder = errors.New("previous message of this stream is not finished")
	// ErrInvalidUTF8 is returned when a text or a close reason is not valid UTF-8
	// (RFC 6455 §5.6, §5.5.1).
	ErrInvalidUTF8 = wire.ErrInvalidUTF8
	// ErrInvalidKind is returned for a message that is neither KindText nor KindBinary.
	ErrInvalidKind = errors.New("neither text nor binary")
	// ErrPartialMessage is returned when a part of a message, as Options.Streaming of the
	// root package delivers it, is sent as a message.
	ErrPartialMessage = errors.New("a part of a message")
	// ErrControlTooLong is returned for more than 125 bytes in a Ping or Pong, or 123
	// in a close reason (RFC 6455 §5.5).
	ErrControlTooLong = wire.ErrControlTooLong
	// ErrInvalidCloseCode is returned for a code that must not be sent in a Close frame
	// (RFC 6455 §7.4).
	ErrInvalidCloseCode = wire.ErrInvalidCloseCode
	// ErrPongTimeout is the cause when the server did not answer Pings in time. The
	// error is a *LivenessError.
	ErrPongTimeout = errors.New("no pong in time")
	// ErrCloseTimeout is the cause when the server did not answer our Close in time.
	ErrCloseTimeout = errors.New("closing handshake timed out")
	// ErrUnconfirmed is returned when the connection ended while the message was being
	// written, or after it was written but before it was acknowledged: the server may
	// or may not have received it.
	ErrUnconfirmed = errors.New("delivery unknown")
	// ErrDropped is returned when the outbox gave the message up.
	ErrDropped = errors.New("dropped from the outbox")
	// ErrExpired is returned when the message was not sent within its TTL.
	ErrExpired = errors.New("not sent in time")
	// ErrStored is returned when this supervisor did not send the message, but the
	// outbox store has it: the next supervisor will send it.
	ErrStored = errors.New("kept in the outbox store")
	// ErrUnknownCommand is returned for a message that a supervisor does not take.
	// Commands are sent as pointers: &messages.SendText{}.
	ErrUnknownCommand = errors.New("not a command of package messages, or not a pointer to one")
	// ErrStopped is returned when the supervisor has ended.
	ErrStopped = errors.New("client is stopped")
	// ErrPoolSize is returned for a pool size that is negative or too large.
	ErrPoolSize = errors.New("pool size is out of range")
	// ErrNoMember is returned when a pool has no such member, or none that is alive.
	ErrNoMember = errors.New("pool has no such member")
	// ErrNotForPool is returned for a command for which a pool does not choose a
	// member. Send it to the PID of a member (GetMember).
	ErrNotForPool = errors.New("command is for one member, not for a pool")
	// ErrGoexit is the cause when the user's handler ended its goroutine, as t.FailNow
	// does. The connection is failed, whatever the policy for panics is.
	ErrGoexit = errors.New("runtime.Goexit was called")
	// ErrHandlerFailed is the cause when the connection was failed because the user's
	// handler failed.
	ErrHandlerFailed = errors.New("handler failed")
)

// Side says which side acted first.
type Side uint8

const (
	// Neither: the connection was lost.
	Neither Side = iota
	// Local: this program.
	Local
	// Remote: the server.
	Remote
)

// String returns "neither", "local" or "remote".
func (s Side) String() string {
	switch s {
	case Local:
		return "local"
	case Remote:
		return "remote"
	}
	return "neither"
}

// CloseError reports how a connection ended. Every connection that was open ends
// with one, even if it ends cleanly.
type CloseError struct {
	// Code is the status code of the first Close frame that the server sent
	// (RFC 6455 §7.1.5): StatusNoStatus (1005) if the frame had none,
	// StatusAbnormal (1006) if the connection ended without a Close frame.
	Code wire.StatusCode
	// Reason is the text in that frame.
	Reason string
	// By is the side whose Close frame, failure or command came first.
	By Side
	// Clean is set if the closing handshake was complete before the connection
	// ended (§7.1.4).
	Clean bool
	// SentCode and SentReason are those of the Close frame that this side sent;
	// SentCode is 0 if it sent none.
	SentCode   wire.StatusCode
	SentReason string
	// Cause is what failed the connection: a *wire.ProtocolError, an I/O error, a
	// *LivenessError, ErrCloseTimeout or the cause of FailConnection; nil after a
	// clean end.
	Cause error
	// Uptime is how long the connection was open.
	Uptime time.Duration
	// Server is the host of the URL, with the port if the URL has one; "" if unknown.
	Server string
}

// Error describes the end in one line.
func (e *CloseError) Error() string {
	s := "websocket"
	if e.Server != "" {
		s += " to " + e.Server
	}
	s += " closed"
	switch e.By {
	case Local:
		s += " by this side"
	case Remote:
		s += " by the server"
	}
	s += fmt.Sprintf(": code %d (%s)", uint16(e.Code), e.Code)
	if e.Reason != "" {
		s += fmt.Sprintf(", reason %q", e.Reason)
	}
	if e.Clean {
		s += ", clean"
	} else {
		s += ", not clean"
	}
	if e.SentCode != 0 && e.SentCode != e.Code {
		s += fmt.Sprintf(", we sent %d", uint16(e.SentCode))
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *CloseError) Unwrap() error { return e.Cause }

// Is makes errors.Is find ErrClosed, because whatever fails with a CloseError fails
// because the connection is closed, and ErrMessageTooBig if a limit was the cause.
func (e *CloseError) Is(target error) bool {
	var limit *wire.LimitError
	return target == ErrClosed || target == ErrMessageTooBig && errors.As(e.Cause, &limit)
}

// LivenessError reports that the connection was failed because the server showed no
// sign of life. errors.Is finds ErrPongTimeout.
//
// Time in which this side had stopped reading because the handler was behind, or in
// which this process did not run, does not count as silence.
type LivenessError struct {
	// Silence is how long nothing came although Pings asked for it.
	Silence time.Duration
	// Pings is how many Pings in a row were not answered.
	Pings int
	// Unwritten is set if the last Ping had not left this side: the server, or the
	// network on the way to it, accepts no data.
	Unwritten bool
	// Queued is how many bytes of messages were waiting to be written.
	Queued int
	// Excused is how often the deadline was extended because this side was slow.
	Excused int
}

// Error describes the silence in one line.
func (e *LivenessError) Error() string {
	s := fmt.Sprintf("%v: the server was silent for %v, %d pings unanswered", ErrPongTimeout, e.Silence, e.Pings)
	if e.Unwritten {
		s += fmt.Sprintf("; it accepts no data either: the last ping and %d bytes of messages were still unwritten", e.Queued)
	} else {
		s += "; the pings were written and this side was reading"
	}
	if e.Excused > 0 {
		s += fmt.Sprintf("; the deadline had been extended %d times because this side was slow", e.Excused)
	}
	return s
}

// Is makes errors.Is find ErrPongTimeout.
func (e *LivenessError) Is(target error) bool { return target == ErrPongTimeout }

// HandlerTerminatedError reports that the user's actor that received the events has
// terminated.
type HandlerTerminatedError struct {
	PID string
}

// Error names the actor.
func (e *HandlerTerminatedError) Error() string {
	return "callback actor " + e.PID + " has terminated"
}

// ProviderError reports that the Provider of a managed connection gave no request for
// an attempt: it returned an error, took too long or panicked.
type ProviderError struct{ Err error }

// Error names the cause.
func (e *ProviderError) Error() string {
	return "no request for this attempt: provider: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *ProviderError) Unwrap() error { return e.Err }

// SubscribeError reports that Subscribe gave no messages for a new connection: it
// returned an error, or messages that cannot be sent, took too long or panicked.
type SubscribeError struct{ Err error }

// Error names the cause.
func (e *SubscribeError) Error() string {
	return "new connection not used: subscribe: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *SubscribeError) Unwrap() error { return e.Err }

package messages

import (
	"errors"
	"fmt"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// Reasons for which a send is refused or fails. They are found with errors.Is.
var (
	// ErrClosed: the connection is closing or closed, or ended before the
	// message was completely written. As soon as there is a reason other than
	// our own Close the error is a *CloseError.
	ErrClosed = errors.New("connection is closed")
	// ErrNotOpen: a managed connection has no open connection at the moment.
	ErrNotOpen = errors.New("connection is not open")
	// ErrQueueFull: the queue of the writer is at its limit of messages or
	// bytes; the server takes data more slowly than it is sent. Send again later.
	ErrQueueFull = errors.New("send queue is full")
	// ErrMessageTooBig: the connection was failed because what the server sent
	// passed a limit of size or number. The *wire.LimitError in it says which.
	ErrMessageTooBig = errors.New("message is too big")
	// ErrFinalFragmentSent: a fragment was sent for a message that has no open
	// fragments: its final fragment was sent, or its first never was.
	ErrFinalFragmentSent = errors.New("final fragment was already sent")
	// ErrFragmentOrder: a first fragment was sent for a stream whose message is
	// not finished.
	ErrFragmentOrder = errors.New("message of this stream is not finished")
	// ErrInvalidUTF8: a text or a close reason is not valid UTF-8 (RFC 6455 §5.6, §5.5.1).
	ErrInvalidUTF8 = errors.New("not valid UTF-8")
	// ErrInvalidKind: a message is of neither kind, KindText nor KindBinary.
	ErrInvalidKind = errors.New("neither text nor binary")
	// ErrPartialMessage: a part of a message, as it is read with Options.Streaming of the
	// root package, was to be sent as a message.
	ErrPartialMessage = errors.New("a part of a message")
	// ErrControlTooLong: more than 125 bytes in a Ping or Pong, or 123 in a
	// close reason (RFC 6455 §5.5).
	ErrControlTooLong = errors.New("control frame payload is too long")
	// ErrInvalidCloseCode: the code must not be sent in a Close frame (RFC 6455 §7.4).
	ErrInvalidCloseCode = errors.New("close code must not be sent")
	// ErrPongTimeout: the server did not answer Pings in time. The error is a *LivenessError.
	ErrPongTimeout = errors.New("no pong in time")
	// ErrCloseTimeout: the server did not answer our Close in time.
	ErrCloseTimeout = errors.New("closing handshake not completed in time")
	// ErrUnconfirmed: the connection ended when the message was being written, or
	// was written and not acknowledged: whether it has arrived is not known.
	ErrUnconfirmed = errors.New("not known whether it has arrived")
	// ErrDropped: the outbox has given the message up.
	ErrDropped = errors.New("dropped from the outbox")
	// ErrExpired: the message was not sent within its TTL.
	ErrExpired = errors.New("not sent in time")
	// ErrStored: the message was not sent by this supervisor, but is in the store
	// of the outbox: the next one will send it.
	ErrStored = errors.New("kept in the store of the outbox")
	// ErrUnknownCommand: the message is none that a supervisor takes. Commands are
	// sent as pointers: &messages.SendText{}.
	ErrUnknownCommand = errors.New("not a command of package messages, or not a pointer to one")
	// ErrStopped: the supervisor has ended.
	ErrStopped = errors.New("client is stopped")
	// ErrPoolSize: a pool cannot have so many members.
	ErrPoolSize = errors.New("size of the pool is out of range")
	// ErrNoMember: a pool has no such member, or none that lives.
	ErrNoMember = errors.New("pool has no such member")
	// ErrNotForPool: a pool does not choose a member for this command. Send it to
	// the PID of a member (GetMember).
	ErrNotForPool = errors.New("command is for one member, not for a pool")
	// ErrGoexit: the user's handler has ended its goroutine, as t.FailNow does. The
	// connection is failed, whatever the policy for panics is.
	ErrGoexit = errors.New("runtime.Goexit was called")
	// ErrHandlerFailed: the connection was failed because the user's handler failed.
	ErrHandlerFailed = errors.New("handler failed")
)

// Side says who did something first.
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

// CloseError says how a connection ended. Every connection that was open ends
// with one, also a clean end.
type CloseError struct {
	// Code is the status of the first Close frame that the server sent
	// (RFC 6455 §7.1.5): StatusNoStatus (1005) if it had none, StatusAbnormal
	// (1006) if the connection ended without one.
	Code wire.StatusCode
	// Reason is the text of that frame.
	Reason string
	// By is the side whose Close frame, failure or order came first.
	By Side
	// Clean: the closing handshake was complete before the connection ended (§7.1.4).
	Clean bool
	// SentCode and SentReason are of the Close frame that this side sent;
	// SentCode is 0 if none was sent.
	SentCode   wire.StatusCode
	SentReason string
	// Cause is what failed the connection: *wire.ProtocolError, an I/O error,
	// ErrPongTimeout, ErrCloseTimeout, the cause of FailConnection; nil for a
	// clean end.
	Cause error
	// Uptime is how long the connection was open.
	Uptime time.Duration
	// Server is the host of the URL, with its port if that has one; "" if it is not known.
	Server string
}

// Error describes the end in one line.
func (e *CloseError) Error() string {
	s := "websocket"
	if e.Server != "" {
		s += " to " + e.Server
	}
	s += fmt.Sprintf(" closed: code %d (%s)", uint16(e.Code), e.Code)
	if e.Reason != "" {
		s += fmt.Sprintf(", reason %q", e.Reason)
	}
	if e.Clean {
		s += ", clean"
	} else {
		s += ", not clean"
	}
	if e.By != Neither {
		s += ", by " + e.By.String() + " side"
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

// Is makes errors.Is(err, ErrClosed) true: what fails with a CloseError fails
// because the connection is closed. The same goes for ErrMessageTooBig if a limit
// was the cause.
func (e *CloseError) Is(target error) bool {
	var limit *wire.LimitError
	return target == ErrClosed || target == ErrMessageTooBig && errors.As(e.Cause, &limit)
}

// LivenessError says that the connection was failed because no sign of life came
// from the server. errors.Is finds ErrPongTimeout.
//
// Time in which this side had stopped reading, because the handler was behind
// with what had arrived, or in which it did not get to run, is not part of it.
type LivenessError struct {
	// Silence is for how long nothing came although it was asked for.
	Silence time.Duration
	// Pings is how many Pings in a row were not answered.
	Pings int
	// Unwritten: the last Ping had not left this side. The server, or the network
	// on the way to it, takes no data.
	Unwritten bool
	// Queued is how many bytes of messages waited to be written.
	Queued int
	// Excused is how often the judgement was put off because this side was slow.
	Excused int
}

func (e *LivenessError) Error() string {
	s := fmt.Sprintf("%v: the server was silent for %v, %d pings unanswered", ErrPongTimeout, e.Silence, e.Pings)
	if e.Unwritten {
		s += fmt.Sprintf("; it also takes no data: the last ping was still to be written, with %d bytes of messages", e.Queued)
	} else {
		s += "; pings were written and this side was reading"
	}
	if e.Excused > 0 {
		s += fmt.Sprintf("; before, our own handler or process was slow %d times", e.Excused)
	}
	return s
}

// Is makes errors.Is(err, ErrPongTimeout) true.
func (e *LivenessError) Is(target error) bool { return target == ErrPongTimeout }

// HandlerTerminatedError says that the user's actor to which the events went has terminated.
type HandlerTerminatedError struct {
	PID string
}

func (e *HandlerTerminatedError) Error() string {
	return "callback actor " + e.PID + " has terminated"
}

// ProviderError says that the Provider of a managed connection gave no request for an
// attempt: it returned an error, took too long or panicked.
type ProviderError struct{ Err error }

func (e *ProviderError) Error() string {
	return "no request for this attempt: provider: " + e.Err.Error()
}

// Unwrap returns what the Provider returned.
func (e *ProviderError) Unwrap() error { return e.Err }

// SubscribeError says that Subscribe gave no messages for a new connection: it returned
// an error, or messages that cannot be sent, took too long or panicked.
type SubscribeError struct{ Err error }

func (e *SubscribeError) Error() string {
	return "new connection not used: subscribe: " + e.Err.Error()
}

// Unwrap returns what Subscribe returned.
func (e *SubscribeError) Unwrap() error { return e.Err }

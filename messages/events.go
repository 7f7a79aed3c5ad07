package messages

// This file is the events: what a managed connection reports to the user's actor or
// handler, and the answers to send commands.

import (
	"net/http"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// Every event carries the epoch of the network connection it comes from: 1 for the
// first attempt, one more for each further one. Events go to the user's actor
// (supervisor.Config.Target) or to the callbacks of the user's handler, in order.

// Connecting is sent when an attempt to connect begins (state CONNECTING).
type Connecting struct {
	Epoch   uint64
	Attempt int // 1 for the first since the backoff was last reset
	URL     string
}

// Opened is sent when the opening handshake has succeeded and data can be sent (state
// OPEN).
type Opened struct {
	Epoch       uint64
	URL         string
	Subprotocol string      // "" if none was agreed
	Extensions  []string    // as the server listed them, with their parameters
	Header      http.Header // of the server's response
	LocalAddr   string      // "" if the stream has no address
	RemoteAddr  string
}

// TextReceived is a complete text message; Text is valid UTF-8.
type TextReceived struct {
	Epoch uint64
	Text  string
}

// BinaryReceived is a complete binary message.
type BinaryReceived struct {
	Epoch uint64
	Data  []byte
}

// FragmentReceived is a part of a message, delivered as it arrives. With streaming
// receive it replaces TextReceived and BinaryReceived; otherwise it never comes. Where
// the parts begin and end has no meaning (RFC 6455 §5.4); a part of a text may end
// inside a character.
type FragmentReceived struct {
	Epoch uint64
	Kind  Kind
	First bool // this is the first part of a message
	Final bool // this is the last part of a message
	Data  []byte
}

// PingReceived is sent when a Ping has come from the server. The connection has
// already answered it.
type PingReceived struct {
	Epoch uint64
	Data  []byte
}

// PongReceived is sent when a Pong has come from the server.
type PongReceived struct {
	Epoch uint64
	Data  []byte
	// RTT is the time since the Ping with the same data was handed to the writer, 0
	// if no such Ping is open (RFC 6455 §5.5.3: the Pong is unsolicited).
	RTT time.Duration
}

// Closing is sent when the connection stops taking data messages (state CLOSING),
// because a Close frame was sent or received or because the connection is being
// failed.
type Closing struct {
	Epoch  uint64
	By     Side
	Code   wire.StatusCode // of the first Close frame, wire.StatusNoStatus if it has none
	Reason string
}

// Closed is sent when the network connection has ended (state CLOSED). It is the last
// event of its epoch. An attempt that never opened has no Closed event.
type Closed struct {
	Epoch uint64
	Err   *CloseError // never nil; Err.Clean is set after a complete closing handshake
	// Unsent is how many messages were accepted for sending and not completely
	// written. Their senders, if they have one, got SendFailed.
	Unsent int
	// Discarded is how many data messages arrived in state CLOSING while the receive
	// window was full.
	Discarded int
}

// HandlerFailed is sent when the user's handler panicked, or when the user's actor that
// got the events has terminated.
type HandlerFailed struct {
	Epoch uint64
	Value any    // the argument of panic; a *HandlerTerminatedError for an actor
	Stack []byte // of the panic; nil for an actor
}

// HandlerBehind is sent when nothing was read from the network for
// supervisor.Config.BehindAfter, because the handler is behind by the whole receive
// window; TCP now holds the server back. The handler gets this event after everything
// that it has not handled yet. To know at once, use the warning in the Logger, an
// Observer, or Status.
//
// At most one such event comes in BehindAfter. HandlerCaughtUp follows each, unless the
// connection is closed or lost before.
type HandlerBehind struct {
	Epoch     uint64
	Since     time.Time // when reading stopped
	Unhandled int       // bytes of the receive window in use
}

// HandlerCaughtUp is sent when reading continues after a HandlerBehind, because half of
// the receive window is free again.
type HandlerCaughtUp struct {
	Epoch   uint64
	Stopped time.Duration // how long nothing was read
}

// ReconnectScheduled is sent when the supervisor is going to connect again (state
// WAITING).
type ReconnectScheduled struct {
	Epoch   uint64        // the epoch that ended
	Attempt int           // the number of the next attempt
	Delay   time.Duration // until that attempt
	Cause   error         // *CloseError, *handshake.Error …
	Reason  string        // the verdict's, e.g. "connection lost"
}

// OutboxDropped is sent when the outbox gives up a message, because it is full or
// because the message has expired; its sender, if it has asked for an answer, gets
// SendFailed as well. A message that fails for another reason is an event only if nobody
// has asked for an answer.
type OutboxDropped struct {
	Epoch uint64 // of the current or last connection
	Ref   uint64 // of the send command
	ID    string // of the message
	Kind  Kind
	Size  int           // of the payload, in bytes
	Held  time.Duration // since the message was accepted
	// Reason is ErrQueueFull or ErrExpired; if nobody has asked for an answer also the
	// error of the store, ErrUnconfirmed or ErrStopped, with more in its text.
	Reason error
}

// OutboxFailed is sent when the store of the outbox has failed. If a message could not
// be stored, its sender gets SendFailed; one that could not be removed may be sent
// again.
type OutboxFailed struct {
	Epoch uint64
	Call  string // "append", "ack" or "replay"
	Err   error
}

// Paused is sent when the supervisor has closed its connection for a Pause (state
// WAITING). It connects again after Resume or Reconnect.
type Paused struct {
	Epoch uint64 // the epoch that ended
	Cause error  // how it ended
}

// GaveUp is sent when the supervisor will not connect again although nobody asked it to
// stop. Stopped follows.
type GaveUp struct {
	Epoch    uint64
	Attempts int    // made since the last stable connection
	Cause    error  // the last failure
	Reason   string // the verdict's, e.g. "HTTP status 404", "5 attempts made"
}

// Stopped is sent when the supervisor has ended (state STOPPED). It is the last event.
type Stopped struct {
	Epoch uint64
	Cause error // nil if the user closed or stopped the connection and it ended cleanly
}

// Sent answers a send command whose last byte was handed to the operating system.
type Sent struct {
	Epoch uint64
	Ref   uint64
}

// SendFailed answers a send command that was refused, or that was accepted but not
// completely written when the connection ended.
type SendFailed struct {
	Epoch uint64 // 0 if there was no connection
	Ref   uint64
	Err   error
}

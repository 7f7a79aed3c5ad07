package messages

import (
	"net/http"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// Every event carries the epoch of the network connection it comes from: 1 for
// the first attempt, one more for each further one. An event of an older epoch
// can still be under way when a newer connection opens.

// Connecting: an attempt to connect begins (state CONNECTING).
type Connecting struct {
	Epoch   uint64
	Attempt int // 1 for the first since the backoff was last reset
	URL     string
}

// Opened: the opening handshake succeeded, data can be sent (state OPEN).
type Opened struct {
	Epoch       uint64
	URL         string
	Subprotocol string      // "" if none was agreed
	Extensions  []string    // as the server listed them, with their parameters
	Header      http.Header // of the server's answer
	LocalAddr   string      // "" if the stream has no address
	RemoteAddr  string
}

// TextReceived is one complete text message; it is valid UTF-8.
type TextReceived struct {
	Epoch uint64
	Text  string
}

// BinaryReceived is one complete binary message.
type BinaryReceived struct {
	Epoch uint64
	Data  []byte
}

// FragmentReceived is a part of a message, delivered as it arrives. It exists
// only where streaming receive was asked for, and then takes the place of
// TextReceived and BinaryReceived. Where the parts begin and end has no meaning
// (RFC 6455 §5.4); a part of a text may end inside a character.
type FragmentReceived struct {
	Epoch uint64
	Kind  Kind
	First bool // the first part of a message
	Final bool // the last part of a message
	Data  []byte
}

// PingReceived: the server sent a Ping. It has been answered already.
type PingReceived struct {
	Epoch uint64
	Data  []byte
}

// PongReceived: the server sent a Pong.
type PongReceived struct {
	Epoch uint64
	Data  []byte
	// RTT is the time since the Ping with the same data was handed to the
	// writer, 0 if no such Ping is open (RFC 6455 §5.5.3: an unsolicited Pong).
	RTT time.Duration
}

// Closing: the connection takes no more data messages (state CLOSING), because
// a Close frame was sent or received or because the connection is being failed.
type Closing struct {
	Epoch  uint64
	By     Side
	Code   wire.StatusCode // of the first Close frame, wire.StatusNoStatus if it had none
	Reason string
}

// Closed: the network connection has ended (state CLOSED). It is the last event
// of its epoch. An attempt that never opened has no Closed event.
type Closed struct {
	Epoch uint64
	Err   *CloseError // never nil; Err.Clean tells a proper end
	// Unsent counts the messages that were accepted for sending and not
	// completely written. Senders that could be answered have got SendFailed.
	Unsent int
	// Discarded counts the data messages that arrived while the connection was
	// CLOSING and found the receive window full.
	Discarded int
}

// HandlerFailed: the user's handler panicked, or the user's actor that was the
// callback has terminated.
type HandlerFailed struct {
	Epoch uint64
	Value any    // what was passed to panic; a *HandlerTerminatedError for an actor
	Stack []byte // of the panic; nil for an actor
}

// HandlerBehind: reading from the network has stopped, and has stood still for
// actors.Settings.BehindAfter, because the handler is behind by the whole receive
// window; TCP now holds the server back. A handler gets this event behind what it
// is behind with. Who needs to know at once, and does not depend on the handler:
// the Logger gets a warning, an Observer sees it, Status has it.
//
// At most one such event comes in BehindAfter, and each is followed by
// HandlerCaughtUp, unless the connection is closed or lost before.
type HandlerBehind struct {
	Epoch     uint64
	Since     time.Time // when reading stopped
	Unhandled int       // bytes of the receive window that are used
}

// HandlerCaughtUp: reading goes on behind a HandlerBehind, because half of the
// receive window is free again.
type HandlerCaughtUp struct {
	Epoch   uint64
	Stopped time.Duration // for how long nothing was read
}

// ReconnectScheduled: the supervisor will connect again (state WAITING).
type ReconnectScheduled struct {
	Epoch   uint64        // the epoch that ended
	Attempt int           // the number the coming attempt will have
	Delay   time.Duration // drawn for this attempt
	Cause   error         // *CloseError, *handshake.Error …
	Reason  string        // what decided it, e.g. "connection lost"
}

// OutboxDropped: the outbox has given up a message, because it was full or
// because the time of the message was over. Its sender is told as well.
type OutboxDropped struct {
	Epoch  uint64 // of the current or last connection
	Ref    uint64 // of the send command
	ID     string // of the message
	Kind   Kind
	Size   int           // of the payload, in bytes
	Held   time.Duration // since it was accepted
	Reason error         // ErrQueueFull or ErrExpired
}

// OutboxFailed: the store of the outbox has failed. Of messages that could not be
// stored the senders are told; one that could not be forgotten may be sent again.
type OutboxFailed struct {
	Epoch uint64
	Call  string // "append", "ack" or "replay"
	Err   error
}

// Paused: the supervisor was told to pause and has no connection any more (state
// WAITING). It connects again after Resume or Reconnect.
type Paused struct {
	Epoch uint64 // the epoch that ended
	Cause error  // how it ended
}

// GaveUp: the supervisor will not connect again although nobody asked it to
// stop. Stopped follows.
type GaveUp struct {
	Epoch    uint64
	Attempts int    // attempts made since the last stable connection
	Cause    error  // the last failure
	Reason   string // what decided it, e.g. "HTTP status 404", "5 attempts made"
}

// Stopped: the supervisor has ended (state STOPPED). It is the last event of all.
type Stopped struct {
	Epoch uint64
	Cause error // nil if the connection was closed or stopped by its user and ended cleanly
}

// Sent answers a send command: the last byte was handed to the operating system.
type Sent struct {
	Epoch uint64
	Ref   uint64
}

// SendFailed answers a send command that was refused, or accepted and not
// completely written when the connection ended.
type SendFailed struct {
	Epoch uint64 // 0 if there was no connection
	Ref   uint64
	Err   error
}

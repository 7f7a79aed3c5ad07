package messages

// This file is the commands: what a user sends to a managed connection.

import (
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// Kind is the kind of a data message (RFC 6455 §5.6).
type Kind uint8

const (
	// KindText is a message of UTF-8 text.
	KindText Kind = iota + 1
	// KindBinary is a message of any bytes.
	KindBinary
)

// String returns "text" or "binary".
func (k Kind) String() string {
	switch k {
	case KindText:
		return "text"
	case KindBinary:
		return "binary"
	}
	return "unknown"
}

// Opcode returns the opcode of the first frame of a message of this kind.
func (k Kind) Opcode() wire.Opcode {
	if k == KindText {
		return wire.OpText
	}
	return wire.OpBinary
}

// The send commands are SendText, SendBinary, SendFragment, Ping and Pong. If a
// command has a sender (an actor that used Request or RequestFuture), the sender gets
// exactly one *Sent or *SendFailed. Ref is for the sender's use and comes back in
// that answer.

// SendText sends a text message in one frame. Text that is not valid UTF-8 is refused
// with ErrInvalidUTF8.
type SendText struct {
	Ref  uint64
	Text string
	Delivery
}

// SendBinary sends a binary message in one frame.
type SendBinary struct {
	Ref  uint64
	Data []byte
	Delivery
}

// SendFragment sends a part of a message in one frame (RFC 6455 §5.4). The first
// part has First set, the last one Final; a message in one part has both.
//
// Stream is the sender's name for the message; if several messages are unfinished at
// once, each needs its own. Fragments of two messages are never interleaved: while a
// message is unfinished, other data messages and the fragments of other streams wait
// for their turn, in order. A fragment after the final one is refused with
// ErrFinalFragmentSent. A text may be cut inside a character, but must be valid UTF-8
// as a whole; the fragment that makes it invalid is refused with ErrInvalidUTF8.
type SendFragment struct {
	Ref    uint64
	Stream uint64
	Kind   Kind // only that of the first fragment counts
	First  bool
	Final  bool
	Data   []byte
}

// Ping sends a Ping with up to 125 bytes of data. When the server answers, the event
// PongReceived has the same data and the round-trip time.
type Ping struct {
	Ref  uint64
	Data []byte
}

// Pong sends an unsolicited Pong with up to 125 bytes of data (RFC 6455 §5.5.3). The
// connection itself answers Pings.
type Pong struct {
	Ref  uint64
	Data []byte
}

// Close starts the closing handshake (RFC 6455 §7.1.2). Messages accepted before it
// are sent first. Code 0 sends a Close without a status. A managed connection does not
// connect again afterwards.
//
// The sender gets *Sent when the Close frame was written, and *SendFailed if the code
// must not be sent (ErrInvalidCloseCode), or if the reason is longer than 123 bytes
// (ErrControlTooLong) or not UTF-8 (ErrInvalidUTF8).
type Close struct {
	Ref    uint64
	Code   wire.StatusCode
	Reason string
}

// FailConnection fails the connection (RFC 6455 §7.1.7): it tries to send a Close with
// Code, does not wait for the server's answer, and queued sends fail. Cause becomes
// the Cause of the CloseError. Code 0 drops the network connection without a Close
// frame.
//
// A managed connection then follows its verdict for Cause. There is no answer to
// FailConnection, Reconnect, Pause and Resume: events show what happens.
type FailConnection struct {
	Code  wire.StatusCode
	Cause error
}

// Reconnect closes the current connection, if there is one, with the code 1001 (going
// away), and connects again at once, without a backoff delay. It ends a pause. It does
// not disturb an attempt that is under way.
type Reconnect struct{}

// Pause closes the connection, if there is one, with the code 1001 (going away), and
// makes no other until Resume or Reconnect. The event Paused follows.
type Pause struct{}

// Resume ends a pause: it connects at once, without a backoff delay.
type Resume struct{}

// Stop closes the connection, if there is one, with the code 1001 (going away), and
// ends the supervisor. The sender gets *Stopped when every event has been handled.
type Stop struct {
	// Flush is how long the supervisor first continues, even through reconnects, to
	// empty its outbox. New messages are refused during that time. 0 means not at all.
	Flush time.Duration
}

// GetStatus asks for a *Status. A pool answers with a *PoolStatus.
type GetStatus struct{}

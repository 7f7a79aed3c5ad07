package messages

import (
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// Kind tells the two kinds of data message apart (RFC 6455 §5.6).
type Kind uint8

const (
	// KindText is UTF-8.
	KindText Kind = iota + 1
	// KindBinary is any bytes.
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

// The send commands. Each is answered to its sender, if it has one (an actor
// that used Request or RequestFuture), with exactly one *Sent or *SendFailed.
// Ref is for the sender's own use and comes back in that answer.

// SendText sends one text message in one frame. Text that is not valid UTF-8
// is refused with ErrInvalidUTF8.
type SendText struct {
	Ref  uint64
	Text string
	Delivery
}

// SendBinary sends one binary message in one frame.
type SendBinary struct {
	Ref  uint64
	Data []byte
	Delivery
}

// SendFragment sends a part of a message as one frame (RFC 6455 §5.4). The
// first part has First set, the last one Final; a message in one part has both.
//
// Stream is the sender's name for the message; with several unfinished messages
// at once each needs its own. Fragments of two messages are never mixed: while
// one message is unfinished, other data messages and the fragments of other
// streams wait for their turn, in order. A fragment that follows the final one
// is refused with ErrFinalFragmentSent. A text may be cut inside a character,
// but it has to be valid UTF-8 as a whole; the fragment that makes it invalid is refused.
type SendFragment struct {
	Ref    uint64
	Stream uint64
	Kind   Kind // read from the first fragment only
	First  bool
	Final  bool
	Data   []byte
}

// Ping sends a Ping with up to 125 bytes of data. The answer is a PongReceived
// event with the same data and the round-trip time.
type Ping struct {
	Ref  uint64
	Data []byte
}

// Pong sends an unsolicited Pong with up to 125 bytes of data (RFC 6455 §5.5.3).
// Pings are answered by the connection itself.
type Pong struct {
	Ref  uint64
	Data []byte
}

// Close starts the closing handshake (RFC 6455 §7.1.2). What was accepted for
// sending before goes out first. Code 0 sends a Close without a status. A
// managed connection does not connect again afterwards.
//
// It is answered with *SendFailed if the code may not be sent or the reason is
// too long (123 bytes) or not UTF-8, and with *Sent when the Close frame was written.
type Close struct {
	Ref    uint64
	Code   wire.StatusCode
	Reason string
}

// FailConnection fails the connection (RFC 6455 §7.1.7): a Close with Code is
// tried, the server's answer is not awaited, queued sends fail. Cause is found
// in the CloseError. Code 0 drops the network connection without a Close frame.
//
// A managed connection then does what its verdict for Cause says.
type FailConnection struct {
	Code  wire.StatusCode
	Cause error
}

// FailConnection, Reconnect, Pause and Resume are not answered: what follows from
// them is an event.

// Reconnect gives up the current connection, if there is one, with the code
// 1001 (going away), and connects again at once, without a backoff delay. It
// ends a pause. An attempt under way is not disturbed.
type Reconnect struct{}

// Pause closes the connection with the code 1001 (going away), if there is one,
// and makes no other until Resume or Reconnect. The event is Paused.
type Pause struct{}

// Resume ends a pause: it connects at once, without a backoff delay.
type Resume struct{}

// Stop closes the connection with the code 1001 (going away), if there is one,
// and ends the supervisor. The sender is answered with *Stopped when every event was handled.
type Stop struct {
	// Flush is for how long the supervisor first goes on, also through reconnects,
	// until its outbox is empty. New messages are refused meanwhile. 0 means not at all.
	Flush time.Duration
}

// GetStatus asks for a *Status; a pool for a *PoolStatus.
type GetStatus struct{}

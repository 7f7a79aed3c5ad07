package messages

// This file is a message to be sent, as an outbox and a new connection get it.

import (
	"fmt"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// Outgoing is a message to be sent, with what an outbox has to know about it.
type Outgoing struct {
	Kind Kind
	Data []byte
	Delivery
}

// Delivery says how an outbox treats a message. Without an outbox it has no effect.
type Delivery struct {
	// TTL is how long the message is worth sending. If it is not sent by then it is dropped
	// (ErrExpired). 0 means the default of the outbox.
	TTL time.Duration
	// Resend makes the message be sent again on the next connection if the connection ends
	// while delivery is unknown; the server may get it twice. Without it, such a message
	// fails with ErrUnconfirmed.
	Resend bool
	// ID is the name of the message in the server's acknowledgement, if acknowledgements are
	// configured. With an ID, Sent means that the server has acknowledged the message, and
	// Resend is implied.
	ID string
}

// Check is m.Kind.Check(m.Data).
func (m *Outgoing) Check() error { return m.Kind.Check(m.Data) }

// Check returns the error with which a message of this kind is refused whatever the state
// of the connection: ErrInvalidKind or ErrInvalidUTF8.
func (k Kind) Check(data []byte) error {
	switch k {
	case KindBinary:
		return nil
	case KindText:
		if !wire.Valid(data) {
			return fmt.Errorf("send text of %d bytes: %w; fix the text or send it as binary", len(data), ErrInvalidUTF8)
		}
		return nil
	}
	return fmt.Errorf("send message of kind %d: %w; use KindText or KindBinary", k, ErrInvalidKind)
}

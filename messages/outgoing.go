package messages

import (
	"fmt"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// Outgoing is a message to be sent, with what an outbox has to know of it.
type Outgoing struct {
	Kind Kind
	Data []byte
	Delivery
}

// Delivery says how a message is to be treated while it cannot be sent. It has a
// meaning only where an outbox is configured.
type Delivery struct {
	// TTL is for how long the message is worth being sent. What is not sent then
	// is dropped (ErrExpired). 0 means the default of the outbox.
	TTL time.Duration
	// Resend: if the connection ends while it is open whether the message has
	// arrived, it is sent again on the next one; the server may get it twice.
	// Otherwise it fails with ErrUnconfirmed.
	Resend bool
	// ID is the name by which the server's acknowledgement will call the message,
	// if acknowledgements are configured. With an ID, Sent means that the
	// server has acknowledged the message, and Resend is implied.
	ID string
}

// Check returns the error with which a message is refused whatever the state of
// the connection: ErrInvalidKind or ErrInvalidUTF8.
func (m *Outgoing) Check() error {
	switch {
	case m.Kind != KindText && m.Kind != KindBinary:
		return fmt.Errorf("send message of kind %d: %w; use messages.KindText or messages.KindBinary", m.Kind, ErrInvalidKind)
	case m.Kind == KindText && !wire.Valid(m.Data):
		return fmt.Errorf("send text of %d bytes: %w; send it as binary or mend the text", len(m.Data), ErrInvalidUTF8)
	}
	return nil
}

package dandelion

// This file is the message: what is sent and what is read.

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// Message is a text or binary message: one to be sent, made by [Text], [TextBytes],
// [Binary] or [NewMessage], or one that was read. What was read can be sent as it is.
//
// The zero Message is of no kind; it is refused with [ErrInvalidKind].
type Message struct {
	payload  string // of a message made of bytes: a view of them
	delivery Delivery
	kind     Kind
	bytes    bool // made of bytes, which its owner may write to

	notFirst, notFinal bool // a part of a message that was read
}

// Text makes a text message. The string is sent without a copy. It has to be valid
// UTF-8, or it is refused with [ErrInvalidUTF8].
func Text(text string) Message { return Message{kind: KindText, payload: text} }

// TextBytes makes a text message of bytes, such as those of json.Marshal. See [NewMessage].
func TextBytes(data []byte) Message { return NewMessage(KindText, data) }

// Binary makes a binary message. See [NewMessage].
func Binary(data []byte) Message { return NewMessage(KindBinary, data) }

// NewMessage makes a message of this kind. It refers to data, which must not be
// changed until the call that sends the message has returned; afterwards it is free
// again.
func NewMessage(kind Kind, data []byte) Message {
	return Message{kind: kind, payload: unsafe.String(unsafe.SliceData(data), len(data)), bytes: true}
}

// Kind returns KindText or KindBinary; 0 for the zero Message.
func (m Message) Kind() Kind { return m.kind }

// Len returns the size of the payload in bytes.
func (m Message) Len() int { return len(m.payload) }

// Text returns the payload as a string: that of [Text] itself, else a copy. Of a text
// message that was read it is valid UTF-8.
func (m Message) Text() string {
	if m.bytes {
		return strings.Clone(m.payload)
	}
	return m.payload
}

// Bytes returns the payload, never nil. It belongs to the caller: of a message that
// was read it is the memory into which that was read, of one made by [Text] a copy, and
// of one made of bytes those bytes themselves.
func (m Message) Bytes() []byte {
	if m.bytes && len(m.payload) > 0 {
		return unsafe.Slice(unsafe.StringData(m.payload), len(m.payload))
	}
	return append([]byte{}, m.payload...)
}

// First and Final report whether this is the first, the last part of a message. Both
// are true unless it was read with Options.Streaming.
func (m Message) First() bool { return !m.notFirst }

// Final is described with [Message.First].
func (m Message) Final() bool { return !m.notFinal }

// Part returns m as a part of a message, as it is read with Options.Streaming. A part
// that is neither the whole message nor made one by Part(true, true) is not sent
// ([ErrPartialMessage]): that is what [Client.Writer] is for.
func (m Message) Part(first, final bool) Message {
	m.notFirst, m.notFinal = !first, !final
	return m
}

// With returns m with what an outbox has to know about it, in place of what it had.
// Without Options.Outbox it has no effect.
func (m Message) With(d Delivery) Message {
	m.delivery = d
	return m
}

// Delivery returns what [Message.With] was given.
func (m Message) Delivery() Delivery { return m.delivery }

// String returns kind and size, such as "text, 5 bytes", and nothing of the payload.
func (m Message) String() string { return fmt.Sprintf("%v, %d bytes", m.kind, len(m.payload)) }

// check returns an error for a part of a message.
func (m Message) check() error {
	if m.notFirst || m.notFinal {
		return fmt.Errorf("send %s: %w; send it in frames, with Writer, or join the parts", m.String(), ErrPartialMessage)
	}
	return nil
}

// sendOn gives m to a connection, which copies it.
func (m Message) sendOn(out *protocol.Outbound, reply protocol.Reply) error {
	if err := m.check(); err != nil {
		return err
	}
	if m.kind == KindText {
		return out.SendText(m.payload, reply)
	}
	return out.Send(m.kind, unsafe.Slice(unsafe.StringData(m.payload), len(m.payload)), reply)
}

// outgoing returns a copy of m for an outbox. Nothing of m is in it, not even its ID:
// so the compiler sees that no message outlives the call that sends it, and a payload
// that was made on the stack of the caller can stay there.
func (m Message) outgoing() messages.Outgoing {
	return messages.Outgoing{
		Kind:     m.kind,
		Data:     append([]byte{}, m.payload...),
		Delivery: Delivery{TTL: m.delivery.TTL, Resend: m.delivery.Resend, ID: strings.Clone(m.delivery.ID)},
	}
}

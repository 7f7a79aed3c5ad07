package family

// This file is what one read brought, as a Sink gets it.

import (
	"time"

	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/wire"
)

// Batch is what one read brought, on its way from the reader through the
// protocol actor to the callback. It has one owner at a time; the last one
// calls Release.
type Batch struct {
	Epoch uint64
	// The payload of an item that is not Owned is valid until Release.
	protocol.Read
	// Reader has made the batch, and takes it back.
	Reader Reader

	next, pongs int // of Items and RTTs, for Next
}

// Reader is the side of a connection that reads, as a Batch needs it.
type Reader interface {
	// Handled takes the batch back, on any goroutine.
	Handled()
	// ExpectReply is called for Batch.ExpectReply.
	ExpectReply()
}

// Next returns the items one after the other, with the round-trip time if the item is a Pong;
// ok is false after the last one. Each call continues where the previous one stopped, whoever
// made that.
func (b *Batch) Next() (item *wire.Item, rtt time.Duration, ok bool) {
	if b.next == len(b.Items) {
		return nil, 0, false
	}
	item = &b.Items[b.next]
	b.next++
	if item.Opcode == wire.OpPong {
		rtt = b.RTTs[b.pongs]
		b.pongs++
	}
	return item, rtt, true
}

// Last reports whether Next has returned the last item.
func (b *Batch) Last() bool { return b.next == len(b.Items) }

// ExpectReply announces that the user's next message is probably a reply to the last item. It
// is then written at once, where it is sent: there is no further item whose reply could share
// the write.
func (b *Batch) ExpectReply() { b.Reader.ExpectReply() }

// Release ends the use of the batch and of all payloads that are not Owned. It must be called
// once, on any goroutine.
func (b *Batch) Release() { b.Reader.Handled() }

// Reset empties the batch, for the next read of the same Reader.
func (b *Batch) Reset() {
	b.Epoch, b.next, b.pongs = 0, 0, 0
	b.Read = protocol.Read{Items: b.Items[:0], RTTs: b.RTTs[:0]}
}

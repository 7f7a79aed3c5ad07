package family

// This file is what one read brought, on its way to the user.

import (
	"sync"
	"time"

	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/wire"
)

// Batch is what one read brought, on its way from the reader through the
// protocol actor to the callback. It has one owner at a time; the last one
// calls Release, which gives the reader its credit back.
type Batch struct {
	Epoch uint64
	// The payload of an item that is not Owned is valid until Release.
	protocol.Read

	next, pongs int // of Items and RTTs, for Next

	owning bool // there are Items that own their payload

	violation error // the violation that follows the items
	end       error // why the stream ended after the items

	input  *input // the buffer to which Items refer; nil if they own their payloads
	weight int    // bytes of credit
	conn   *Conn
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
func (b *Batch) ExpectReply() { b.conn.replyDue.Store(true) }

var batches = sync.Pool{New: func() any { return new(Batch) }}

// Release ends the use of the batch and of all payloads that are not Owned. It must be called
// once, on any goroutine.
func (b *Batch) Release() {
	if due := b.conn.window.release(b.weight); due > 0 {
		b.conn.reader.Post(&credit{bytes: due})
	}
	if b.input != nil {
		b.input.free()
	}
	if b.owning {
		for i := range b.Items {
			if item := &b.Items[i]; item.Owned {
				if b.conn.Borrowed {
					joinBuffers{}.Put(item.Payload)
				}
				*item = wire.Item{} // the others refer to input, which is kept as well
			}
		}
	}
	*b = Batch{Read: protocol.Read{Items: b.Items[:0], RTTs: b.RTTs[:0]}}
	batches.Put(b)
}

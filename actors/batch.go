package actors

import (
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/wire"
)

// readSize is the capacity of the buffer that one read fills, in bytes.
const readSize = 64 << 10

// Batch is what one read brought, on its way from the reader through the
// protocol actor to the callback. It has one owner at a time; the last one
// calls Release, which gives the reader its credit back.
type Batch struct {
	Epoch uint64
	// Items are messages and control frames in the order in which they arrived.
	// The payload of an item that is not Owned is valid until Release.
	Items []wire.Item
	// RTTs has one entry for each Pong in Items: the round-trip time, 0 if
	// nobody asked for it.
	RTTs []time.Duration

	next, pongs int // of Items and RTTs, for Next

	violation error // what breaks the protocol behind the items
	end       error // the stream ended behind the items

	input  *[readSize]byte // what Items refer to, nil if they own their payloads
	weight int             // bytes of credit
	reader *actor.PID
	seam   *seam
}

// Next returns the items one after the other, with the round-trip time if it is
// a Pong, and false behind the last one. Another call of it goes on where the
// last one stopped, whoever made it.
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

var (
	batches = sync.Pool{New: func() any { return new(Batch) }}
	inputs  = sync.Pool{New: func() any { return new([readSize]byte) }}
)

// Release ends the use of the batch and of all payloads that are not Owned. It
// may be called from any goroutine, once.
func (b *Batch) Release() {
	if b.weight > 0 {
		b.seam.post(b.reader, &credit{bytes: b.weight})
	}
	if b.input != nil {
		inputs.Put(b.input)
	}
	clear(b.Items)
	*b = Batch{Items: b.Items[:0], RTTs: b.RTTs[:0]}
	batches.Put(b)
}

package actors

// This file is what one read brought, as the actors pass it on.

import (
	"sync"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/wire"
)

// batch is a family.Batch with what the user is not shown. The reader makes it, and gets its
// credit back when the last owner calls Release.
type batch struct {
	family.Batch

	owning bool // there are Items that own their payload

	violation error // the violation that follows the items
	end       error // why the stream ended after the items

	input  *input // the buffer to which Items refer; nil if they own their payloads
	weight int    // bytes of credit
	conn   *conn
}

var _ family.Reader = (*batch)(nil)

var batches = sync.Pool{New: func() any {
	b := new(batch)
	b.Reader = b
	return b
}}

// ExpectReply implements family.Reader.
func (b *batch) ExpectReply() { b.conn.replyDue.Store(true) }

// Handled implements family.Reader.
func (b *batch) Handled() {
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
	b.Reset()
	*b = batch{Batch: b.Batch}
	batches.Put(b)
}

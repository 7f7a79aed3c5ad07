package dandelion

// This file is the inbox, from which Read takes what has arrived.

import (
	"sync"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/wire"
)

// inbox holds the batches whose messages wait to be read. What waits there is
// part of the receive window: a full inbox stops the reading from the network.
type inbox struct {
	mu      sync.Mutex
	batches []*family.Batch
	ended   bool          // nothing follows
	arrived chan struct{} // closed when something changes; nil if nobody waits
}

func newInbox() *inbox { return &inbox{} }

// put takes over b.
func (in *inbox) put(b *family.Batch) {
	in.mu.Lock()
	in.batches = append(in.batches, b)
	in.signal()
	in.mu.Unlock()
}

func (in *inbox) end() {
	in.mu.Lock()
	in.ended = true
	in.signal()
	in.mu.Unlock()
}

func (in *inbox) signal() {
	if in.arrived != nil {
		close(in.arrived)
		in.arrived = nil
	}
}

// take returns the next message; or a channel to wait on; or neither at the end.
func (in *inbox) take() (msg Message, ok bool, wait <-chan struct{}) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.batches) > 0 {
		b := in.batches[0]
		item, _, more := b.Next()
		switch {
		case !more:
			in.batches[0] = nil
			in.batches = in.batches[1:]
			b.Release()
		case item.Opcode.IsData():
			if b.Last() {
				b.ExpectReply()
			}
			return NewMessage(kindOf(item), family.Own(item)).Part(item.First, item.Final), true, nil
		}
	}
	if in.ended {
		return Message{}, false, nil
	}
	if in.arrived == nil {
		in.arrived = make(chan struct{})
	}
	return Message{}, false, in.arrived
}

// inboxSink puts data into the inbox and gives the rest to the handler.
type inboxSink struct{ handlerSink }

func (s *inboxSink) Batch(b *family.Batch) {
	data := false
	pongs := 0
	for i := range b.Items {
		item := &b.Items[i]
		switch item.Opcode {
		case wire.OpPong:
			s.control(family.Event(b.Epoch, item, b.RTTs[pongs]))
			pongs++
		case wire.OpPing:
			s.control(family.Event(b.Epoch, item, 0))
		default:
			data = true
		}
	}
	if data {
		s.c.inbox.put(b)
	} else {
		b.Release()
	}
}

func (s *inboxSink) Event(event any) {
	if _, ok := event.(*Stopped); ok {
		defer s.c.inbox.end()
	}
	s.handlerSink.Event(event)
}

package dandelion

// This file is the Handler: the callbacks, and how what has arrived gets to them.

import (
	"strings"
	"unsafe"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Handler holds the callbacks for what happens to a client; each may be nil. They are
// called one at a time, in the order of the events. One that takes long delays those that
// follow and, in the end, the server; it delays Pongs and closing by ten milliseconds at
// most, as another goroutine then continues reading. Callbacks may use the client freely.
//
// What a callback is given belongs to it. Small messages that arrived together share
// memory: one that is kept can hold 2 KiB. A panic is caught; see Options.OnPanic.
type Handler struct {
	// OnConnecting is called when an attempt to connect begins.
	OnConnecting func(c *Client, e *Connecting)
	// OnOpen is called when a connection is open.
	OnOpen func(c *Client, e *Opened)
	// OnText gets a text message.
	OnText func(c *Client, text string)
	// OnBinary gets a binary message.
	OnBinary func(c *Client, data []byte)
	// OnBorrowed takes the place of OnText and OnBinary, without a copy: data is valid
	// only until the callback returns, and must not be changed. Text is valid UTF-8.
	OnBorrowed func(c *Client, kind Kind, data []byte)
	// OnFragment gets a part of a message; only with Options.Streaming.
	OnFragment func(c *Client, e *FragmentReceived)
	// OnPing gets the data of a Ping, which was answered already.
	OnPing func(c *Client, data []byte)
	// OnPong gets a Pong, with the round-trip time if it answers a Ping.
	OnPong func(c *Client, e *PongReceived)
	// OnClosing is called when the connection takes no more messages.
	OnClosing func(c *Client, e *Closing)
	// OnClosed is called when a connection that was open has ended.
	OnClosed func(c *Client, e *Closed)
	// OnBehind is called when the handler is so far behind that reading has stopped. It
	// comes after what is still to be handled; Options.Logger is told at once.
	OnBehind func(c *Client, e *HandlerBehind)
	// OnCaughtUp is called when reading continues after that.
	OnCaughtUp func(c *Client, e *HandlerCaughtUp)
	// OnReconnecting is called when the client will connect again after a delay.
	OnReconnecting func(c *Client, e *ReconnectScheduled)
	// OnPaused is called when a pause begins: until Resume or Reconnect there is no connection.
	OnPaused func(c *Client, e *Paused)
	// OnDropped is called when the outbox has given up a message.
	OnDropped func(c *Client, e *OutboxDropped)
	// OnOutboxFailed is called when the store of the outbox has failed.
	OnOutboxFailed func(c *Client, e *OutboxFailed)
	// OnGaveUp is called when the client will not connect again; OnStopped follows.
	OnGaveUp func(c *Client, e *GaveUp)
	// OnPanic is called when a callback has panicked.
	OnPanic func(c *Client, e *HandlerFailed)
	// OnStopped is called when the client has ended. It is the last callback.
	OnStopped func(c *Client, e *Stopped)
}

func (h *Handler) takesData() bool {
	return h.OnText != nil || h.OnBinary != nil || h.OnBorrowed != nil || h.OnFragment != nil
}

// call reports whether f is nil, and calls it if it is not and run is set.
func call[T any](c *Client, f func(*Client, T), v T, run bool) (ignored bool) {
	if f != nil && run {
		f(c, v)
	}
	return f == nil
}

// handlerSink gives everything to the handler.
type handlerSink struct {
	c    *Client
	slab strings.Builder // room for small payloads, a Builder because that does not clear it first; empty between batches
}

// Small messages are copied into slabs, many of them into one, because an
// allocation for each costs more than everything else that is done for it. One
// message that is kept keeps a slab.
const (
	slabSize  = 2 << 10
	slabSmall = 256 // the largest payload that goes into a slab
	slabItems = 8   // a batch of fewer items is not worth one
)

// own returns the payload of an item of b to keep.
func (s *handlerSink) own(b *family.Batch, item *wire.Item) []byte {
	if !slabbed(b, item) {
		return family.Own(item)
	}
	text := s.copy(item.Payload)
	return unsafe.Slice(unsafe.StringData(text), len(text)) // a part of the slab that nobody else has
}

// ownText is own for a text.
func (s *handlerSink) ownText(b *family.Batch, item *wire.Item) string {
	if !slabbed(b, item) {
		return family.OwnText(item)
	}
	return s.copy(item.Payload)
}

// slabbed reports whether the payload of an item of b is to be copied into a slab.
func slabbed(b *family.Batch, item *wire.Item) bool {
	n := len(item.Payload)
	return !item.Owned && n > 0 && n <= slabSmall && len(b.Items) >= slabItems
}

// copy returns p as a part of the slab.
func (s *handlerSink) copy(p []byte) string {
	if s.slab.Cap()-s.slab.Len() < len(p) {
		s.slab.Reset()
		s.slab.Grow(slabSize)
	}
	from := s.slab.Len()
	s.slab.Write(p)
	return s.slab.String()[from:]
}

func (s *handlerSink) Batch(b *family.Batch) {
	h := &s.c.handler
	for {
		item, rtt, ok := b.Next()
		if !ok {
			s.slab.Reset()
			b.Release()
			return
		}
		if b.Last() {
			b.ExpectReply()
		}
		switch {
		case !item.Opcode.IsData():
			s.control(family.Event(b.Epoch, item, rtt))
		case s.c.streaming:
			if h.OnFragment != nil {
				h.OnFragment(s.c, fragment(b.Epoch, item))
			}
		case h.OnBorrowed != nil:
			h.OnBorrowed(s.c, kindOf(item), item.Payload)
		case item.Opcode == wire.OpText:
			if h.OnText != nil {
				h.OnText(s.c, s.ownText(b, item))
			}
		default:
			if h.OnBinary != nil {
				h.OnBinary(s.c, s.own(b, item))
			}
		}
	}
}

func kindOf(item *wire.Item) Kind {
	if item.Opcode == wire.OpText {
		return KindText
	}
	return KindBinary
}

func fragment(epoch uint64, item *wire.Item) *FragmentReceived {
	return &FragmentReceived{Epoch: epoch, Kind: kindOf(item), First: item.First, Final: item.Final, Data: family.Own(item)}
}

func (s *handlerSink) control(event any) {
	switch e := event.(type) {
	case *messages.PingReceived:
		call(s.c, s.c.handler.OnPing, e.Data, true)
	case *PongReceived:
		call(s.c, s.c.handler.OnPong, e, true)
	}
}

func (s *handlerSink) Event(event any) { s.event(event, true) }

// Ignores implements family.Sink: nothing runs for an event without a callback.
func (s *handlerSink) Ignores(event any) bool { return s.event(event, false) }

// event reports whether event has no callback, and calls that if it has one and run is set.
func (s *handlerSink) event(event any, run bool) (ignored bool) {
	h := &s.c.handler
	switch e := event.(type) {
	case *Connecting:
		return call(s.c, h.OnConnecting, e, run)
	case *Opened:
		return call(s.c, h.OnOpen, e, run)
	case *Closing:
		return call(s.c, h.OnClosing, e, run)
	case *Closed:
		return call(s.c, h.OnClosed, e, run)
	case *HandlerBehind:
		return call(s.c, h.OnBehind, e, run)
	case *HandlerCaughtUp:
		return call(s.c, h.OnCaughtUp, e, run)
	case *ReconnectScheduled:
		return call(s.c, h.OnReconnecting, e, run)
	case *Paused:
		return call(s.c, h.OnPaused, e, run)
	case *OutboxDropped:
		return call(s.c, h.OnDropped, e, run)
	case *OutboxFailed:
		return call(s.c, h.OnOutboxFailed, e, run)
	case *GaveUp:
		return call(s.c, h.OnGaveUp, e, run)
	case *HandlerFailed:
		return call(s.c, h.OnPanic, e, run)
	case *Stopped:
		return call(s.c, h.OnStopped, e, run)
	}
	return false
}

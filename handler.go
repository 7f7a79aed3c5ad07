package dandelion

import (
	"strings"
	"unsafe"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Handler are callbacks for what happens to a client; each may be nil. They are
// called one at a time, in the order of the events: one that takes long holds up
// the ones behind it and in the end the server's sending, but neither Pongs nor
// closing, for longer than ten milliseconds (another goroutine then goes on with
// reading). They may use the client as they like.
//
// What a callback is given belongs to it. Small messages that came together share
// memory: one that is kept can hold 2 KiB. A panic is caught; see Options.OnPanic.
type Handler struct {
	// OnConnecting: an attempt to connect begins.
	OnConnecting func(c *Client, e *Connecting)
	// OnOpen: the connection is open.
	OnOpen func(c *Client, e *Opened)
	// OnText and OnBinary: a message arrived.
	OnText   func(c *Client, text string)
	OnBinary func(c *Client, data []byte)
	// OnBorrowed takes the place of OnText and OnBinary, without a copy: data is
	// valid only until the callback returns, and must not be changed. Text is
	// valid UTF-8.
	OnBorrowed func(c *Client, kind Kind, data []byte)
	// OnFragment: a part of a message arrived; only with Options.Streaming.
	OnFragment func(c *Client, e *FragmentReceived)
	// OnPing: a Ping arrived, and was answered.
	OnPing func(c *Client, data []byte)
	// OnPong: a Pong arrived.
	OnPong func(c *Client, e *PongReceived)
	// OnClosing: the connection takes no more messages.
	OnClosing func(c *Client, e *Closing)
	// OnClosed: the connection has ended.
	OnClosed func(c *Client, e *Closed)
	// OnBehind: the handler is so far behind that nothing is read any more. It is
	// called behind what the handler is behind with; Options.Logger is told at once.
	OnBehind func(c *Client, e *HandlerBehind)
	// OnCaughtUp: reading goes on.
	OnCaughtUp func(c *Client, e *HandlerCaughtUp)
	// OnReconnecting: the client will connect again after a delay.
	OnReconnecting func(c *Client, e *ReconnectScheduled)
	// OnPaused: the client has no connection until Resume or Reconnect.
	OnPaused func(c *Client, e *Paused)
	// OnDropped: the outbox has given up a message.
	OnDropped func(c *Client, e *OutboxDropped)
	// OnOutboxFailed: the store of the outbox has failed.
	OnOutboxFailed func(c *Client, e *OutboxFailed)
	// OnGaveUp: the client will not connect again.
	OnGaveUp func(c *Client, e *GaveUp)
	// OnPanic: a callback panicked.
	OnPanic func(c *Client, e *HandlerFailed)
	// OnStopped: nothing follows.
	OnStopped func(c *Client, e *Stopped)
}

func (h *Handler) takesData() bool {
	return h.OnText != nil || h.OnBinary != nil || h.OnBorrowed != nil || h.OnFragment != nil
}

// call returns whether there is no callback, and calls it if there is one and run is set.
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

// own returns the payload of an item of b for keeps.
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

// slabbed says whether the payload of an item of b is to be copied into a slab.
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

// event returns whether event is one that has no callback, and calls that if run is set.
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

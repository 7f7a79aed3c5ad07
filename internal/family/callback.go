package family

// This file is the actor that calls the user's code.

import (
	"log/slog"
	"runtime/debug"
	"time"
	"unsafe"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Sink is where the callback actor delivers: the code of the user, or a queue from which the
// user reads. It is called on one goroutine at a time.
type Sink interface {
	// Batch handles the items that b.Next returns, and ensures that b.Release is called when
	// they are handled. If it panics, the panic is reported and Batch is called again for
	// the items that are left.
	Batch(b *Batch)
	// Event handles every other event: a pointer to a struct of package messages.
	Event(event any)
	// Ignores reports whether Event does nothing with event that could take time, block or
	// panic. If the callback actor is idle, Event is then called where the event happened,
	// which may be on the goroutine of any actor. Ignores must not block or panic, and is
	// called on any goroutine, even on several at once. It must return false for an event
	// that it does not know.
	Ignores(event any) bool
}

// CallbackConfig configures a callback actor.
type CallbackConfig struct {
	// Sink takes batches and events. If it is nil, Target does.
	Sink Sink
	// Target gets each event as a message whose sender is the supervisor. It may be any
	// actor, even a remote one. Touch messages, which every actor answers automatically,
	// keep its mailbox short.
	Target *actor.PID
	// Received, if set, sees every whole data message before the sink. It must not block,
	// panic or keep the payload.
	Received func(kind messages.Kind, payload []byte)
	// FailOnPanic ends the handling of data for the epoch in which the sink panicked.
	FailOnPanic bool
	Observer    actors.Observer
	Logger      *slog.Logger // never nil
}

// Callback is a living callback actor.
type Callback struct {
	PID *actor.PID
	box *mailbox.Mailbox
}

// SpawnCallback spawns a callback actor. It runs user code and nothing else. Its parent is the
// supervisor: it lives through reconnects.
func SpawnCallback(parent actor.SpawnerContext, cfg CallbackConfig) Callback {
	box := mailbox.New(placeInCallback(cfg.Sink), Observed(cfg.Observer, actors.RoleCallback, 0))
	return Callback{box.Spawn(parent, &callback{CallbackConfig: cfg}), box}
}

type callback struct {
	CallbackConfig
	touching  []*Batch // sent to Target, not handled yet, in order
	epoch     uint64   // of the last event
	gone      bool     // Target has terminated
	failed    uint64   // the epoch whose data is no longer handled
	ended     bool     // Stopped was delivered
	finish    *actor.PID
	reporting bool // the last event was a HandlerFailed
	exiting   bool // the sink has called runtime.Goexit
}

// Receive blocks as long as the user's handler does.
func (c *callback) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *Batch:
		c.epoch = msg.Epoch
		if c.Received != nil {
			c.received(msg)
		}
		switch {
		case c.gone, c.failed == msg.Epoch:
			msg.Release()
		case c.Sink != nil:
			for !c.handle(ctx, msg) {
				if c.failed == msg.Epoch {
					msg.Release()
					break
				}
			}
		default:
			c.forward(ctx, msg)
		}
	case *actor.Touched:
		if len(c.touching) > 0 {
			c.touching[0].Release()
			c.touching = c.touching[1:]
		}
		c.finished(ctx)
	case *actor.Started:
		if c.Sink == nil {
			ctx.Watch(c.Target)
		}
	case *actor.Terminated:
		if c.Sink == nil && msg.Who.Equal(c.Target) {
			c.targetGone(ctx)
		}
	case *Finish:
		c.finish = ctx.Parent()
		c.finished(ctx)
	case *actor.Stopping:
		if !c.ended { // the supervisor was stopped from outside
			done := make(chan struct{})
			go func() { // code of the user that ends its goroutine must not end the stopping
				defer close(done)
				c.event(ctx, &messages.Stopped{Epoch: c.epoch, Cause: messages.ErrStopped})
			}()
			<-done
		}
	case *actor.Stopped, *actor.Restarting:
	default:
		c.event(ctx, msg)
	}
}

func (c *callback) received(b *Batch) {
	for i := range b.Items {
		item := &b.Items[i]
		if !item.Opcode.IsData() || !item.First || !item.Final {
			continue
		}
		kind := messages.KindBinary
		if item.Opcode == wire.OpText {
			kind = messages.KindText
		}
		c.Received(kind, item.Payload)
	}
}

// handle gives the sink a batch. It returns false if the sink panicked.
func (c *callback) handle(ctx actor.Context, b *Batch) (ok bool) {
	c.reporting, c.exiting = false, false
	defer func() {
		if c.exiting { // nobody continues with b
			b.Release()
		}
	}()
	defer c.recover(ctx, &ok)
	c.Sink.Batch(b)
	return true
}

func (c *callback) event(ctx actor.Context, event any) {
	switch e := event.(type) {
	case *messages.Opened:
		c.epoch = e.Epoch
	case *messages.Stopped:
		c.ended = true
	}
	if c.Sink == nil {
		if !c.gone {
			ctx.RequestWithCustomSender(c.Target, event, ctx.Parent())
		}
		return
	}
	_, c.reporting = event.(*messages.HandlerFailed)
	var ok bool
	defer c.recover(ctx, &ok)
	c.Sink.Event(event)
	ok = true
}

// recover reports a panic of the user's code; the callback actor itself continues.
func (c *callback) recover(ctx actor.Context, ok *bool) {
	if *ok {
		return
	}
	value := recover()
	if value == nil {
		value = messages.ErrGoexit
		c.exiting = true
	}
	if c.reporting {
		return // the handler of the report panicked itself
	}
	if c.FailOnPanic || c.exiting {
		c.failed = c.epoch
	}
	c.report(ctx, &messages.HandlerFailed{Epoch: c.epoch, Value: value, Stack: debug.Stack()})
}

func (c *callback) report(ctx actor.Context, event *messages.HandlerFailed) {
	ctx.Send(ctx.Parent(), &CallbackFailed{event})
}

// forward sends the items of b to the target one by one, and then a Touch: when that is
// answered, the target has handled them.
func (c *callback) forward(ctx actor.Context, b *Batch) {
	for {
		item, rtt, ok := b.Next()
		if !ok {
			break
		}
		if b.Last() {
			b.ExpectReply()
		}
		ctx.RequestWithCustomSender(c.Target, Event(b.Epoch, item, rtt), ctx.Parent())
	}
	c.touching = append(c.touching, b)
	ctx.Request(c.Target, &actor.Touch{})
}

func (c *callback) targetGone(ctx actor.Context) {
	for _, b := range c.touching {
		b.Release()
	}
	c.touching = nil
	c.gone = true
	c.failed = c.epoch
	c.report(ctx, &messages.HandlerFailed{
		Epoch: c.epoch,
		Value: &messages.HandlerTerminatedError{PID: c.Target.String()},
	})
	c.finished(ctx)
}

// finished answers Finish once nothing is left to handle.
func (c *callback) finished(ctx actor.Context) {
	if c.finish != nil && len(c.touching) == 0 {
		ctx.Send(c.finish, &CallbackDone{})
		c.finish = nil
	}
}

// Event returns the event for an item. It copies a payload that is not Owned.
func Event(epoch uint64, item *wire.Item, rtt time.Duration) any {
	switch item.Opcode {
	case wire.OpPing:
		return &messages.PingReceived{Epoch: epoch, Data: Own(item)}
	case wire.OpPong:
		return &messages.PongReceived{Epoch: epoch, Data: Own(item), RTT: rtt}
	}
	kind := messages.KindBinary
	if item.Opcode == wire.OpText {
		kind = messages.KindText
	}
	switch {
	case !item.First || !item.Final:
		return &messages.FragmentReceived{Epoch: epoch, Kind: kind, First: item.First, Final: item.Final, Data: Own(item)}
	case kind == messages.KindText:
		return &messages.TextReceived{Epoch: epoch, Text: OwnText(item)}
	}
	return &messages.BinaryReceived{Epoch: epoch, Data: Own(item)}
}

// Own returns the payload of an item, a copy unless it is Owned.
func Own(item *wire.Item) []byte {
	if item.Owned {
		return item.Payload
	}
	return append([]byte{}, item.Payload...)
}

// OwnText returns the payload of an item as a string. If the item is Owned nothing is copied,
// so the payload must not be used in any other way.
func OwnText(item *wire.Item) string {
	if item.Owned {
		return unsafe.String(unsafe.SliceData(item.Payload), len(item.Payload))
	}
	return string(item.Payload)
}

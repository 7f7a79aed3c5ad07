package actors

// This file is the actor that calls the user's code.

import (
	"runtime/debug"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// SpawnCallback spawns a callback actor. It runs user code and nothing else. Its parent is the
// supervisor: it lives through reconnects. observer may be nil.
func SpawnCallback(parent actor.SpawnerContext, cfg family.CallbackConfig, observer Observer) family.Callback {
	box := mailbox.New(placeInCallback(cfg.Sink), Observed(observer, RoleCallback, 0))
	return family.Callback{PID: box.Spawn(parent, &callback{CallbackConfig: cfg}), Box: box}
}

type callback struct {
	family.CallbackConfig
	touching  []*batch // sent to Target, not handled yet, in order
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
	case *batch:
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
	case *family.Finish:
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

func (c *callback) received(b *batch) {
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
func (c *callback) handle(ctx actor.Context, b *batch) (ok bool) {
	c.reporting, c.exiting = false, false
	defer func() {
		if c.exiting { // nobody continues with b
			b.Release()
		}
	}()
	defer c.recover(ctx, &ok)
	c.Sink.Batch(&b.Batch)
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
	ctx.Send(ctx.Parent(), &family.CallbackFailed{Event: event})
}

// forward sends the items of b to the target one by one, and then a Touch: when that is
// answered, the target has handled them.
func (c *callback) forward(ctx actor.Context, b *batch) {
	for {
		item, rtt, ok := b.Next()
		if !ok {
			break
		}
		if b.Last() {
			b.ExpectReply()
		}
		ctx.RequestWithCustomSender(c.Target, family.Event(b.Epoch, item, rtt), ctx.Parent())
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
		ctx.Send(c.finish, &family.CallbackDone{})
		c.finish = nil
	}
}

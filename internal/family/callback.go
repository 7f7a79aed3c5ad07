package family

// This file is what a callback actor is made of.

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/messages"
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
	Logger      *slog.Logger // never nil
}

// Callback is a living callback actor.
type Callback struct {
	PID *actor.PID
	Box *mailbox.Mailbox
}

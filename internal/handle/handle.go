// Package handle gives packages of this module more of a supervisor than its PID: the root
// package, which has no actors to which events could be sent, and a pool, which looks at its
// members without asking them. Users meet none of it.
//
// A Handle goes with the Props of one supervisor:
//
//	h := handle.New()
//	pid := system.Root.Spawn(supervisor.Props(cfg).Configure(h.Option()))
package handle

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/ctxext"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
)

// Handle is one supervisor, seen from the package that has spawned it. The fields must be set
// before that; the methods are for any goroutine, at any time.
type Handle struct {
	// Sink, if set, gets the events instead of Config.Target.
	Sink family.Sink
	// Borrowed says that the Sink keeps no payload after Release; buffers are then reused.
	Borrowed bool
	// Once makes one connection only: every end is final.
	Once bool
	// Attempts, if set, ends attempts to connect when it ends, and nothing else.
	Attempts context.Context
	// Paused makes the supervisor begin in a pause.
	Paused bool
	// Caller makes the first attempt on the goroutine that calls Spawn.
	Caller Caller

	View
}

// New returns a Handle for one supervisor.
func New() *Handle {
	h := &Handle{}
	h.stands.State = messages.StateConnecting
	return h
}

var id = ctxext.NextContextExtensionID()

// ExtensionID implements ctxext.ContextExtension.
func (*Handle) ExtensionID() ctxext.ContextExtensionID { return id }

// Option gives the Handle to the one supervisor that is spawned with it. It has to come after
// the options of supervisor.Props.
func (h *Handle) Option() actor.PropsOption {
	return actor.WithOnInit(func(ctx actor.Context) { ctx.Set(h) })
}

// none is what Default sets.
var none = &Handle{}

// Default has to come before the Option, if there is one. Without it a supervisor could not
// even ask for its Handle: protoactor's Get panics for an ID larger than all that were set.
func Default() actor.PropsOption {
	return actor.WithOnInit(func(ctx actor.Context) { ctx.Set(none) })
}

// Of returns the Handle of the actor; a new one if it was given none.
func Of(ctx actor.Context) *Handle {
	if h := ctx.Get(id).(*Handle); h != none {
		return h
	}
	return New()
}

// AbortCall drops the connection without a closing handshake and ends the supervisor.
type AbortCall struct {
	// Cause is found in the CloseError.
	Cause error
}

// StatusCall is messages.GetStatus from code without actors.
type StatusCall struct {
	// Status gets one value and needs room for it.
	Status chan<- *messages.Status
}

// Later is a command that a pool gives to each of its members with a delay that it has drawn,
// so that they do not act all at once. A pause takes it back.
type Later struct {
	Delay   time.Duration
	Command any // Reconnect or Resume
}

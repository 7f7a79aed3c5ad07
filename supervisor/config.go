package supervisor

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
)

// PanicPolicy says what follows when the user's handler panics. In any case the
// panic is caught, logged and reported as messages.HandlerFailed.
type PanicPolicy uint8

const (
	// FailOnPanic fails the connection with the code 1011 and stops: the state
	// of the handler is unknown, and the same message may come again.
	FailOnPanic PanicPolicy = iota
	// ContinueOnPanic goes on with the next message.
	ContinueOnPanic
)

// Config says what to connect to, where the events go and what to do after a failure.
type Config struct {
	// Request is the opening handshake; at least its URL has to be set.
	Request handshake.Request
	// Handshaker makes it. Default: &handshake.Client{}.
	Handshaker handshake.Handshaker
	// ConnectTimeout bounds one attempt as a whole. Default 30 s.
	ConnectTimeout time.Duration
	// Context, if set, ends attempts to connect when it ends, and nothing else.
	Context context.Context
	// Lifetime, if set, stops the supervisor when it ends, as messages.Stop does.
	Lifetime context.Context

	// Settings are the limits and times of each connection.
	actors.Settings

	// Target is the actor that gets the events; their sender is the supervisor.
	// If both Target and Sink are nil, events are dropped.
	Target *actor.PID
	// Sink gets the events instead of Target; it is how the root package works.
	Sink actors.Sink
	// Inline runs the Sink on the goroutine that reads from the network. It
	// saves a hop; a slow handler then delays Pongs and closing.
	Inline bool
	// Borrowed says that the Sink keeps no payload after Release; buffers are then used again.
	Borrowed bool
	// OnPanic says what follows a panic of the Sink. Default FailOnPanic.
	OnPanic PanicPolicy

	// Once makes one connection only: every end is final.
	Once bool
	// Backoff are the delays between attempts.
	Backoff Backoff
	// Verdict decides after every failure what follows. Default: DefaultVerdict.
	// It runs in the supervisor and must not block.
	Verdict func(cause error) Verdict

	// View, if set, lets other goroutines look at the connection; use one for
	// each actor that is spawned.
	View *View
	// Observer sees every message between the actors. Nil: none.
	Observer actors.Observer
	// Logger gets what nobody else can be told, e.g. a panic of a handler. Nil: nothing is logged.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Handshaker == nil {
		c.Handshaker = &handshake.Client{}
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = 30 * time.Second
	}
	if c.Context == nil {
		c.Context = context.Background()
	}
	if c.Lifetime == nil {
		c.Lifetime = context.Background()
	}
	if c.Verdict == nil {
		c.Verdict = DefaultVerdict
	}
	if c.View == nil {
		c.View = NewView()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Sink == nil && c.Target == nil {
		c.Sink = nowhere{}
	}
	c.Backoff = c.Backoff.withDefaults()
	return c
}

// nowhere is the Sink of a connection whose events nobody wants.
type nowhere struct{}

func (nowhere) Batch(b *actors.Batch) { b.Release() }
func (nowhere) Event(any)             {}

package supervisor

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
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
	// Request is the opening handshake; it needs a URL, unless Endpoints has one.
	Request handshake.Request
	// Endpoints are further addresses of the same service, and their order.
	Endpoints Endpoints
	// Provider, if set, gives the request for every single attempt.
	Provider Provider
	// ProviderTimeout bounds one call of Provider, and one of Subscribe. Default 10 s.
	ProviderTimeout time.Duration
	// Handshaker makes it. Default: &handshake.Client{}.
	Handshaker handshake.Handshaker
	// ConnectTimeout bounds one attempt as a whole, Provider and Subscribe included. Default 30 s.
	ConnectTimeout time.Duration
	// Subscribe, if set, gives the messages that every new connection begins with,
	// e.g. subscriptions. They go out before everything else, and before Opened.
	// It runs on a goroutine of its own and may block until ctx ends; if it fails or
	// takes longer the attempt has failed.
	// Nobody is told what becomes of them: a connection that ends before they are
	// written is followed by another call.
	Subscribe func(ctx context.Context, opened *messages.Opened) ([]messages.Outgoing, error)
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
	// Inline runs the Sink for batches always on the one goroutine that reads from the
	// network. Nobody takes over reading from a slow handler, which then delays Pongs
	// and closing.
	Inline bool
	// Borrowed says that the Sink keeps no payload after Release; buffers are then used again.
	Borrowed bool
	// OnPanic says what follows a panic of the Sink. Default FailOnPanic.
	OnPanic PanicPolicy

	// StartDelay is how long the first attempt waits; until then the state is
	// WAITING and the event ReconnectScheduled, of epoch 0. Where many connections
	// are made each needs its own, drawn at random, as a pool does it. Default 0.
	StartDelay time.Duration
	// Once makes one connection only: every end is final.
	Once bool
	// RetryPolicy says when to connect again and when to give up.
	RetryPolicy

	// Outbox, if set, holds what is sent while no connection is open. Nil: such a
	// send fails with messages.ErrNotOpen.
	Outbox *OutboxConfig

	// View, if set, lets other goroutines look at the connection. Only one actor may
	// be spawned with it.
	View *View
	// Observer sees every message between the actors. Nil: none.
	Observer actors.Observer
	// Logger gets what nobody else can be told, e.g. a panic of a handler. Nil: nothing is logged.
	Logger *slog.Logger

	startPaused bool // begin in a pause
	// run sees to it that the function that it is given, which makes one attempt to
	// connect and blocks for that long, is run, but not within run. Nil: actors.Go.
	run func(attempt func())
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
	if c.ProviderTimeout <= 0 {
		c.ProviderTimeout = 10 * time.Second
	}
	if c.run == nil {
		c.run = actors.Go
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Sink == nil && c.Target == nil {
		c.Sink = nowhere{}
	}
	return c
}

// nowhere is the Sink of a connection whose events nobody wants.
type nowhere struct{}

func (nowhere) Batch(b *actors.Batch) { b.Release() }
func (nowhere) Event(any)             {}
func (nowhere) Ignores(any) bool      { return true }

package supervisor

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
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
	Endpoints retry.Endpoints
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
	// Lifetime, if set, stops the supervisor when it ends, as messages.Stop does.
	Lifetime context.Context

	// Settings are the limits and times of each connection.
	actors.Settings

	// Target is the actor that gets the events; their sender is the supervisor.
	// Nil: events are dropped.
	Target *actor.PID
	// OnPanic says what follows a panic of a handler. Default FailOnPanic.
	OnPanic PanicPolicy

	// StartDelay is how long the first attempt waits; until then the state is
	// WAITING and the event ReconnectScheduled, of epoch 0. Where many connections
	// are made each needs its own, drawn at random, as a pool does it. Default 0.
	StartDelay time.Duration
	// Retry says when to connect again and when to give up. For one connection only, of
	// which every end is final, set its MaxAttempts to 1.
	Retry retry.Policy

	// Outbox, if set, holds what is sent while no connection is open. Nil: such a
	// send fails with messages.ErrNotOpen.
	Outbox *outbox.Config

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
	if c.Lifetime == nil {
		c.Lifetime = context.Background()
	}
	if c.ProviderTimeout <= 0 {
		c.ProviderTimeout = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// nowhere is the Sink of a connection whose events nobody wants.
type nowhere struct{}

func (nowhere) Batch(b *actors.Batch) { b.Release() }
func (nowhere) Event(any)             {}
func (nowhere) Ignores(any) bool      { return true }

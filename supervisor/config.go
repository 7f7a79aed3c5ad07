package supervisor

// This file is the configuration of a managed connection.

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/wire"
)

// PanicPolicy says what follows a panic in the user's handler. In any case the panic is
// caught, logged and reported as messages.HandlerFailed.
type PanicPolicy uint8

const (
	// FailOnPanic fails the connection with the code 1011 and stops: the state of the handler
	// is unknown, and the same message may come again.
	FailOnPanic PanicPolicy = iota
	// ContinueOnPanic continues with the next message.
	ContinueOnPanic
)

// Config says where to connect to, where the events go and what follows a failure. A zero
// field means its default.
type Config struct {
	// URL is the ws or wss URL of the server. If it is set it replaces Request.URL.
	URL string
	// Request describes the opening handshake: header, subprotocols and so on.
	Request handshake.Request
	// Endpoints are further addresses of the same service, and their order.
	Endpoints retry.Endpoints
	// Provider, if set, returns the request for each attempt.
	Provider Provider
	// ProviderTimeout bounds one call of Provider, and one of Subscribe. Default 10 s.
	ProviderTimeout time.Duration
	// Handshaker makes the opening handshake. Default: &handshake.Client{}.
	Handshaker handshake.Handshaker
	// ConnectTimeout bounds one attempt as a whole, Provider and Subscribe included. Default 30 s.
	ConnectTimeout time.Duration
	// Subscribe, if set, returns the messages with which each connection begins, such as
	// subscriptions. They go out before everything else, and before Opened. It runs on a new
	// goroutine and may block until ctx ends; if it fails or takes longer the attempt has
	// failed. There are no answers for its messages: if the connection ends before they are
	// written, the next one asks again.
	Subscribe func(ctx context.Context, opened *messages.Opened) ([]messages.Outgoing, error)
	// Lifetime, if set, stops the supervisor when it ends, as messages.Stop does.
	Lifetime context.Context

	// MaxFrame is the largest payload of a data frame in bytes, MaxMessage the largest
	// message, all its fragments together, MaxFragments how many frames it may have,
	// empty ones included. A message that exceeds them fails the connection with the code
	// 1009 (messages.ErrMessageTooBig). Defaults: no limit but MaxMessage, 32 MiB, 65536;
	// with Streaming none, as nothing is stored. Negative: none.
	MaxFrame     int64
	MaxMessage   int64
	MaxFragments int
	// Streaming delivers the parts of a message as they arrive
	// (messages.FragmentReceived) instead of whole messages.
	Streaming bool
	// ReceiveWindow is how many bytes may be read and not yet handled before
	// reading stops. A read that brings messages counts 64 KiB, larger messages
	// their size. Reading continues when half of it is free again. Default 1 MiB.
	ReceiveWindow int
	// BehindAfter is how long reading has to stand still, because the receive window is full,
	// for that to be an event (messages.HandlerBehind). Default 1 s.
	BehindAfter time.Duration
	// QueueMessages and QueueBytes bound what is accepted for sending and not
	// yet written, in data frames and in bytes of payload. Defaults 16384 and 4 MiB.
	// One message is always accepted when all before it are being written.
	QueueMessages int
	QueueBytes    int
	// CloseTimeout bounds the closing handshake, and then how long the server
	// may take to end the stream. Default 5 s.
	CloseTimeout time.Duration
	// PingInterval is the time between two keepalive Pings. 0 means none.
	PingInterval time.Duration
	// PongTimeout is how long the Pong may take. Any bytes from the server count
	// as its answer. Default 20 s; only used with PingInterval.
	PongTimeout time.Duration
	// PingMisses is how many Pings in a row may stay unanswered. The next one
	// is sent when PongTimeout has passed; the connection is failed when
	// PingMisses+1 have passed. Default 0.
	PingMisses int

	// Target is the actor that gets the events; their sender is the supervisor. Nil: events
	// are dropped.
	Target *actor.PID
	// OnPanic says what follows a panic in a handler. Default FailOnPanic.
	OnPanic PanicPolicy

	// StartDelay is how long the first attempt waits. Until then the state is WAITING, with
	// the event ReconnectScheduled of epoch 0. A program that makes many connections should
	// draw a StartDelay for each at random, as a pool does. Default 0.
	StartDelay time.Duration
	// Retry says when to connect again and when to give up. To make one connection only, set
	// its MaxAttempts to 1: then every end is final.
	Retry retry.Policy

	// Outbox, if set, holds messages while no connection is open. Nil: sending then fails
	// with messages.ErrNotOpen.
	Outbox *outbox.Config

	// Observer sees every message between the actors. Nil: none.
	Observer actors.Observer
	// Logger gets what cannot be reported otherwise, such as a panic in a handler. Nil:
	// nothing is logged.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.URL != "" {
		c.Request.URL = c.URL
	}
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

// settings returns those of each connection.
func (c *Config) settings() family.Settings {
	return family.Settings{
		Limits:        wire.Limits{MaxFrame: c.MaxFrame, MaxMessage: c.MaxMessage, MaxFragments: c.MaxFragments},
		Streaming:     c.Streaming,
		ReceiveWindow: c.ReceiveWindow,
		BehindAfter:   c.BehindAfter,
		QueueMessages: c.QueueMessages,
		QueueBytes:    c.QueueBytes,
		CloseTimeout:  c.CloseTimeout,
		PingInterval:  c.PingInterval,
		PongTimeout:   c.PongTimeout,
		PingMisses:    c.PingMisses,
	}
}

// nowhere is the Sink of a connection whose events nobody wants.
type nowhere struct{}

func (nowhere) Batch(b *family.Batch) { b.Release() }
func (nowhere) Event(any)             {}
func (nowhere) Ignores(any) bool      { return true }

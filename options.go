package dandelion

// This file is the Options, and what a supervisor makes of them.

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
)

// Options say how to connect and how the client behaves. The zero value is good; a
// zero field means its default. They are not changed, and can be used for many clients.
//
//	opts := &dandelion.Options{
//		Header:       http.Header{"Authorization": {"Bearer " + token}},
//		MaxMessage:   1 << 20,
//		PingInterval: 10 * time.Second,
//		Retry:        dandelion.RetryPolicy{MaxAttempts: 10},
//	}
type Options struct {
	// Header holds further header fields of the opening handshake, such as cookies and
	// authorization. The fields of the handshake itself are refused.
	Header http.Header
	// Host is sent as Host. Default: that of the URL.
	Host string
	// Origin is sent as Origin. Default: none.
	Origin string
	// UserAgent is sent as User-Agent. Default: handshake.DefaultUserAgent.
	UserAgent string
	// Subprotocols are asked for, the preferred one first. Which one was agreed is in
	// Opened. Default: none.
	Subprotocols []string

	// TLSConfig is for wss. Default: TLS 1.2 or later, the system's roots.
	TLSConfig *tls.Config
	// DialContext makes the network connection. It has to return soon after its context
	// has ended, or Dial and Close do not return. Default: that of a net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// DisableNoDelay switches TCP_NODELAY off: small writes may then wait for the
	// acknowledgement of earlier ones (Nagle's algorithm). Default: they do not.
	DisableNoDelay bool
	// Proxy chooses the proxy for a ws or wss URL; nil as result means none.
	// [ProxyFromEnvironment] reads the usual variables. Default: no proxy.
	Proxy func(*url.URL) (*url.URL, error)
	// Gate bounds how many attempts may be under way at once. Default: one for each
	// address in the whole program (RFC 6455 §4.1).
	Gate *Gate
	// HTTPClient makes the opening handshake over net/http instead of the own HTTP/1.1
	// exchange. TLSConfig, DialContext, DisableNoDelay, Proxy and Gate are then the
	// business of its transport and must not be set here. Default: none.
	HTTPClient *http.Client
	// Handshaker replaces all of the six fields above. Default: none.
	Handshaker Handshaker
	// ConnectTimeout bounds one attempt to connect as a whole, Provider and Subscribe
	// included. Default 30 s.
	ConnectTimeout time.Duration

	// MaxMessage is the largest message that is received, in bytes, all its fragments
	// together. One that is larger fails the connection with the code 1009
	// ([ErrMessageTooBig]). Default 32 MiB, with Streaming none. Negative: none.
	MaxMessage int64
	// MaxFrame is the largest payload of a received data frame, in bytes; past it as
	// past MaxMessage. Default: none but MaxMessage. Negative: none.
	MaxFrame int64
	// MaxFragments is how many frames a received message may have, empty ones included;
	// past it as past MaxMessage. Default 65536, with Streaming none. Negative: none.
	MaxFragments int
	// Streaming delivers the parts of a message as they arrive, to Read or OnFragment,
	// instead of whole messages. Where the parts begin and end has no meaning, and a
	// text may be cut inside a character. Default: whole messages.
	Streaming bool
	// ReceiveWindow is how many bytes may be read and not yet handled, or taken by Read,
	// before reading stops; TCP then holds the server back. A read that brings messages
	// counts 64 KiB, larger messages their size. Reading continues when half of it is free
	// again. Default 1 MiB.
	ReceiveWindow int
	// BehindAfter is for how long reading has to stand still, because the receive
	// window is full, for that to be an event (OnBehind). Default 1 s.
	BehindAfter time.Duration

	// QueueMessages bounds what is accepted for sending and not yet written, in data
	// frames. Past it Send fails with [ErrQueueFull]; Write and Queue wait. Default 16384.
	QueueMessages int
	// QueueBytes bounds the same in bytes of payload. One message, whatever its size, is
	// always accepted when all before it are being written. Default 4 MiB.
	QueueBytes int

	// CloseTimeout bounds the closing handshake, and then how long the server may take to
	// end the stream. Default 5 s.
	CloseTimeout time.Duration
	// PingInterval is the time between two keepalive Pings. Default: none are sent.
	PingInterval time.Duration
	// PongTimeout is how long the Pong may take; any bytes from the server count as
	// one. If it is exceeded the connection is failed ([ErrPongTimeout]). Default 20 s;
	// only used with PingInterval.
	PongTimeout time.Duration
	// PingMisses is how many Pings in a row may stay unanswered. The next one is sent
	// when PongTimeout has passed; the connection is failed when PingMisses+1 have
	// passed. Default 0.
	PingMisses int

	// Handler holds callbacks. If it has one of OnText, OnBinary, OnBorrowed and
	// OnFragment, messages go to it; else they are to be read with Read or Messages.
	Handler *Handler
	// OnPanic says what follows a panic in a callback. Default [FailOnPanic].
	OnPanic PanicPolicy

	// StartDelay is how long the first attempt of Supervise waits. A program that
	// makes many clients at once gives each its own, drawn at random. Default 0.
	StartDelay time.Duration
	// Retry says when Supervise connects again after a failure, with what delays, and
	// when it gives up. The default is described in [RetryPolicy].
	Retry RetryPolicy
	// Endpoints are further addresses for Supervise, besides its url, which is the
	// first of the list, and the order in which they are tried. Default: none.
	Endpoints Endpoints
	// Provider, if set, is asked before every attempt for the request: URL, header,
	// subprotocols, TLS configuration. An HTTP status 401 or 403 makes Supervise
	// ask it once for other credentials. It may block until its context ends.
	Provider Provider
	// ProviderTimeout bounds one call of Provider, and one of Subscribe. Default 10 s.
	ProviderTimeout time.Duration
	// Subscribe, if set, gives the messages that every new connection begins with,
	// before anything else is sent and before OnOpen. An error fails the attempt, as
	// does a message that cannot be sent. It may block until its context ends. What is
	// received before the handler has seen OnOpen waits.
	Subscribe func(ctx context.Context, opened *Opened) ([]Message, error)

	// Outbox, if set, holds what is sent while the connection is not open: Send then
	// fails only when the outbox is full. Default: there is none.
	Outbox *OutboxConfig

	// System is the actor system in which the client's actors live. Default: one
	// that all clients of the program share.
	System *actor.ActorSystem
	// Observer sees every message between the actors. Default: none.
	Observer Observer
	// Logger gets what nobody else is told. Default: nothing is logged.
	Logger *slog.Logger
}

// errHandshakeOptions says which options exclude each other.
var errHandshakeOptions = errors.New("dandelion: Options.HTTPClient brings its own transport: set TLSConfig, DialContext, DisableNoDelay, Proxy and Gate there")

func (o *Options) config(url string) (supervisor.Config, error) {
	h, err := o.handshaker()
	return supervisor.Config{
		URL: url,
		Request: Request{
			Header:       o.Header,
			Host:         o.Host,
			Origin:       o.Origin,
			UserAgent:    o.UserAgent,
			Subprotocols: o.Subprotocols,
		},
		Handshaker:      h,
		ConnectTimeout:  o.ConnectTimeout,
		ProviderTimeout: o.ProviderTimeout,
		MaxFrame:        o.MaxFrame,
		MaxMessage:      o.MaxMessage,
		MaxFragments:    o.MaxFragments,
		Streaming:       o.Streaming,
		ReceiveWindow:   o.ReceiveWindow,
		BehindAfter:     o.BehindAfter,
		QueueMessages:   o.QueueMessages,
		QueueBytes:      o.QueueBytes,
		CloseTimeout:    o.CloseTimeout,
		PingInterval:    o.PingInterval,
		PongTimeout:     o.PongTimeout,
		PingMisses:      o.PingMisses,
		OnPanic:         o.OnPanic,
		StartDelay:      o.StartDelay,
		Retry:           o.Retry,
		Endpoints:       o.Endpoints,
		Provider:        o.Provider,
		Subscribe:       o.subscribe(),
		Outbox:          o.Outbox,
		Observer:        o.Observer,
		Logger:          o.Logger,
	}, err
}

// subscribe is Subscribe for a supervisor.
func (o *Options) subscribe() func(context.Context, *Opened) ([]messages.Outgoing, error) {
	if o.Subscribe == nil {
		return nil
	}
	return func(ctx context.Context, opened *Opened) ([]messages.Outgoing, error) {
		first, err := o.Subscribe(ctx, opened)
		if err != nil {
			return nil, err
		}
		out := make([]messages.Outgoing, len(first))
		for i, m := range first {
			if err := m.check(); err != nil {
				return nil, err
			}
			out[i] = m.outgoing()
		}
		return out, nil
	}
}

// defaultHandshaker is that of all clients without options for it.
var defaultHandshaker = &handshake.Client{}

func (o *Options) handshaker() (Handshaker, error) {
	if o.Handshaker != nil {
		return o.Handshaker, nil
	}
	if o.HTTPClient != nil {
		if o.TLSConfig != nil || o.DialContext != nil || o.DisableNoDelay || o.Proxy != nil || o.Gate != nil {
			return nil, errHandshakeOptions
		}
		return &handshake.Client{Adapter: &handshake.RoundTripAdapter{Client: o.HTTPClient}}, nil
	}
	if o.TLSConfig == nil && o.DialContext == nil && !o.DisableNoDelay && o.Proxy == nil && o.Gate == nil {
		return defaultHandshaker, nil
	}
	return &handshake.Client{Adapter: &handshake.NetAdapter{
		DialContext:    o.DialContext,
		TLSConfig:      o.TLSConfig,
		DisableNoDelay: o.DisableNoDelay,
		Proxy:          o.Proxy,
		Gate:           o.Gate,
	}}, nil
}

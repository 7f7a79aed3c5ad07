package dandelion

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
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
)

// Options say how to connect and how a connection behaves. The zero value is
// good; a zero field means its default.
type Options struct {
	// Header, Host, Origin, UserAgent and Subprotocols go into the opening
	// handshake; see handshake.Request.
	Header       http.Header
	Host         string
	Origin       string
	UserAgent    string
	Subprotocols []string

	// TLSConfig is for wss. Default: TLS 1.2 or later, the system's roots.
	TLSConfig *tls.Config
	// DialContext makes the network connection instead of a net.Dialer. It has to
	// return soon after its context has ended, or Dial and Close do not return.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// DisableNoDelay switches TCP_NODELAY off: small writes may then wait for the
	// acknowledgement of earlier ones (Nagle's algorithm). Default: they do not.
	DisableNoDelay bool
	// Proxy chooses the proxy for a ws or wss URL; nil as result means none.
	// Default: no proxy. handshake.ProxyFromEnvironment reads the usual variables.
	Proxy func(*url.URL) (*url.URL, error)
	// Gate bounds how many attempts may be under way at once. Default: one for
	// each address in the whole program (RFC 6455 §4.1); see handshake.Gate.
	Gate *handshake.Gate
	// HTTPClient makes the opening handshake over net/http instead of the own
	// HTTP/1.1 exchange. TLSConfig, DialContext, DisableNoDelay, Proxy and Gate are then
	// the business of its transport and must not be set here.
	HTTPClient *http.Client
	// Handshaker replaces all of the six fields above.
	Handshaker handshake.Handshaker
	// ConnectTimeout bounds one attempt to connect. Default 30 s.
	ConnectTimeout time.Duration

	// Settings are the limits and times of a connection: receive limits and
	// window, send queue, close timeout, keepalive.
	actors.Settings

	// Handler are callbacks. If it has one of OnText, OnBinary, OnBorrowed and
	// OnFragment, data goes to it; else data is to be read with Read or Messages.
	Handler *Handler
	// Inline runs the callbacks for what arrives (OnText, OnBinary, OnBorrowed,
	// OnFragment, OnPing, OnPong) always on the one goroutine that reads from the
	// network. Without it another goroutine goes on with reading when they take
	// longer than five to ten milliseconds. It saves a fraction of a microsecond for
	// each read; but one that takes long then holds up Pongs and closing, also when
	// it waits in Write for a server that reads slowly. In these callbacks what waits
	// for something else from the server (Close, Shutdown, Ping, Read, Done) waits
	// for ever, or until its context ends: call it on another goroutine.
	Inline bool
	// OnPanic says what follows a panic in a handler. Default: the connection is
	// failed with the code 1011 and not made again.
	OnPanic supervisor.PanicPolicy

	// StartDelay is how long the first attempt of Supervise waits. A program that
	// makes many clients at once gives each its own, drawn at random. Default 0.
	StartDelay time.Duration
	// Retry says when Supervise connects again after a failure, with what delays, and
	// when it gives up.
	Retry retry.Policy
	// Endpoints are further addresses for Supervise, besides its url, which is the
	// first of the list, and the order in which they are tried.
	Endpoints retry.Endpoints
	// Provider, if set, is asked before every attempt for the request: URL, header,
	// subprotocols, TLS configuration. An HTTP status 401 or 403 makes Supervise
	// ask it once for other credentials. It may block until its context ends.
	Provider supervisor.Provider
	// ProviderTimeout bounds one call of Provider, and one of Subscribe. Default 10 s.
	ProviderTimeout time.Duration
	// Subscribe, if set, gives the messages that every new connection begins with,
	// before anything else is sent and before OnOpen. An error fails the attempt.
	// It may block until its context ends. What is received before the handler
	// has seen OnOpen waits.
	Subscribe func(ctx context.Context, opened *messages.Opened) ([]messages.Outgoing, error)

	// Outbox, if set, holds what is sent while the connection is not open: Send
	// then fails only when the outbox is full. Nil: Send fails with
	// messages.ErrNotOpen, Write waits.
	Outbox *outbox.Config

	// System is the actor system in which the client's actors live. Default: one
	// that all clients of the program share.
	System *actor.ActorSystem
	// Observer sees every message between the actors. Default: none.
	Observer actors.Observer
	// Logger gets what nobody else is told. Default: nothing is logged.
	Logger *slog.Logger
}

// errHandshakeOptions says which options exclude each other.
var errHandshakeOptions = errors.New("dandelion: Options.HTTPClient brings its own transport: set TLSConfig, DialContext, DisableNoDelay, Proxy and Gate there")

func (o *Options) config(url string) (supervisor.Config, error) {
	h, err := o.handshaker()
	return supervisor.Config{
		URL: url,
		Request: handshake.Request{
			Header:       o.Header,
			Host:         o.Host,
			Origin:       o.Origin,
			UserAgent:    o.UserAgent,
			Subprotocols: o.Subprotocols,
		},
		Handshaker:      h,
		ConnectTimeout:  o.ConnectTimeout,
		ProviderTimeout: o.ProviderTimeout,
		MaxFrame:        o.Limits.MaxFrame,
		MaxMessage:      o.Limits.MaxMessage,
		MaxFragments:    o.Limits.MaxFragments,
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
		Subscribe:       o.Subscribe,
		Outbox:          o.Outbox,
		Observer:        o.Observer,
		Logger:          o.Logger,
	}, err
}

func (o *Options) handshaker() (handshake.Handshaker, error) {
	if o.Handshaker != nil {
		return o.Handshaker, nil
	}
	if o.HTTPClient != nil {
		if o.TLSConfig != nil || o.DialContext != nil || o.DisableNoDelay || o.Proxy != nil || o.Gate != nil {
			return nil, errHandshakeOptions
		}
		return &handshake.Client{Adapter: &handshake.RoundTripAdapter{Client: o.HTTPClient}}, nil
	}
	return &handshake.Client{Adapter: &handshake.NetAdapter{
		DialContext:    o.DialContext,
		TLSConfig:      o.TLSConfig,
		DisableNoDelay: o.DisableNoDelay,
		Proxy:          o.Proxy,
		Gate:           o.Gate,
	}}, nil
}

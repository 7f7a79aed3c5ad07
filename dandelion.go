// Package dandelion is a WebSocket client (RFC 6455). It is the entry point for code
// without actors, and the only import that such code needs; actors use package
// supervisor.
//
//	client, err := dandelion.Dial(ctx, "wss://example.org/feed", nil)
//	if err != nil {
//		return err
//	}
//	defer client.Close(ctx, dandelion.StatusNormal, "")
//	if err := client.Write(ctx, dandelion.Text("hello")); err != nil {
//		return err
//	}
//	msg, err := client.Read(ctx)
//
// [Dial] makes one connection. [Supervise] keeps a connection up: it connects
// again, with randomised exponential backoff, when the connection is lost.
//
// A [Message] is sent by one of three verbs: [Client.Write] waits until it is written,
// [Client.Queue] until it is accepted, [Client.Send] for nothing. What arrives is read
// with [Client.Read] or [Client.Messages], or passed to the callbacks of a [Handler].
// [Client.Close], [Client.Shutdown] and [Client.Abort] end a client.
//
// All methods of a Client are safe for concurrent use, even from within a callback. A
// context that ends while a method waits ends the waiting and nothing else: the
// connection is as good as before.
package dandelion

import (
	"context"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/supervisor"
)

// Dial connects to a ws or wss URL and returns when the connection is open. opts may be
// nil. ctx bounds the dialling only. The error is a *[HandshakeError], unless the options
// exclude each other or code in them has failed: then it is a *[ProviderError], a
// *[SubscribeError] or the report of a panic.
//
// The attempt is made on the goroutine of the caller, and so are the calls of
// DialContext, Proxy and Handshaker of the options: Dial returns when they do, so they
// should honour their context, and if one of them calls runtime.Goexit, Dial does not
// return.
//
// The connection lives until it is closed by either side or lost; it has to be
// closed with [Client.Close] or [Client.Abort].
func Dial(ctx context.Context, url string, opts *Options) (*Client, error) {
	c, cfg, err := newClient(url, opts)
	if err != nil {
		return nil, err
	}
	c.once, c.view.Once = true, true
	c.view.Attempts = ctx
	cfg.StartDelay = 0
	c.view.Caller.Spawn(func() *actor.PID { return c.spawn(cfg) })
	if c.view.Opened() != nil {
		return c, nil
	}
	for {
		state, changed := c.view.State()
		if c.view.Opened() != nil {
			return c, nil
		}
		if state == StateStopped {
			return nil, c.Err()
		}
		<-changed // at the latest when ctx ends, which ends the handshake
	}
}

// Supervise keeps a connection to a ws or wss URL up until ctx ends or the
// client is closed, or until an end that the verdict calls final; see
// DefaultVerdicts. It returns at once: the first attempt runs in the
// background like all others, and is an event. opts may be nil. An error says
// that the URL or the options are not valid.
//
// When ctx ends the connection is closed with the code 1001 (going away).
func Supervise(ctx context.Context, url string, opts *Options) (*Client, error) {
	c, cfg, err := newClient(url, opts)
	if err != nil {
		return nil, err
	}
	if _, err := handshake.ParseURL(url); err != nil {
		return nil, err
	}
	cfg.Lifetime = ctx
	c.spawn(cfg)
	return c, nil
}

func newClient(url string, opts *Options) (*Client, supervisor.Config, error) {
	if opts == nil {
		opts = &Options{}
	}
	c := &Client{view: handle.New(), system: opts.System, streaming: opts.Streaming}
	if c.system == nil {
		c.system = sharedSystem()
	}
	cfg, err := opts.config(url)
	if opts.Handler != nil {
		c.handler = *opts.Handler
	}
	if c.handler.takesData() {
		c.view.Sink = &handlerSink{c: c}
		c.view.Borrowed = c.handler.OnBorrowed != nil && !c.streaming
	} else {
		c.inbox = newInbox()
		c.view.Sink = &inboxSink{handlerSink{c: c}}
	}
	return c, cfg, err
}

package supervisor

// This file is one attempt to connect.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
)

// Attempt is what a Provider is told.
type Attempt struct {
	// Epoch is that of the attempt.
	Epoch uint64
	// Number is 1 for the first attempt since counts started over.
	Number int
	// Cause is why the last connection or attempt ended; nil for the first.
	Cause error
	// Refresh is set if the server has refused the credentials of the last attempt.
	Refresh bool
	// Request is Config.Request with the URL of the endpoint for this attempt. Its header
	// belongs to the Provider.
	Request handshake.Request
}

// Provider returns the request for one attempt: URL, header, subprotocols, TLS configuration.
// Usually it changes a.Request and returns that. It runs on a new goroutine and may block
// until ctx ends; the attempt waits no longer. A panic fails the attempt.
type Provider func(ctx context.Context, a Attempt) (handshake.Request, error)

// dialed is the outcome of an attempt.
type dialed struct {
	epoch  uint64
	dial   *dial
	result *handshake.Result
	opened *messages.Opened
	first  []messages.Outgoing // to be sent before everything else
	err    error
}

// IgnoreDeadLetterLogging is there because an outcome that comes too late is thrown away.
func (*dialed) IgnoreDeadLetterLogging() {}

// discard closes a connection that came too late.
func (d *dialed) discard() {
	if d.result != nil {
		go d.result.Stream.Close() // over TLS it writes an alert, which can block
	}
}

// dial is one attempt under way.
type dial struct {
	cancel context.CancelFunc
	failed error // what the outcome is to be instead; belongs to the supervisor

	mu        sync.Mutex
	abandoned bool    // nobody takes the outcome
	out       *dialed // reported and not taken yet
}

// startDial has an attempt made by run and reports its outcome once, unless it is
// abandoned. The attempt ends with ctx.
func startDial(ctx context.Context, run func(attempt func()), cfg *Config, box *outbox.Queue, a Attempt, report func(*dialed)) *dial {
	ctx, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
	d := &dial{cancel: cancel}
	run(func() {
		out := &dialed{epoch: a.Epoch, err: errAttemptEnded}
		defer func() {
			cancel()
			out.dial = d
			if d.finished(out) {
				report(out)
			}
		}()
		out = cfg.attempt(ctx, box, a)
	})
	return d
}

var errAttemptEnded = errors.New("the goroutine of the attempt was ended: runtime.Goexit was called in a Handshaker, or in a function that it was given")

// finished keeps the outcome for the supervisor. It reports whether the supervisor wants it.
func (d *dial) finished(out *dialed) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.abandoned {
		out.discard()
		return false
	}
	d.out = out
	return true
}

// take hands the outcome over. It returns false if the attempt was abandoned.
func (d *dial) take() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.out = nil
	return !d.abandoned
}

// attempt asks for the request, makes the handshake and asks for the first messages. It begins
// when the outbox has loaded its messages, as those go out before Opened.
func (c *Config) attempt(ctx context.Context, box *outbox.Queue, a Attempt) *dialed {
	out := &dialed{epoch: a.Epoch}
	if box != nil {
		if out.err = box.Loaded(ctx); out.err != nil {
			return out
		}
	}
	req := a.Request
	if c.Provider != nil {
		var err error
		if req, err = bounded(ctx, c.ProviderTimeout, func(ctx context.Context) (handshake.Request, error) { return c.Provider(ctx, a) }); err != nil {
			out.err = &messages.ProviderError{Err: err}
			return out
		}
	}
	if out.result, out.err = tryHandshake(ctx, c.Handshaker, &req); out.err != nil {
		return out
	}
	defer func() {
		if out.opened == nil { // even if code of the user has ended the goroutine
			out.discard()
			out.result = nil
		}
	}()
	if out.opened, out.err = describe(a.Epoch, out.result); out.err != nil {
		return out
	}
	if c.Subscribe != nil {
		first, err := bounded(ctx, c.ProviderTimeout, func(ctx context.Context) ([]messages.Outgoing, error) { return c.Subscribe(ctx, out.opened) })
		if err == nil {
			err = checkAll(first)
		}
		if err != nil {
			out.discard()
			out.result, out.err = nil, &messages.SubscribeError{Err: err}
			return out
		}
		out.first = first
	}
	return out
}

// checkAll returns the error of the first message that could not be sent.
func checkAll(first []messages.Outgoing) error {
	for i := range first {
		if err := first[i].Check(); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	return nil
}

// bounded calls code of the user that should return when its context ends, and perhaps does
// not. A panic becomes an error.
func bounded[T any](ctx context.Context, timeout time.Duration, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		r := result{err: fmt.Errorf("runtime.Goexit was called")}
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("panic: %v", p)
			}
			done <- r
		}()
		r.value, r.err = f(ctx)
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, fmt.Errorf("it took too long: %w", ctx.Err())
	}
}

// tryHandshake makes the handshake. A panic in the Handshaker becomes an error.
func tryHandshake(ctx context.Context, h handshake.Handshaker, req *handshake.Request) (r *handshake.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("panic in the handshake: %v", p)
		}
	}()
	r, err = h.Handshake(ctx, req)
	if err == nil && (r == nil || r.Stream == nil) {
		r, err = nil, fmt.Errorf("handshaker %T returned neither a stream nor an error", h)
	}
	return r, err
}

// fail ends the attempt with this error, whatever its outcome is.
func (d *dial) fail(err error) {
	d.failed = err
	d.cancel()
}

// abandon ends the attempt; its outcome is thrown away.
func (d *dial) abandon() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.abandoned = true
	d.cancel()
	if d.out != nil { // on its way to an actor that no longer takes it
		d.out.discard()
		d.out = nil
	}
}

// describe returns the event for a good handshake. A panic in addresses or extensions that a
// Handshaker returned becomes an error.
func describe(epoch uint64, r *handshake.Result) (opened *messages.Opened, err error) {
	defer func() {
		if p := recover(); p != nil {
			opened, err = nil, fmt.Errorf("panic in the outcome of the handshake: %v", p)
		}
	}()
	opened = &messages.Opened{
		Epoch:       epoch,
		Subprotocol: r.Subprotocol,
		Header:      r.Header,
		LocalAddr:   addr(r.LocalAddr),
		RemoteAddr:  addr(r.RemoteAddr),
	}
	if r.URL != nil {
		opened.URL = r.URL.String()
	}
	for _, x := range r.Extensions {
		opened.Extensions = append(opened.Extensions, x.String())
	}
	return opened, nil
}

func addr(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// hostOf returns host and port of the server, for errors.
func hostOf(r *handshake.Result) string {
	if r.URL == nil {
		return ""
	}
	return r.URL.Host
}

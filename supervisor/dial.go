package supervisor

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
)

// dialed is the outcome of an attempt.
type dialed struct {
	epoch  uint64
	result *handshake.Result
	err    error
}

// discard closes a connection that came too late.
func (d *dialed) discard() {
	if d.result != nil {
		d.result.Stream.Close()
	}
}

// dial is one attempt under way, on a goroutine of its own.
type dial struct {
	cancel context.CancelFunc

	mu        sync.Mutex
	abandoned bool // nobody takes the outcome
}

// startDial makes an attempt and reports its outcome once, unless it is abandoned.
func startDial(ctx context.Context, timeout time.Duration, h handshake.Handshaker, req handshake.Request, epoch uint64, report func(*dialed)) *dial {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	d := &dial{cancel: cancel}
	go func() {
		defer cancel()
		out := &dialed{epoch: epoch}
		out.result, out.err = tryHandshake(ctx, h, &req)
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.abandoned {
			out.discard()
			return
		}
		report(out)
	}()
	return d
}

// tryHandshake turns a panic of a caller's Handshaker into an error.
func tryHandshake(ctx context.Context, h handshake.Handshaker, req *handshake.Request) (r *handshake.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("panic in the handshake: %v", p)
		}
	}()
	r, err = h.Handshake(ctx, req)
	if err == nil && (r == nil || r.Stream == nil) {
		err = fmt.Errorf("handshaker %T returned neither a stream nor an error", h)
	}
	return r, err
}

// abandon ends the attempt; its outcome is thrown away.
func (d *dial) abandon() {
	d.mu.Lock()
	d.abandoned = true
	d.mu.Unlock()
	d.cancel()
}

// describe makes the event for a good handshake.
func describe(epoch uint64, r *handshake.Result) *messages.Opened {
	opened := &messages.Opened{
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
	return opened
}

func addr(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// displayURL takes the user information out of a URL, for events.
func displayURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(invalid URL)"
	}
	u.User = nil
	return u.String()
}

package handshake

// The handshake of RFC 6455 over HTTP/1.1: request, exchange, check.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Client makes the opening handshake of RFC 6455 §4.1. The zero value is ready;
// a Client may be used by several goroutines at once if its Adapter may.
type Client struct {
	// Adapter makes the HTTP exchange. nil stands for &NetAdapter{}.
	Adapter Adapter

	// FollowRedirects is how many redirects (301, 302, 303, 307, 308 with a
	// Location) are followed, 0 by default: a redirect is then a failure like
	// any other status. Each is a new handshake on a new connection.
	// Authorization, Cookie, the user information of the URL and Request.Host
	// are not carried to another host or port. From wss to ws, and to a URL
	// with user information, no redirect is followed.
	FollowRedirects int
}

// Handshake implements Handshaker. Without a deadline in ctx it is bounded by
// the timeouts of the adapter. A refusal, a 401 included, is an *Error with
// status, header and the first KiB of the body.
func (c *Client) Handshake(ctx context.Context, req *Request) (*Result, error) {
	if req == nil {
		return nil, &Error{Stage: StageRequest, Err: errors.New("no Request was given")}
	}
	u, err := ParseURL(req.URL)
	if err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, &Error{Stage: StageRequest, URL: redactURL(u), Err: err}
	}
	for followed := 0; ; followed++ {
		result, failure := c.attempt(ctx, u, req)
		if failure == nil {
			return result, nil
		}
		failure.URL = redactURL(u)
		if c.FollowRedirects <= 0 || !isRedirect(failure) {
			return nil, failure
		}
		if followed == c.FollowRedirects {
			failure.Err = fmt.Errorf("%w after %d redirects, which is the limit (FollowRedirects)", failure.Err, followed)
			return nil, failure
		}
		u, req, err = redirect(u, req, failure.Header.Get("Location"))
		if err != nil {
			failure.Err = fmt.Errorf("%w, which cannot be followed: %w", failure.Err, err)
			return nil, failure
		}
	}
}

// attempt makes one handshake.
func (c *Client) attempt(ctx context.Context, u *url.URL, req *Request) (*Result, *Error) {
	adapter := c.Adapter
	if adapter == nil {
		adapter = &NetAdapter{}
	}
	target := withoutUser(u)
	key := newKey()
	a, err := adapter.Exchange(ctx, target, req.head(u, key))
	if err != nil {
		return nil, fail(StageHTTP, err)
	}
	if a.Status != http.StatusSwitchingProtocols {
		return nil, refused(StageHTTP, "the server", a)
	}
	subprotocol, extensions, err := validate(a, key, req)
	if err != nil {
		if a.Stream != nil {
			abort(a.Stream)
		}
		return nil, &Error{Stage: StageValidate, Status: a.Status, Header: a.Header, Err: err}
	}
	if a.Stream == nil {
		err := errors.New("the adapter does not give the connection behind the 101")
		return nil, &Error{Stage: StageHTTP, Status: a.Status, Header: a.Header, Err: err}
	}
	return &Result{
		Stream:      a.Stream,
		Buffered:    a.Buffered,
		URL:         target,
		Subprotocol: subprotocol,
		Extensions:  extensions,
		Status:      a.Status,
		Header:      a.Header,
		LocalAddr:   a.LocalAddr,
		RemoteAddr:  a.RemoteAddr,
	}, nil
}

// abort closes a stream at once. It does not send the close_notify alert of
// TLS, which could block on a peer that does not read.
func abort(stream io.Closer) {
	for {
		t, ok := stream.(*tls.Conn)
		if !ok {
			break
		}
		stream = t.NetConn()
	}
	stream.Close()
}

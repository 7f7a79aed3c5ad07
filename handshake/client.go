package handshake

// This file is the handshake of RFC 6455 over HTTP/1.1: request, exchange, check.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Client makes the opening handshake of RFC 6455 §4.1. The zero value is ready to
// use; several goroutines may use a Client at once if its Adapter allows that.
type Client struct {
	// Adapter makes the HTTP exchange. nil means &NetAdapter{}.
	Adapter Adapter

	// FollowRedirects is how many redirects (301, 302, 303, 307, 308 with a
	// Location) are followed. The default is 0: a redirect is then a failure like
	// any other status. Each redirect is a new handshake on a new connection.
	// Authorization, Cookie, the user information of the URL and Request.Host are
	// not carried to another host or port. Redirects from wss to ws, and to a URL
	// with user information, are not followed.
	FollowRedirects int
}

// Handshake implements Handshaker. If ctx has no deadline, only the timeouts of
// the adapter bound it. A refusal, such as a 401, is an *Error with status, header
// and the first KiB of the body.
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
		result, failure := c.handshakeOnce(ctx, u, req)
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

// defaultAdapter is that of every Client without one.
var defaultAdapter = &NetAdapter{}

// handshakeOnce makes one handshake and follows no redirect.
func (c *Client) handshakeOnce(ctx context.Context, u *url.URL, req *Request) (*Result, *Error) {
	adapter := c.Adapter
	if adapter == nil {
		adapter = defaultAdapter
	}
	target := withoutUser(u)
	key := newKey()
	resp, err := adapter.Exchange(ctx, target, req.head(u, key))
	if err != nil {
		return nil, fail(StageHTTP, err)
	}
	if resp.Status != http.StatusSwitchingProtocols {
		return nil, refused(StageHTTP, "the server", resp)
	}
	subprotocol, extensions, err := validate(resp, key, req)
	if err != nil {
		if resp.Stream != nil {
			abort(resp.Stream)
		}
		return nil, &Error{Stage: StageValidate, Status: resp.Status, Header: resp.Header, Err: err}
	}
	if resp.Stream == nil {
		err := errors.New("the adapter returned a 101 without its connection")
		return nil, &Error{Stage: StageHTTP, Status: resp.Status, Header: resp.Header, Err: err}
	}
	return &Result{
		Stream:      resp.Stream,
		Buffered:    resp.Buffered,
		URL:         target,
		Subprotocol: subprotocol,
		Extensions:  extensions,
		Status:      resp.Status,
		Header:      resp.Header,
		LocalAddr:   resp.LocalAddr,
		RemoteAddr:  resp.RemoteAddr,
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

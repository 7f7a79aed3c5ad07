package handshake

// This file is the HTTP exchange over a network connection of our own.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// NetAdapter makes the HTTP/1.1 exchange over a net.Conn: it resolves the name,
// connects (to the addresses of the host as in RFC 8305), goes through a proxy if
// there is one, makes the TLS handshake for wss, sends the request in one write
// and reads the response.
//
// The zero value is ready to use and connects directly. Several goroutines may
// use a NetAdapter at once; its fields must not change during that.
//
// Every stage has its own timeout; the caller's context bounds them all together.
// A timeout of 0 means the default, a negative one means none.
type NetAdapter struct {
	// DialContext replaces name resolution and TCP connect, to the server or to
	// the proxy: network is "tcp", addr is host and port, the host as in the URL.
	// It must return soon after its context ends, and the connection's Close must
	// end its Read and Write. nil means that the adapter connects itself.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// LookupIP resolves the host name of the server, or of the proxy if there is
	// one. It is not used with a DialContext. It must return soon after its
	// context ends. nil means net.DefaultResolver.
	LookupIP func(ctx context.Context, host string) ([]netip.Addr, error)

	// DisableNoDelay keeps Nagle's algorithm on. By default TCP_NODELAY is set on
	// TCP connections, including those from DialContext.
	DisableNoDelay bool

	// TLSConfig is used for wss and for https proxies. It is not changed. For the
	// server, its ServerName replaces the URL's host in SNI and in the check of
	// the certificate; its NextProtos is replaced by http/1.1. nil means the
	// defaults of crypto/tls: TLS 1.2 or later and a certificate for the host
	// from an authority that the system trusts.
	TLSConfig *tls.Config

	// Proxy selects a proxy; a nil URL means none. It is called with the address
	// as a ws or wss URL without user information. The scheme of a proxy is http
	// or https (asked with CONNECT), or socks5 or socks5h (both resolve the host
	// at the proxy); its user information is for the proxy (Basic, RFC 1929).
	// DialContext, if set, connects to the proxy. nil means no proxy: the
	// environment is consulted only if this is ProxyFromEnvironment.
	Proxy func(*url.URL) (*url.URL, error)

	// Gate bounds the attempts that are under way. nil means one Gate for the
	// whole process.
	Gate *Gate

	// ResolveTimeout bounds the resolution of the host name. Default 5 s.
	ResolveTimeout time.Duration
	// DialTimeout bounds the TCP connect to one address, or the call of
	// DialContext. Default 10 s.
	DialTimeout time.Duration
	// ProxyTimeout bounds the exchange with the proxy, once connected to it.
	// Default 10 s.
	ProxyTimeout time.Duration
	// TLSTimeout bounds the TLS handshake. Default 10 s.
	TLSTimeout time.Duration
	// ResponseTimeout bounds sending the request and waiting for the head of the
	// final response. Default 10 s.
	ResponseTimeout time.Duration

	// MaxResponseHead bounds the heads of the server's response and of the interim
	// responses before it, in bytes, all together; likewise for the response of a
	// proxy. Default (0 or less) 64 KiB. Up to 4 KiB more may be read ahead.
	MaxResponseHead int
}

const (
	defaultResolveTimeout  = 5 * time.Second
	defaultDialTimeout     = 10 * time.Second
	defaultProxyTimeout    = 10 * time.Second
	defaultTLSTimeout      = 10 * time.Second
	defaultResponseTimeout = 10 * time.Second
	defaultMaxResponseHead = 64 << 10

	// bodyTimeout bounds the wait for the first KiB of the body of a refusal.
	bodyTimeout = time.Second
)

// Exchange implements Adapter.
func (a *NetAdapter) Exchange(ctx context.Context, u *url.URL, head *RequestHead) (resp *Response, err error) {
	conn, leave, err := a.connect(ctx, u, head)
	if err != nil {
		return nil, err
	}
	// RFC 6455 §4.1: the attempt ends when the connection is established or has
	// failed.
	defer leave()
	defer func() {
		if resp == nil || resp.Stream == nil {
			abort(conn)
		}
	}()
	if secure(u) {
		name := tlsName(u)
		config := a.TLSConfig
		if head.TLSConfig != nil {
			config = head.TLSConfig
		}
		if config != nil && config.ServerName != "" {
			name = config.ServerName
		}
		t := tlsClient(conn, config, name)
		// RFC 6455 §4.1: the TLS handshake comes before any HTTP.
		if err := a.limit(StageTLS).run(ctx, conn, t.HandshakeContext); err != nil {
			return nil, err
		}
		conn = t
	}
	return a.exchangeOn(ctx, conn, u, head)
}

// limit returns the time limit of a stage.
func (a *NetAdapter) limit(stage Stage) timeLimit {
	switch stage {
	case StageResolve:
		return newTimeLimit(stage, "ResolveTimeout", a.ResolveTimeout, defaultResolveTimeout)
	case StageDial:
		return newTimeLimit(stage, "DialTimeout", a.DialTimeout, defaultDialTimeout)
	case StageProxy:
		return newTimeLimit(stage, "ProxyTimeout", a.ProxyTimeout, defaultProxyTimeout)
	case StageTLS:
		return newTimeLimit(stage, "TLSTimeout", a.TLSTimeout, defaultTLSTimeout)
	default:
		return newTimeLimit(stage, "ResponseTimeout", a.ResponseTimeout, defaultResponseTimeout)
	}
}

// responseReaders are pooled because an open connection does not need one: bytes
// read ahead are copied out.
var responseReaders = sync.Pool{New: func() any { return bufio.NewReader(nil) }}

// exchangeOn sends the request on conn and reads the response.
func (a *NetAdapter) exchangeOn(ctx context.Context, conn net.Conn, u *url.URL, head *RequestHead) (*Response, error) {
	r := responseReaders.Get().(*bufio.Reader)
	r.Reset(conn)
	defer func() {
		r.Reset(nil)
		responseReaders.Put(r)
	}()
	var got *responseHead
	err := a.limit(StageHTTP).run(ctx, conn, func(context.Context) (err error) {
		// RFC 6455 §4.1: nothing more is written until the response has come.
		if _, err = conn.Write(appendHead(make([]byte, 0, usualHead), http.MethodGet, u.RequestURI(), head)); err != nil {
			return fmt.Errorf("writing the request: %w", err)
		}
		got, err = readResponse(r, a.maxResponseHead())
		return err
	})
	if err != nil {
		return nil, err
	}
	resp := &Response{
		Major: 1, Minor: got.minor, Status: got.status, Header: got.header,
		LocalAddr: conn.LocalAddr(), RemoteAddr: conn.RemoteAddr(),
	}
	// RFC 7230 §3.3.3: a 101 has no body whatever its header says.
	if got.status == http.StatusSwitchingProtocols {
		if n := r.Buffered(); n > 0 {
			early, _ := r.Peek(n)
			resp.Buffered = bytes.Clone(early)
		}
		resp.Stream = conn
		return resp, nil
	}
	if resp.Body, err = refusalBody(ctx, conn, r, got); err != nil {
		return nil, err
	}
	return resp, nil
}

// refusalBody reads the beginning of the body that follows head in r. It does not
// wait long: it returns what has come within bodyTimeout.
func refusalBody(ctx context.Context, conn net.Conn, r io.Reader, head *responseHead) (body []byte, err error) {
	enough, cancel := context.WithTimeout(ctx, bodyTimeout)
	defer cancel()
	defer context.AfterFunc(enough, func() { abort(conn) })()
	body, err = head.readBody(r)
	if ctx.Err() != nil {
		err = ended(ctx)
	}
	if err != nil {
		return nil, &Error{Stage: StageHTTP, Status: head.status, Header: head.header, Body: body, Err: err}
	}
	return body, nil
}

func (a *NetAdapter) maxResponseHead() int {
	if a.MaxResponseHead <= 0 {
		return defaultMaxResponseHead
	}
	return a.MaxResponseHead
}

// connect connects to the server, directly or through a proxy, without TLS to the
// server. leave ends the attempt at the Gate.
func (a *NetAdapter) connect(ctx context.Context, u *url.URL, head *RequestHead) (conn net.Conn, leave func(), err error) {
	var proxy *url.URL
	if a.Proxy != nil {
		if proxy, err = a.Proxy(withoutUser(u)); err != nil {
			return nil, nil, fail(StageProxy, err)
		}
	}
	if proxy == nil && a.DialContext == nil {
		return a.dial(ctx, address(u), a.Gate)
	}
	// RFC 6455 §4.1: if the address cannot be learnt, every host name counts as a
	// different host, and the total is limited.
	leave, err = a.Gate.enterUnknown(ctx, address(u))
	if err != nil {
		return nil, nil, fail(StageDial, err)
	}
	defer func() {
		if err != nil || conn == nil { // neither: the caller's code called runtime.Goexit
			leave()
		}
	}()
	if proxy != nil {
		conn, err = a.dialThrough(ctx, proxy, u, head)
	} else {
		conn, err = a.dialCustom(ctx, address(u))
	}
	return conn, leave, err
}

// dialCustom connects with the caller's DialContext.
func (a *NetAdapter) dialCustom(ctx context.Context, addr string) (conn net.Conn, err error) {
	err = a.limit(StageDial).run(ctx, nil, func(ctx context.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("DialContext panicked: %v", p)
			}
		}()
		conn, err = a.DialContext(ctx, "tcp", addr)
		switch {
		case err != nil:
			return fmt.Errorf("DialContext: %w", err)
		case conn == nil:
			return errors.New("DialContext returned neither a connection nor an error")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.setNoDelay(conn)
	return conn, nil
}

// dial resolves the name and connects. Every address passes through gate.
func (a *NetAdapter) dial(ctx context.Context, hostPort string, gate *Gate) (net.Conn, func(), error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, nil, fail(StageDial, err)
	}
	addrs, err := a.resolve(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	won := race(ctx, addrs, func(ctx context.Context, addr netip.Addr) (dialed connectResult) {
		hostPort := net.JoinHostPort(addr.String(), port)
		if dialed.leave, dialed.err = gate.enterAddress(ctx, hostPort); dialed.err != nil {
			return dialed
		}
		err := a.limit(StageDial).run(ctx, nil, func(ctx context.Context) (err error) {
			var d net.Dialer
			dialed.conn, err = d.DialContext(ctx, "tcp", hostPort)
			return err
		})
		if err != nil {
			dialed.leave()
			dialed.err = errors.Unwrap(err) // the Stage comes back below
		}
		return dialed
	})
	if won.err != nil && ctx.Err() != nil {
		won.err = ended(ctx)
	}
	if won.err != nil {
		return nil, nil, fail(StageDial, won.err)
	}
	if a.DisableNoDelay { // else it is set: by default, package net does that
		a.setNoDelay(won.conn)
	}
	return won.conn, won.leave, nil
}

// resolve returns the addresses of host, at least one.
func (a *NetAdapter) resolve(ctx context.Context, host string) (addrs []netip.Addr, err error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	lookup := a.LookupIP
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	err = a.limit(StageResolve).run(ctx, nil, func(ctx context.Context) error {
		found, err := lookup(ctx, host)
		for _, addr := range found {
			addrs = append(addrs, addr.Unmap()) // one form of each address for the gate
		}
		if err == nil && len(addrs) == 0 {
			err = errors.New("the host has no address")
		}
		return err
	})
	return addrs, err
}

// setNoDelay sets TCP_NODELAY if conn has that. It ignores failures: they show in
// the next use of conn.
func (a *NetAdapter) setNoDelay(conn net.Conn) {
	if t, ok := conn.(interface{ SetNoDelay(bool) error }); ok {
		t.SetNoDelay(!a.DisableNoDelay)
	}
}

// tlsClient wraps conn for a peer with this name, the server or a proxy.
func tlsClient(conn net.Conn, config *tls.Config, name string) *tls.Conn {
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	config.ServerName = name
	config.NextProtos = []string{"http/1.1"} // whatever config was made for, this connection speaks nothing else
	return tls.Client(conn, config)
}

// tlsName returns the name of the host for SNI and the check of the certificate.
// crypto/tls itself leaves out an IP address and a trailing dot (RFC 6066 §3), but
// not a zone.
func tlsName(u *url.URL) string {
	name, _, _ := strings.Cut(u.Hostname(), "%")
	return name
}

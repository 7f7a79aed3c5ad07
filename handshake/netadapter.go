package handshake

// The HTTP exchange over a network connection of our own.

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
// connects (to the addresses of the host by RFC 8305), goes through a proxy if
// there is one, makes the TLS handshake for wss, sends the request in one write
// and reads the answer.
//
// The zero value is ready and connects directly. A NetAdapter may be used by
// several goroutines at once; its fields must not change meanwhile.
//
// Every stage has a timeout of its own; the caller's context bounds them all
// together. For a timeout 0 means the default, negative means none.
type NetAdapter struct {
	// DialContext makes the network connection in place of name resolution and
	// TCP connect, to the server or to the proxy: network is "tcp", addr is
	// host and port, the host as it stands in the URL. It has to return soon
	// after the end of its context, and the connection's Close has to end its
	// Read and Write. nil: the adapter connects by itself.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// LookupIP resolves host names where DialContext is nil and, with a proxy,
	// the name of the proxy. It has to return soon after the end of its
	// context. nil: net.DefaultResolver.
	LookupIP func(ctx context.Context, host string) ([]netip.Addr, error)

	// DisableNoDelay leaves Nagle's algorithm on. By default TCP_NODELAY is set
	// on TCP connections, those of DialContext included.
	DisableNoDelay bool

	// TLSConfig is used for wss and for https proxies. It is not changed. Its
	// ServerName takes the place of the URL's host in SNI and in the check of
	// the certificate; its NextProtos is replaced by http/1.1. nil: the
	// defaults of crypto/tls, that is TLS 1.2 or later and a certificate for
	// the host by an authority of the system.
	TLSConfig *tls.Config

	// Proxy selects a proxy; a nil URL means none. It is called with the
	// address as a ws or wss URL without user information. Proxies have the
	// scheme http or https (asked with CONNECT), or socks5 or socks5h (both
	// resolve the host at the proxy); user information is for the proxy (Basic,
	// RFC 1929). nil: no proxy. The environment is consulted only if this is
	// ProxyFromEnvironment. A DialContext is then used to reach the proxy.
	Proxy func(*url.URL) (*url.URL, error)

	// Gate bounds the attempts that are under way at once. nil: one for the
	// whole process.
	Gate *Gate

	// ResolveTimeout bounds the resolution of the host name. Default 5 s.
	ResolveTimeout time.Duration
	// DialTimeout bounds the TCP connect to one address, or the call of
	// DialContext. Default 10 s.
	DialTimeout time.Duration
	// ProxyTimeout bounds the talk with the proxy, once connected to it.
	// Default 10 s.
	ProxyTimeout time.Duration
	// TLSTimeout bounds the TLS handshake. Default 10 s.
	TLSTimeout time.Duration
	// AnswerTimeout bounds sending the request and waiting for the head of the
	// final answer. Default 10 s.
	AnswerTimeout time.Duration

	// MaxAnswer bounds the heads of the server's answer and of the interim
	// answers before it, in bytes, all together; likewise for the answer of a
	// proxy. Default (0 or less) 64 KiB. Up to 4 KiB more may be read ahead.
	MaxAnswer int
}

const (
	defaultResolveTimeout = 5 * time.Second
	defaultDialTimeout    = 10 * time.Second
	defaultProxyTimeout   = 10 * time.Second
	defaultTLSTimeout     = 10 * time.Second
	defaultAnswerTimeout  = 10 * time.Second
	defaultMaxAnswer      = 64 << 10

	// bodyTimeout bounds the wait for the first KiB of a refusal's body.
	bodyTimeout = time.Second
)

// Exchange implements Adapter.
func (a *NetAdapter) Exchange(ctx context.Context, u *url.URL, head *Head) (answer *Answer, err error) {
	conn, leave, err := a.connect(ctx, u, head)
	if err != nil {
		return nil, err
	}
	// RFC 6455 §4.1: the attempt ends when the connection is established or has
	// failed.
	defer leave()
	defer func() {
		if answer == nil || answer.Stream == nil {
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
		if err := a.stage(StageTLS).run(ctx, conn, t.HandshakeContext); err != nil {
			return nil, err
		}
		conn = t
	}
	return a.converse(ctx, conn, u, head)
}

// stage returns a stage with its timeout.
func (a *NetAdapter) stage(id Stage) stage {
	switch id {
	case StageResolve:
		return newStage(id, "ResolveTimeout", a.ResolveTimeout, defaultResolveTimeout)
	case StageDial:
		return newStage(id, "DialTimeout", a.DialTimeout, defaultDialTimeout)
	case StageProxy:
		return newStage(id, "ProxyTimeout", a.ProxyTimeout, defaultProxyTimeout)
	case StageTLS:
		return newStage(id, "TLSTimeout", a.TLSTimeout, defaultTLSTimeout)
	default:
		return newStage(id, "AnswerTimeout", a.AnswerTimeout, defaultAnswerTimeout)
	}
}

// answerReaders are of no use to an open connection: what they have read ahead is
// copied.
var answerReaders = sync.Pool{New: func() any { return bufio.NewReader(nil) }}

// converse sends the request and reads the answer.
func (a *NetAdapter) converse(ctx context.Context, conn net.Conn, u *url.URL, head *Head) (*Answer, error) {
	r := answerReaders.Get().(*bufio.Reader)
	r.Reset(conn)
	defer func() {
		r.Reset(nil)
		answerReaders.Put(r)
	}()
	var got *answerHead
	err := a.stage(StageHTTP).run(ctx, conn, func(context.Context) (err error) {
		// RFC 6455 §4.1: nothing more is written until the answer has come.
		if _, err = conn.Write(appendHead(nil, http.MethodGet, u.RequestURI(), head)); err != nil {
			return fmt.Errorf("writing the request: %w", err)
		}
		got, err = readAnswer(r, a.maxAnswer())
		return err
	})
	if err != nil {
		return nil, err
	}
	answer := &Answer{
		Major: 1, Minor: got.minor, Status: got.status, Header: got.header,
		LocalAddr: conn.LocalAddr(), RemoteAddr: conn.RemoteAddr(),
	}
	// RFC 7230 §3.3.3: a 101 has no body whatever its header says.
	if got.status == http.StatusSwitchingProtocols {
		if n := r.Buffered(); n > 0 {
			early, _ := r.Peek(n)
			answer.Buffered = bytes.Clone(early)
		}
		answer.Stream = conn
		return answer, nil
	}
	if answer.Body, err = refusalBody(ctx, conn, r, got); err != nil {
		return nil, err
	}
	return answer, nil
}

// refusalBody reads the beginning of the body that follows head in r, and does
// not wait long for it: what does not come in time is left out.
func refusalBody(ctx context.Context, conn net.Conn, r io.Reader, head *answerHead) (body []byte, err error) {
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

func (a *NetAdapter) maxAnswer() int {
	if a.MaxAnswer <= 0 {
		return defaultMaxAnswer
	}
	return a.MaxAnswer
}

// connect makes the connection on which the server is to be found, TLS with the
// server not yet made.
func (a *NetAdapter) connect(ctx context.Context, u *url.URL, head *Head) (conn net.Conn, leave func(), err error) {
	var proxy *url.URL
	if a.Proxy != nil {
		if proxy, err = a.Proxy(withoutUser(u)); err != nil {
			return nil, nil, fail(StageProxy, err)
		}
	}
	if proxy == nil && a.DialContext == nil {
		return a.dial(ctx, address(u), a.Gate)
	}
	// RFC 6455 §4.1: where the address cannot be learnt every host name is a
	// different host, and the total is limited.
	leave, err = a.Gate.enterUnknown(ctx, address(u))
	if err != nil {
		return nil, nil, fail(StageDial, err)
	}
	defer func() {
		if err != nil || conn == nil { // or code of the caller has ended the goroutine
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
	err = a.stage(StageDial).run(ctx, nil, func(ctx context.Context) (err error) {
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
			return errors.New("DialContext gave neither a connection nor an error")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.setNoDelay(conn)
	return conn, nil
}

// dial resolves the name and connects. gate is asked for every address.
func (a *NetAdapter) dial(ctx context.Context, hostPort string, gate *Gate) (net.Conn, func(), error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, nil, fail(StageDial, err)
	}
	addrs, err := a.resolve(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	won := race(ctx, addrs, func(ctx context.Context, addr netip.Addr) (one attempt) {
		hostPort := net.JoinHostPort(addr.String(), port)
		if one.leave, one.err = gate.enterAddress(ctx, hostPort); one.err != nil {
			return one
		}
		err := a.stage(StageDial).run(ctx, nil, func(ctx context.Context) (err error) {
			var d net.Dialer
			one.conn, err = d.DialContext(ctx, "tcp", hostPort)
			return err
		})
		if err != nil {
			one.leave()
			one.err = errors.Unwrap(err) // the Stage comes back below
		}
		return one
	})
	if won.err != nil && ctx.Err() != nil {
		won.err = ended(ctx)
	}
	if won.err != nil {
		return nil, nil, fail(StageDial, won.err)
	}
	a.setNoDelay(won.conn)
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
	err = a.stage(StageResolve).run(ctx, nil, func(ctx context.Context) error {
		found, err := lookup(ctx, host)
		for _, addr := range found {
			addrs = append(addrs, addr.Unmap()) // so that an address has one name at the gate
		}
		if err == nil && len(addrs) == 0 {
			err = errors.New("the host has no address")
		}
		return err
	})
	return addrs, err
}

// setNoDelay sets TCP_NODELAY where there is such a thing. That it fails shows
// in the next use of conn.
func (a *NetAdapter) setNoDelay(conn net.Conn) {
	if t, ok := conn.(interface{ SetNoDelay(bool) error }); ok {
		t.SetNoDelay(!a.DisableNoDelay)
	}
}

// tlsClient wraps conn for a peer of this name, the server or a proxy.
func tlsClient(conn net.Conn, config *tls.Config, name string) *tls.Conn {
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	config.ServerName = name
	config.NextProtos = []string{"http/1.1"} // what is spoken here, whatever the configuration was made for
	return tls.Client(conn, config)
}

// tlsName is the name of the host for SNI and the check of the certificate.
// That an IP address and a trailing dot are not sent (RFC 6066 §3) crypto/tls
// sees to, but not to a zone.
func tlsName(u *url.URL) string {
	name, _, _ := strings.Cut(u.Hostname(), "%")
	return name
}

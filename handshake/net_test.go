package handshake

// This file tests the network connection: where it leads, and that failures leave
// nothing behind.

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

// req: 6455-3-01 6455-4.1-08 6455-4.1-32 6455-10.5-01
func TestLoopback(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // not consulted
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("ALL_PROXY", "socks5://127.0.0.1:1")
	checkLeaks(t)
	requests := make(chan testRequest, 1)
	s := serve(t, func(c net.Conn) {
		r := readRequest(c)
		requests <- r
		io.WriteString(c, granted(r))
		echo(c)
	})
	r := open(t, &Client{}, &Request{URL: "ws://u:p@" + s.host() + "/examplepath?foo=bar"})
	echoes(t, r)
	if got := <-requests; got.line != "GET /examplepath?foo=bar HTTP/1.1" {
		t.Errorf("request line is %q", got.line)
	}
	if s.accepted() != 1 {
		t.Errorf("%d connections, want 1", s.accepted())
	}
	if _, ok := r.Stream.(*net.TCPConn); !ok {
		t.Errorf("stream is %T, want the *net.TCPConn itself", r.Stream)
	}
	if r.RemoteAddr.String() != s.host() || r.URL.String() != "ws://"+s.host()+"/examplepath?foo=bar" {
		t.Errorf("connected to %v, URL %v", r.RemoteAddr, r.URL)
	}
}

// req: 6455-3-09 6455-4.1-16
func TestIPv6(t *testing.T) {
	checkLeaks(t)
	host := make(chan string, 1)
	s := serveOn(t, "[::1]:0", func(c net.Conn) {
		r := readRequest(c)
		host <- r.one("Host")
		io.WriteString(c, granted(r))
	})
	r := open(t, direct(), &Request{URL: "ws://[::1]:" + s.port() + "/"})
	if got := <-host; got != "[::1]:"+s.port() || r.RemoteAddr.String() != s.host() {
		t.Errorf("Host is %q, connected to %v", got, r.RemoteAddr)
	}
}

// req: 6455-4.1-12
func TestUnreachable(t *testing.T) {
	checkLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nothing listens there now
	lookupError := &net.DNSError{Err: "no such host", Name: "h.test", IsNotFound: true}
	for _, c := range []struct {
		name, url string
		adapter   *NetAdapter
		stage     Stage
		is        error
		text      string
	}{
		{"port without a listener", "ws://" + l.Addr().String(), &NetAdapter{}, StageDial, syscall.ECONNREFUSED, "nothing listens"},
		{"all addresses", "ws://h.test:" + strings.TrimPrefix(l.Addr().String(), "127.0.0.1:"), &NetAdapter{LookupIP: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}, nil
		}}, StageDial, syscall.ECONNREFUSED, "127.0.0.2"},
		{"unknown name", "ws://h.test", &NetAdapter{LookupIP: func(context.Context, string) ([]netip.Addr, error) { return nil, lookupError }}, StageResolve, lookupError, "check the host name"},
		{"name without an address", "ws://h.test", &NetAdapter{LookupIP: func(context.Context, string) ([]netip.Addr, error) { return nil, nil }}, StageResolve, nil, "no address"},
		{"own dial function", "ws://h.test", &NetAdapter{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &Error{Stage: StageTLS, Err: io.ErrNoProgress}
		}}, StageDial, io.ErrNoProgress, "DialContext"},
		{"own dial function panics", "ws://h.test", &NetAdapter{DialContext: func(context.Context, string, string) (net.Conn, error) { panic("boom") }}, StageDial, nil, "panicked: boom"},
		{"own dial function returns nothing", "ws://h.test", &NetAdapter{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}, StageDial, nil, "neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := handshakeError(t, &Client{Adapter: c.adapter}, &Request{URL: c.url})
			e := err.(*Error)
			if e.Stage != c.stage || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) || e.Timeout() {
				t.Errorf("%v stage %v, want %v in it and stage %v", err, e.Stage, c.is, c.stage)
			}
		})
	}
}

// The system's resolver is used by default.
func TestDefaultResolver(t *testing.T) {
	checkLeaks(t)
	s := serve(t, upgrade)
	echoes(t, open(t, direct(), &Request{URL: "ws://localhost:" + s.port()}))
}

// Each kind of failure, a hundred times, leaves nothing open.
//
// req: 6455-7.1.7-07
func TestFailuresLeaveNothing(t *testing.T) {
	ca := newAuthority(t)
	for _, c := range []struct {
		name, scheme string
		script       func(net.Conn)
	}{
		{"wrong accept value", "ws", func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n")
			swallow(c)
		}},
		{"404", "ws", func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, notFound)
			swallow(c)
		}},
		{"TLS", "wss", ca.serverScript(t, "other.test")},
		{"timeout", "ws", swallow},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			ended := make(chan struct{}, 100)
			s := serve(t, func(conn net.Conn) {
				c.script(conn)
				ended <- struct{}{}
			})
			client := &Client{Adapter: &NetAdapter{TLSConfig: ca.client(), Gate: &Gate{PerAddress: -1}}}
			for range 100 {
				ctx, cancel := context.WithCancel(t.Context())
				if c.name == "timeout" {
					ctx, cancel = deadline(t, 1e6)
				}
				if _, err := client.Handshake(ctx, &Request{URL: c.scheme + "://" + s.host()}); err == nil {
					t.Fatal("no error")
				}
				cancel()
			}
			for range s.accepted() {
				<-ended // the script has seen the end of the connection
			}
		})
	}
}

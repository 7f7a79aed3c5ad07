package conformance_test

// This file tests connecting through a proxy, or not: RFC 6455 §4.1.

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/test/wstest"
)

// through returns Options with proxy, a TCP server, as the HTTP proxy. user is its user
// information, if any.
func through(proxy *wstest.Server, user string) *dandelion.Options {
	if user != "" {
		user += "@"
	}
	via, err := url.Parse("http://" + user + proxy.Addr())
	return &dandelion.Options{
		Gate:  new(handshake.Gate),
		Proxy: func(*url.URL) (*url.URL, error) { return via, err },
	}
}

// tunnel makes the proxy grant a CONNECT, with more header lines; from then on c is the
// target.
func tunnel(c *wstest.Conn, more ...string) *wstest.Request {
	connect := c.ReadRequest()
	answer := "HTTP/1.1 200 OK\r\n"
	for _, line := range more {
		answer += line + "\r\n"
	}
	c.WriteRaw([]byte(answer + "\r\n"))
	return connect
}

// wantConnect fails unless the first line and Host of the request ask for a tunnel to target.
func wantConnect(t *testing.T, req *wstest.Request, target string) {
	t.Helper()
	line, _, _ := strings.Cut(string(req.Raw), "\r\n")
	if line != "CONNECT "+target+" HTTP/1.1" {
		t.Errorf("request line is %q, want CONNECT %s HTTP/1.1", line, target)
	}
	wantValues(t, req, "Host", target)
}

// req: 6455-4.1-07
func TestProxyConnect(t *testing.T) {
	for _, test := range []struct {
		name, user string
		want       []string // Proxy-Authorization
	}{
		{"without user information", "", nil},
		{"with user information", "u:p", []string{"Basic dTpw"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			proxy := wstest.NewServer(t)
			d := startDial(t, "ws://target.test:1234/chat", through(proxy, test.user))
			c := proxy.Accept(t.Context())
			connect := tunnel(c)
			wantConnect(t, connect, "target.test:1234")
			wantValues(t, connect, "Proxy-Authorization", test.want...)
			req := c.Upgrade()
			wantTarget(t, req, "/chat")
			wantValues(t, req, "Host", "target.test:1234")
			wantValues(t, req, "Proxy-Authorization")
			exchange(t, d.open(t), c)
		})
	}
}

// Without a Proxy setting there is no proxy, whatever the environment says.
//
// req: 6455-4.1-08
func TestNoProxyUnlessSelected(t *testing.T) {
	proxy := wstest.NewServer(t)
	for _, environment := range []bool{false, true} {
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"} {
			value := ""
			if environment && name != "NO_PROXY" {
				value = "http://" + proxy.Addr()
			}
			t.Setenv(name, value)
			t.Setenv(strings.ToLower(name), value)
		}
		srv := wstest.NewServer(t)
		d := startDial(t, srv.URL()+"/", nil)
		wantTarget(t, srv.Accept(t.Context()).Upgrade(), "/")
		if got := d.open(t).Opened().RemoteAddr; got != srv.Addr() {
			t.Errorf("connected to %s, want %s", got, srv.Addr())
		}
		if n := srv.Accepted(); n != 1 {
			t.Errorf("the server has seen %d connections, want 1", n)
		}
	}
	wantNoneBefore(t, proxy)
}

// req: 6455-4.1-09
func TestProxySecure(t *testing.T) {
	proxy := wstest.NewServer(t)
	opts := through(proxy, "")
	opts.TLSConfig = proxy.ClientTLS()
	taps := make(chan *tap, 1)
	opts.DialContext = tapped(proxy, taps)
	d := startDial(t, "wss://target.test/", opts)
	c := proxy.Accept(t.Context())
	connect := tunnel(c)
	wantConnect(t, connect, "target.test:443")
	if got := c.Peek(1)[0]; got != 0x16 {
		t.Fatalf("%02X follows the proxy's response, want a TLS handshake record, 16", got)
	}
	c.StartTLS()
	c.Handshake()
	if got := c.ClientHello().ServerName; got != "target.test" {
		t.Errorf("server name is %q, want target.test", got)
	}
	wantTarget(t, c.Upgrade(), "/")
	exchange(t, d.open(t), c)
	sent := <-taps
	sent.written = sent.written[len(connect.Raw):]
	sent.records(t) // and nothing else
	for _, not := range []string{"GET ", "Sec-WebSocket-Key"} {
		if strings.Contains(string(sent.written), not) {
			t.Errorf("%q was sent in the clear", not)
		}
	}
}

// req: 6455-4.1-10
func TestProxyEnvironment(t *testing.T) {
	http, https, socks := wstest.NewServer(t), wstest.NewServer(t), wstest.NewServer(t)
	for name, value := range map[string]string{
		"HTTP_PROXY":  "http://" + http.Addr(),
		"HTTPS_PROXY": "http://" + https.Addr(),
		"ALL_PROXY":   "",
		"NO_PROXY":    "",
	} {
		t.Setenv(name, value)
		t.Setenv(strings.ToLower(name), value)
	}
	opts := &dandelion.Options{Gate: new(handshake.Gate), Proxy: handshake.ProxyFromEnvironment}

	d := startDial(t, "ws://target.test:1234/", opts)
	c := https.Accept(t.Context())
	wantConnect(t, tunnel(c), "target.test:1234")
	c.Upgrade()
	d.open(t)

	for _, name := range []string{"ALL_PROXY", "all_proxy"} {
		t.Setenv(name, "socks5://"+socks.Addr())
	}
	d = startDial(t, "ws://target.test:1234/", opts)
	c = socks.Accept(t.Context())
	acceptSOCKS(t, c, "target.test", 1234)
	c.Upgrade()
	exchange(t, d.open(t), c)

	if n := https.Accepted(); n != 1 {
		t.Errorf("the HTTPS proxy has seen %d connections, want 1", n)
	}
	wantNoneBefore(t, http)
}

// acceptSOCKS makes c a SOCKS5 proxy (RFC 1928) that is asked to connect to host and port,
// with the name unresolved, and does.
func acceptSOCKS(t *testing.T, c *wstest.Conn, host string, port uint16) {
	t.Helper()
	greeting := c.ReadN(2)
	methods := c.ReadN(int(greeting[1]))
	if greeting[0] != 5 || !slices.Contains(methods, 0) {
		t.Fatalf("greeting % X % X, want version 5 with method 0", greeting, methods)
	}
	c.WriteRaw(wstest.Hex("05 00"))
	want := append(wstest.Hex("05 01 00 03"), byte(len(host)))
	want = append(want, host...)
	c.ExpectRaw(append(want, byte(port>>8), byte(port)))
	c.WriteRaw(wstest.Hex("05 00 00 01 00000000 0000"))
}

// req: 6455-4.1-11
func TestProxySelectionFunction(t *testing.T) {
	var asked []*url.URL
	opts := &dandelion.Options{
		DialContext: new(network).dial,
		Proxy: func(u *url.URL) (*url.URL, error) {
			asked = append(asked, u)
			return nil, nil
		},
	}
	startDial(t, "wss://h.test:8443/p?q=1", opts).fails(t)
	if len(asked) != 1 {
		t.Fatalf("the function was called %d times, want once", len(asked))
	}
	u := asked[0]
	if u.Scheme != "wss" || u.Hostname() != "h.test" || u.Port() != "8443" || u.Path != "/p" || u.RawQuery != "q=1" {
		t.Errorf("the function was called with %s, want wss://h.test:8443/p?q=1", u)
	}
}

// req: 6455-4.1-12
func TestProxyRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(c *wstest.Conn)
		status int
	}{
		{"407", func(c *wstest.Conn) { c.Respond(407, "who?", "Proxy-Authenticate: Basic realm=x") }, 407},
		{"403", func(c *wstest.Conn) { c.Respond(403, "no") }, 403},
		{"502", func(c *wstest.Conn) { c.Respond(502, "") }, 502},
		{"closes", func(c *wstest.Conn) { c.CloseWrite() }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			target, proxy := wstest.NewServer(t), wstest.NewServer(t)
			d := startDial(t, target.URL(), through(proxy, ""))
			c := proxy.Accept(t.Context())
			wantConnect(t, c.ReadRequest(), target.Addr())
			test.answer(c)
			e := d.fails(t)
			wantStage(t, e, handshake.StageProxy)
			if e.Status != test.status {
				t.Errorf("status is %d, want %d: %v", e.Status, test.status, e)
			}
			if test.status == 0 && !errors.Is(e, io.ErrUnexpectedEOF) {
				t.Errorf("the error does not wrap that of the network: %v", e)
			}
			c.ExpectEnd() // and no GET before
			if n := proxy.Accepted(); n != 1 {
				t.Errorf("the proxy has seen %d connections, want 1", n)
			}
			wantNoneBefore(t, target)
		})
	}
}

// req: 6455-4.1-05
func TestProxyNamesAreHosts(t *testing.T) {
	proxy := wstest.NewServer(t)
	opts := through(proxy, "")
	opts.Gate = nil // that of the whole process
	var conns []*wstest.Conn
	var dials []*dialling
	for _, host := range []string{"a.example.test", "b.example.test"} {
		dials = append(dials, startDial(t, "ws://"+host+"/", opts))
		c := proxy.Accept(t.Context())
		wantConnect(t, c.ReadRequest(), host+":80") // the previous one has no answer yet
		conns = append(conns, c)
	}
	for i, c := range conns {
		c.WriteRaw([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		c.Upgrade()
		dials[i].open(t)
	}
}

// req: 6455-4.1-06
func TestProxyLimitOfAttempts(t *testing.T) {
	proxy := wstest.NewServer(t)
	opts := through(proxy, "")
	opts.Gate = &handshake.Gate{Unknown: 2}

	ctx, cancel := context.WithCancel(newContext(t))
	first := startDialIn(ctx, t, "ws://a.test/", opts)
	proxy.Accept(t.Context()).ReadRequest()
	second := startDial(t, "ws://b.test/", opts)
	b := proxy.Accept(t.Context())
	b.ReadRequest()
	startDial(t, "ws://c.test/", opts)
	proxy.ExpectNoConn(silence)

	cancel()
	if e := first.fails(t); !errors.Is(e, context.Canceled) {
		t.Errorf("the cancelled dial failed with %v", e)
	}
	wantConnect(t, proxy.Accept(t.Context()).ReadRequest(), "c.test:80")

	// The third now has the turn of the first. A refused one passes its turn on, too.
	startDial(t, "ws://d.test/", opts)
	proxy.ExpectNoConn(silence)
	b.Respond(403, "no")
	second.fails(t)
	wantConnect(t, proxy.Accept(t.Context()).ReadRequest(), "d.test:80")
}

// req: 7230-3.3.3-02
func TestProxyResponseHasNoBody(t *testing.T) {
	for _, line := range []string{"Content-Length: 5", "Transfer-Encoding: chunked"} {
		t.Run(line, func(t *testing.T) {
			proxy := wstest.NewServer(t)
			d := startDial(t, "ws://target.test/", through(proxy, ""))
			c := proxy.Accept(t.Context())
			tunnel(c, line)
			c.Upgrade()
			exchange(t, d.open(t), c)
		})
	}
}

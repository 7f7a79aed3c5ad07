package conformance_test

// This file tests WebSocket URIs: RFC 6455 §3, §11.1.

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/testcert"
	"github.com/dandelionws/dandelion/test/wstest"
)

// at replaces HOST:PORT in a URL by the address of srv.
func at(srv *wstest.Server, url string) string {
	return strings.Replace(url, "HOST:PORT", srv.Addr(), 1)
}

// requested dials url, which leads to srv, grants the request and returns it.
func requested(t *testing.T, srv *wstest.Server, url string, opts *dandelion.Options) *wstest.Request {
	t.Helper()
	d := startDial(t, url, opts)
	req := srv.Accept(t.Context()).Upgrade()
	d.open(t)
	return req
}

// wantValues fails unless the request has exactly these values of a header, each on its own line.
func wantValues(t *testing.T, req *wstest.Request, name string, want ...string) {
	t.Helper()
	if got := req.Values(name); !slices.Equal(got, want) {
		t.Errorf("%s is %q, want %q", name, got, want)
	}
}

// wantTarget fails unless the request line asks for that target.
func wantTarget(t *testing.T, req *wstest.Request, want string) {
	t.Helper()
	line, _, _ := strings.Cut(string(req.Raw), "\r\n")
	if line != "GET "+want+" HTTP/1.1" {
		t.Errorf("request line is %q, want GET %s HTTP/1.1", line, want)
	}
}

// network records every use of the network, and allows none.
type network struct {
	mu   sync.Mutex
	uses []string
}

func (n *network) use(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.uses = append(n.uses, what)
}

var errNoNetwork = errors.New("the test permits no use of the network")

func (n *network) dial(_ context.Context, _, addr string) (net.Conn, error) {
	n.use("connect to " + addr)
	return nil, errNoNetwork
}

func (n *network) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	n.use("lookup of " + host)
	return nil, errNoNetwork
}

// wantUnheard fails unless a dial fails before any DNS lookup or TCP connect. The options
// must not say how to reach the network. It dials three times: with the lookup recorded,
// with the connect recorded, and over the real network, where a listener can see it.
func wantUnheard(t *testing.T, url string, opts dandelion.Options) *handshake.Error {
	t.Helper()
	var n network
	lookup, connect := opts, opts
	lookup.Handshaker = &handshake.Client{Adapter: &handshake.NetAdapter{LookupIP: n.lookup}}
	connect.DialContext = n.dial
	var e *handshake.Error
	for _, o := range []*dandelion.Options{&lookup, &connect, &opts} {
		e = startDial(t, url, o).fails(t)
		if e.Stage != handshake.StageURL && e.Stage != handshake.StageRequest {
			t.Errorf("stage is %v, want URL or request: %v", e.Stage, e)
		}
	}
	if len(n.uses) > 0 {
		t.Errorf("the network was used: %q", n.uses)
	}
	return e
}

// wantNoneBefore makes a connection and fails unless it is the first that srv, a TCP
// listener, has seen.
func wantNoneBefore(t *testing.T, srv *wstest.Server) {
	t.Helper()
	open(t, srv, nil)
	if n := srv.Accepted(); n != 1 {
		t.Errorf("the listener has seen %d connections before, want none", n-1)
	}
}

// req: 6455-3-01
func TestURIParts(t *testing.T) {
	srv := wstest.NewServer(t)
	d := startDial(t, at(srv, "ws://HOST:PORT/examplepath?foo=bar"), nil)
	req := srv.Accept(t.Context()).Upgrade()
	wantTarget(t, req, "/examplepath?foo=bar")
	if got := d.open(t).Opened().RemoteAddr; got != srv.Addr() {
		t.Errorf("connected to %s, want %s", got, srv.Addr())
	}
}

// req: 6455-3-02
func TestURISchemeCase(t *testing.T) {
	t.Run("WS", func(t *testing.T) {
		srv := wstest.NewServer(t)
		requested(t, srv, at(srv, "WS://HOST:PORT/"), nil)
	})
	for _, scheme := range []string{"WSS", "wSs"} {
		t.Run(scheme, func(t *testing.T) {
			srv := wstest.NewTLSServer(t)
			d := startDial(t, at(srv, scheme+"://HOST:PORT/"), &dandelion.Options{TLSConfig: srv.ClientTLS()})
			c := srv.Accept(t.Context())
			c.Handshake()
			c.Upgrade()
			d.open(t)
		})
	}
}

// req: 6455-3-03
func TestURIDefaultPorts(t *testing.T) {
	for _, test := range []struct {
		url, want string
		opts      []wstest.Option
	}{
		{"ws://example.test/", "example.test:80", nil},
		{"ws://example.test:/", "example.test:80", nil},
		{"wss://example.test/", "example.test:443", []wstest.Option{wstest.WithTLS()}},
		{"wss://example.test:/", "example.test:443", []wstest.Option{wstest.WithTLS()}},
	} {
		t.Run(test.url, func(t *testing.T) {
			srv := wstest.NewPipe(t, test.opts...)
			req := requested(t, srv, test.url, over(srv))
			if got := srv.Dialed(); !slices.Equal(got, []string{test.want}) {
				t.Errorf("dial function was asked for %q, want %q", got, test.want)
			}
			wantValues(t, req, "Host", "example.test")
		})
	}
}

// req: 6455-3-04
func TestURISecureFlag(t *testing.T) {
	for _, test := range []struct {
		url    string
		first  byte
		secure bool
	}{
		{"ws://h.test:443/", 'G', false},
		{"wss://h.test:80/", 0x16, true},
	} {
		t.Run(test.url, func(t *testing.T) {
			srv := wstest.NewServer(t)
			opts := over(srv)
			opts.TLSConfig = srv.ClientTLS()
			d := startDial(t, test.url, opts)
			c := srv.Accept(t.Context())
			if got := c.Peek(1)[0]; got != test.first {
				t.Fatalf("first byte is %02X, want %02X", got, test.first)
			}
			if test.secure {
				c.StartTLS()
			}
			c.Upgrade()
			d.open(t)
		})
	}
}

// The request target, byte for byte.
func TestURIRequestTarget(t *testing.T) {
	srv := wstest.NewServer(t)
	for _, test := range []struct{ name, url, want string }{
		// req: 6455-3-05
		{"empty path", "ws://HOST:PORT", "/"},
		// req: 6455-3-05
		{"empty path with a query", "ws://HOST:PORT?x=1", "/?x=1"},
		// req: 6455-3-06
		{"query", "ws://HOST:PORT/p?a=b&c=%20d", "/p?a=b&c=%20d"},
		// req: 6455-3-06
		{"empty query", "ws://HOST:PORT/p?", "/p"},
		// req: 6455-3-08
		{"percent escapes", "ws://HOST:PORT/some%23path/a%2Fb%20c?q=%26", "/some%23path/a%2Fb%20c?q=%26"},
		// req: 6455-4.1-19
		{"plain", "ws://HOST:PORT/chat", "/chat"},
		// req: 6455-4.1-20
		{"nothing is normalised", "ws://HOST:PORT//a/./b;x=1?y=/z", "//a/./b;x=1?y=/z"},
		// req: 6455-11.1.1-02
		{"other characters", "ws://HOST:PORT/\u00fc b?q=\u20ac", "/%C3%BC%20b?q=%E2%82%AC"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantTarget(t, requested(t, srv, at(srv, test.url), nil), test.want)
		})
	}
}

// req: 6455-3-07
func TestURIFragment(t *testing.T) {
	srv := wstest.NewServer(t)
	for _, url := range []string{"ws://HOST:PORT/path#frag", "ws://HOST:PORT/path#", "ws://name.test/path#frag"} {
		t.Run(url, func(t *testing.T) {
			wantStage(t, wantUnheard(t, at(srv, url), dandelion.Options{}), handshake.StageURL)
		})
	}
	wantNoneBefore(t, srv)
}

// req: 6455-4.1-03
func TestURIInvalid(t *testing.T) {
	srv := wstest.NewServer(t)
	for _, url := range []string{
		"", "ws://", "ws:///p", "ws://:80/", "ws://h:65536/", "ws://h:-1/", "ws://h:8x/", "ws://[::1/", "ws://a b/", "//h/p", "h/p",
		"//HOST:PORT/p", "HOST:PORT/p", "http://HOST:PORT/", // a listener could see these
	} {
		t.Run(url, func(t *testing.T) {
			wantStage(t, wantUnheard(t, at(srv, url), dandelion.Options{}), handshake.StageURL)
			if _, err := dandelion.Supervise(newContext(t), at(srv, url), nil); err == nil {
				t.Error("Supervise has taken it")
			}
		})
	}
	wantNoneBefore(t, srv)
}

// req: 6455-3-09
func TestURIIPv6(t *testing.T) {
	srv := wstest.NewServer(t, wstest.WithAddress("[::1]:0"))
	_, port, _ := net.SplitHostPort(srv.Addr())
	d := startDial(t, "ws://[::1]:"+port+"/", nil)
	req := srv.Accept(t.Context()).Upgrade()
	wantValues(t, req, "Host", "[::1]:"+port)
	if got := d.open(t).Opened().RemoteAddr; got != "[::1]:"+port {
		t.Errorf("connected to %s, want [::1]:%s", got, port)
	}
}

// req: 6455-4.1-21
func TestURIHost(t *testing.T) {
	for _, test := range []struct {
		url, want string
		opts      []wstest.Option
	}{
		{"ws://h.test:8080/", "h.test:8080", nil},
		{"ws://h.test:80/", "h.test", nil},
		{"wss://h.test:443/", "h.test", []wstest.Option{wstest.WithTLS()}},
		{"ws://h.test:443/", "h.test:443", nil},
	} {
		t.Run(test.url, func(t *testing.T) {
			srv := wstest.NewPipe(t, test.opts...)
			wantValues(t, requested(t, srv, test.url, over(srv)), "Host", test.want)
		})
	}
}

// req: 6455-3-10
func TestURIUserInformation(t *testing.T) {
	srv := wstest.NewServer(t)
	url := at(srv, "ws://u:p@HOST:PORT/")
	for _, test := range []struct {
		name   string
		header map[string][]string
		want   string
	}{
		{"sent as Basic", nil, "Basic dTpw"},
		{"the user's header wins", map[string][]string{"Authorization": {"Bearer t"}}, "Bearer t"},
		{"in any letter case", map[string][]string{"authorization": {"Bearer t"}}, "Bearer t"},
	} {
		t.Run(test.name, func(t *testing.T) {
			req := requested(t, srv, url, &dandelion.Options{Header: test.header})
			wantTarget(t, req, "/")
			wantValues(t, req, "Host", srv.Addr())
			wantValues(t, req, "Authorization", test.want)
			wantNoUserInformation(t, req)
		})
	}
}

// wantNoUserInformation fails if u:p or an at sign is in the request.
func wantNoUserInformation(t *testing.T, req *wstest.Request) {
	t.Helper()
	for _, not := range []string{"u:p", "@"} {
		if strings.Contains(string(req.Raw), not) {
			t.Errorf("the request has %q in it:\n%s", not, req.Raw)
		}
	}
}

// req: 7230-2.7.1-01
func TestURIUserInformationIsNotLeaked(t *testing.T) {
	const url = "ws://u:p@h.test:8080/"
	t.Run("directly", func(t *testing.T) {
		srv := wstest.NewPipe(t)
		req := requested(t, srv, url, over(srv))
		wantTarget(t, req, "/")
		wantValues(t, req, "Host", "h.test:8080")
		wantNoUserInformation(t, req)
		if got := srv.Dialed(); !slices.Equal(got, []string{"h.test:8080"}) {
			t.Errorf("dial function was asked for %q", got)
		}
	})
	t.Run("through a proxy", func(t *testing.T) {
		proxy := wstest.NewServer(t)
		d := startDial(t, url, through(proxy, ""))
		c := proxy.Accept(t.Context())
		connect := tunnel(c)
		if connect.Method != "CONNECT" || connect.Target != "h.test:8080" {
			t.Errorf("request line %s %s, want CONNECT h.test:8080", connect.Method, connect.Target)
		}
		wantValues(t, connect, "Host", "h.test:8080")
		wantNoUserInformation(t, connect)
		req := c.Upgrade()
		wantTarget(t, req, "/")
		wantValues(t, req, "Host", "h.test:8080")
		wantNoUserInformation(t, req)
		d.open(t)
	})
}

// req: 6455-11.1.1-01
func TestURIInternationalHost(t *testing.T) {
	const ascii = "xn--bcher-kva.example"
	t.Run("ws", func(t *testing.T) {
		srv := wstest.NewPipe(t)
		req := requested(t, srv, "ws://b\u00fccher.example/", over(srv))
		wantValues(t, req, "Host", ascii)
		if got := srv.Dialed(); !slices.Equal(got, []string{ascii + ":80"}) {
			t.Errorf("dial function was asked for %q, want %s:80", got, ascii)
		}
	})
	t.Run("wss", func(t *testing.T) {
		srv := wstest.NewPipe(t, wstest.WithTLS(testcert.Issue(nil, ascii)))
		d := startDial(t, "wss://b\u00fccher.example/", over(srv))
		c := srv.Accept(t.Context())
		wantValues(t, c.Upgrade(), "Host", ascii)
		if got := c.ClientHello().ServerName; got != ascii {
			t.Errorf("server name is %q, want %q", got, ascii)
		}
		d.open(t)
	})
}

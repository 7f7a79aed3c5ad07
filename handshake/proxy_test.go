package handshake

// This file tests connecting through proxies, and their selection.

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tunnel copies between two connections until either ends.
func tunnel(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, c := range [][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			io.Copy(struct{ io.Writer }{c[0]}, struct{ io.Reader }{c[1]})
			c[0].Close()
		})
	}
	wg.Wait()
}

// httpProxy is a proxy that sends response to a CONNECT and leads every tunnel to
// target. asked gets the requests.
func httpProxy(t *testing.T, target, response string) (s *testServer, asked chan testRequest) {
	asked = make(chan testRequest, 10)
	return serve(t, func(c net.Conn) { proxyScript(c, target, response, asked) }), asked
}

func proxyScript(c net.Conn, target, response string, asked chan testRequest) {
	r := readRequest(c)
	asked <- r
	if r.err != nil {
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	io.WriteString(c, response)
	tunnel(c, server)
}

// socksProxy is a SOCKS5 proxy (RFC 1928) that leads every connection to target.
// asked gets user name, password and the requested address.
func socksProxy(t *testing.T, target string, reply byte) (s *testServer, asked chan string) {
	asked = make(chan string, 10)
	return serve(t, func(c net.Conn) {
		read := func(n int) []byte {
			b := make([]byte, n)
			io.ReadFull(c, b)
			return b
		}
		text := func() string { return string(read(int(read(1)[0]))) }
		user := ""
		if methods := read(int(read(2)[1])); bytes.IndexByte(methods, 2) >= 0 { // RFC 1929
			c.Write([]byte{5, 2})
			read(1)
			name := text()
			user = name + ":" + text() + " "
			c.Write([]byte{1, 0})
		} else {
			c.Write([]byte{5, 0})
		}
		host := ""
		switch read(4)[3] {
		case 1:
			host = net.IP(read(4)).String()
		case 3:
			host = text()
		case 4:
			host = net.IP(read(16)).String()
		}
		asked <- user + fmt.Sprintf("%s %d", host, binary.BigEndian.Uint16(read(2)))
		c.Write([]byte{5, reply, 0, 1, 0, 0, 0, 0, 0, 0})
		if reply != 0 {
			return
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer server.Close()
		tunnel(c, server)
	}), asked
}

// via returns a NetAdapter.Proxy that selects this URL.
func via(raw string) func(*url.URL) (*url.URL, error) {
	return func(*url.URL) (*url.URL, error) { return url.Parse(raw) }
}

// req: 6455-4.1-07 7230-2.7.1-01 7230-3.3.3-02
func TestHTTPProxy(t *testing.T) {
	for _, c := range []struct{ name, user, response string }{
		{"without user", "", "HTTP/1.1 200 OK\r\n\r\n"},
		{"with user", "u:p@", "HTTP/1.0 200 Connection established\r\nX: y\r\n\r\n"},
		{"length", "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
		{"chunked", "", "HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"interim response", "", "HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			requests := make(chan testRequest, 1)
			s := serve(t, func(conn net.Conn) {
				r := readRequest(conn)
				requests <- r
				io.WriteString(conn, granted(r)+hello)
				echo(conn)
			})
			p, asked := httpProxy(t, s.host(), c.response)
			client := &Client{Adapter: &NetAdapter{Proxy: via("http://" + c.user + p.host())}}
			r := open(t, client, &Request{URL: "ws://a:b@target.test:1234/chat", UserAgent: "x/1"})
			got := make([]byte, len(hello))
			n := copy(got, r.Buffered)
			if io.ReadFull(r.Stream, got[n:]); string(got) != hello {
				t.Errorf("got %q, want %q", got, hello)
			}
			r.Buffered = nil
			echoes(t, r)
			if _, ok := r.Stream.(*net.TCPConn); !ok {
				t.Errorf("stream is %T, want the connection itself", r.Stream)
			}
			want := "CONNECT target.test:1234 HTTP/1.1\r\nHost: target.test:1234\r\nUser-Agent: x/1\r\n"
			if c.user != "" {
				want += "Proxy-Authorization: Basic dTpw\r\n"
			}
			if got := (<-asked).raw; got != want+"\r\n" {
				t.Errorf("the proxy was asked\n%s\nwant\n%s", got, want)
			}
			request := <-requests
			if request.line != "GET /chat HTTP/1.1" || len(request.all("Proxy-Authorization")) > 0 || request.one("Host") != "target.test:1234" {
				t.Errorf("the server was asked\n%s", request.raw)
			}
		})
	}
}

// req: 6455-4.1-09
func TestSecureThroughProxy(t *testing.T) {
	ca := newAuthority(t)
	for _, scheme := range []string{"http", "https", "socks5"} {
		t.Run(scheme, func(t *testing.T) {
			checkLeaks(t)
			s, hellos := secureServer(t, &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, []string{"target.test"}, nil)}}, upgrade)
			client := ca.client()
			var p *testServer
			want := "target.test 443"
			var got func() string
			switch scheme {
			case "socks5":
				var asked chan string
				p, asked = socksProxy(t, s.host(), 0)
				got = func() string { return <-asked }
			case "http":
				var asked chan testRequest
				p, asked = httpProxy(t, s.host(), "HTTP/1.1 200 OK\r\n\r\n")
				want = "CONNECT target.test:443 HTTP/1.1"
				got = func() string { return (<-asked).line }
			default: // TLS to the proxy, and TLS in that
				client.ServerName = "target.test" // for the server, not for the proxy
				asked := make(chan testRequest, 1)
				p, _ = secureServer(t, &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, []string{"127.0.0.1"}, nil)}}, func(c net.Conn) {
					proxyScript(c, s.host(), "HTTP/1.1 200 OK\r\n\r\n", asked)
				})
				want = "CONNECT target.test:443 HTTP/1.1"
				got = func() string { return (<-asked).line }
			}
			r := open(t, &Client{Adapter: &NetAdapter{TLSConfig: client, Proxy: via(scheme + "://" + p.host())}}, &Request{URL: "wss://target.test/"})
			echoes(t, r)
			if got := got(); got != want {
				t.Errorf("the proxy was asked for %q, want %q", got, want)
			}
			if got := hellos(); !slices.Equal(got, []string{"target.test"}) {
				t.Errorf("server name is %q", got)
			}
		})
	}
}

// req: 6455-4.1-10
func TestSOCKSProxy(t *testing.T) {
	for _, c := range []struct{ name, scheme, user, url, want string }{
		{"name", "socks5", "", "ws://target.test:1234/", "target.test 1234"},
		{"name and user", "socks5h", "u:p@", "ws://target.test/", "u:p target.test 80"},
		{"IPv4", "socks5", "", "ws://192.0.2.1:81/", "192.0.2.1 81"},
		{"IPv6", "socks5", "", "ws://[2001:db8::1]:81/", "2001:db8::1 81"},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			s := serve(t, upgrade)
			p, asked := socksProxy(t, s.host(), 0)
			r := open(t, &Client{Adapter: &NetAdapter{Proxy: via(c.scheme + "://" + c.user + p.host())}}, &Request{URL: c.url})
			echoes(t, r)
			if got := <-asked; got != c.want {
				t.Errorf("the proxy was asked for %q, want %q", got, c.want)
			}
			if _, ok := r.Stream.(*net.TCPConn); !ok {
				t.Errorf("stream is %T, want the connection itself", r.Stream)
			}
		})
	}
}

// After an error of the proxy there is no request, second attempt or direct
// connection.
//
// req: 6455-4.1-12
func TestProxyFailures(t *testing.T) {
	ca := newAuthority(t)
	responding := func(response string) func(net.Conn, chan<- string) {
		return func(c net.Conn, more chan<- string) {
			readRequest(c)
			io.WriteString(c, response)
			rest, _ := io.ReadAll(c)
			more <- string(rest)
		}
	}
	for _, c := range []struct {
		name, scheme string
		script       func(net.Conn, chan<- string)
		status       int
		text         string
	}{
		{"407", "http", responding("HTTP/1.1 407 X\r\nProxy-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nHello"), 407, "user name and password"},
		{"403", "http", responding("HTTP/1.1 403 X\r\nContent-Length: 5\r\n\r\nHello"), 403, "answered 403 Forbidden"},
		{"502", "http", responding("HTTP/1.1 502 X\r\nContent-Length: 5\r\n\r\nHello"), 502, "answered 502"},
		{"101", "http", responding("HTTP/1.1 101 X\r\n\r\n"), 101, "answered 101"},
		{"redirect", "http", responding("HTTP/1.1 302 X\r\nLocation: ws://127.0.0.1/\r\nContent-Length: 5\r\n\r\nHello"), 302, "answered 302"},
		{"contradicting lengths", "http", responding("HTTP/1.1 403 X\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nHello"), 403, "ambiguous"},
		{"closes", "http", func(c net.Conn, more chan<- string) { readRequest(c); c.Close(); more <- "" }, 0, "closed without a response"},
		{"garbage", "http", responding("SSH-2.0-x\r\n"), 0, "not HTTP"},
		{"endless", "http", func(c net.Conn, more chan<- string) {
			readRequest(c)
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 102 X\r\n\r\n"); err != nil {
					more <- ""
					return
				}
			}
		}, 0, "MaxResponseHead"},
		{"SOCKS refuses", "socks5", func(c net.Conn, more chan<- string) {
			io.CopyN(io.Discard, c, 4)
			c.Write([]byte{5, 0xFF})
			rest, _ := io.ReadAll(c)
			more <- string(rest)
		}, 0, "no acceptable"},
		{"SOCKS garbage", "socks5", func(c net.Conn, more chan<- string) {
			io.CopyN(io.Discard, c, 4)
			c.Write([]byte("HTTP/1.1 400 X\r\n\r\n"))
			rest, _ := io.ReadAll(c)
			more <- string(rest)
		}, 0, "version"},
		{"TLS", "https", func(c net.Conn, more chan<- string) {
			wrapped := ca.server(t, "other.test")(c)
			rest, _ := io.ReadAll(wrapped)
			more <- string(rest)
		}, 0, "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			target := serve(t, upgrade)
			more := make(chan string, 1)
			p := serve(t, func(conn net.Conn) { c.script(conn, more) })
			client := &Client{FollowRedirects: 5, Adapter: &NetAdapter{
				Gate: new(Gate), TLSConfig: ca.client(), Proxy: via(c.scheme + "://u:s3cret@" + p.host()),
			}}
			err := handshakeError(t, client, &Request{URL: "ws://" + target.host()})
			e := wantError(t, err, StageProxy, "s3cret")
			if e.Status != c.status || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), p.host()) {
				t.Errorf("status %d, %v; want %d and %q", e.Status, err, c.status, c.text)
			}
			if c.status >= 200 && c.text != "ambiguous" && string(e.Body) != "Hello" {
				t.Errorf("body %q", e.Body)
			}
			if m := <-more; m != "" {
				t.Errorf("the client wrote %q after the refusal", m)
			}
			if target.accepted() != 0 || p.accepted() != 1 {
				t.Errorf("%d connections to the server, %d to the proxy", target.accepted(), p.accepted())
			}
		})
	}
	t.Run("SOCKS reports an error", func(t *testing.T) {
		checkLeaks(t)
		p, _ := socksProxy(t, "", 5)
		err := handshakeError(t, &Client{Adapter: &NetAdapter{Proxy: via("socks5://" + p.host())}}, &Request{URL: "ws://h.test"})
		wantError(t, err, StageProxy)
		if !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%v", err)
		}
	})
	t.Run("nothing listens", func(t *testing.T) {
		checkLeaks(t)
		err := handshakeError(t, &Client{Adapter: &NetAdapter{Proxy: via("http://u:s3cret@127.0.0.1:1")}}, &Request{URL: "ws://h.test"})
		var op *net.OpError
		if wantError(t, err, StageProxy, "s3cret"); !errors.As(err, &op) {
			t.Errorf("error is %v, want a *net.OpError in it", err)
		}
	})
	t.Run("bad URL", func(t *testing.T) {
		for _, p := range []string{"ftp://u:s3cret@h.test", "http://u:s3cret@", "socks5://:1080", "//h.test:3128", "h.test:3128", ""} {
			adapter := &NetAdapter{Proxy: via(p), DialContext: func(context.Context, string, string) (net.Conn, error) {
				t.Errorf("%q: the network was used", p)
				return nil, net.ErrClosed
			}}
			err := handshakeError(t, &Client{Adapter: adapter}, &Request{URL: "ws://h.test"})
			wantError(t, err, StageProxy, "s3cret")
			if want := "the URL of the proxy needs a host and the scheme http, https, socks5 or socks5h"; !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error is %v, want %q in it", p, err, want)
			}
		}
	})
	t.Run("selection fails", func(t *testing.T) {
		cause := errors.New("cause")
		err := handshakeError(t, &Client{Adapter: &NetAdapter{Proxy: func(*url.URL) (*url.URL, error) { return nil, cause }}}, &Request{URL: "ws://h.test"})
		if wantError(t, err, StageProxy); !errors.Is(err, cause) {
			t.Errorf("%v", err)
		}
	})
}

// req: 6455-4.1-11
func TestProxySelection(t *testing.T) {
	var got *url.URL
	client, wait := pipe(func(c net.Conn) { swallow(c) })
	client.Adapter.(*NetAdapter).Proxy = func(u *url.URL) (*url.URL, error) {
		got = u
		return nil, errors.New("enough")
	}
	handshakeError(t, client, &Request{URL: "wss://u:p@h.test:8443/p?q=1"})
	wait()
	if want := "wss://h.test:8443/p?q=1"; got.String() != want || got.Scheme != "wss" || got.Hostname() != "h.test" || got.Port() != "8443" || got.Path != "/p" || got.RawQuery != "q=1" {
		t.Errorf("called with %q, want %q", got, want)
	}
}

// req: 6455-4.1-10 6455-4.1-08
func TestProxyFromEnvironment(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		url  string
		want string // "error"
	}{
		{"none", nil, "ws://h.test/", ""},
		{"HTTPS before HTTP", map[string]string{"HTTP_PROXY": "http://a.test", "HTTPS_PROXY": "http://b.test"}, "ws://h.test/", "http://b.test"},
		{"SOCKS before both", map[string]string{"HTTP_PROXY": "http://a.test", "HTTPS_PROXY": "http://b.test", "ALL_PROXY": "socks5://u:p@c.test:99"}, "ws://h.test/", "socks5://u:p@c.test:99"},
		{"secure", map[string]string{"HTTP_PROXY": "http://a.test", "HTTPS_PROXY": "http://b.test", "all_proxy": "SOCKS5H://c.test"}, "wss://h.test/", "socks5h://c.test"},
		{"HTTP only", map[string]string{"HTTP_PROXY": "http://a.test"}, "wss://h.test/", "http://a.test"},
		{"HTTP before another ALL_PROXY", map[string]string{"HTTP_PROXY": "http://a.test", "ALL_PROXY": "http://c.test"}, "ws://h.test/", "http://a.test"},
		{"ALL_PROXY only", map[string]string{"ALL_PROXY": "c.test:3128"}, "ws://h.test/", "http://c.test:3128"},
		{"lower case first", map[string]string{"HTTPS_PROXY": "http://a.test", "https_proxy": "http://b.test"}, "ws://h.test/", "http://b.test"},
		{"CGI", map[string]string{"HTTP_PROXY": "http://a.test", "REQUEST_METHOD": "GET"}, "ws://h.test/", ""},
		{"exempt", map[string]string{"HTTPS_PROXY": "http://a.test", "NO_PROXY": "x.test, h.test"}, "ws://sub.h.test/", ""},
		{"exempt port", map[string]string{"HTTPS_PROXY": "http://a.test", "NO_PROXY": "h.test:80"}, "ws://h.test/", ""},
		{"another port", map[string]string{"HTTPS_PROXY": "http://a.test", "NO_PROXY": "h.test:80"}, "wss://h.test/", "http://a.test"},
		{"loopback", map[string]string{"HTTPS_PROXY": "http://a.test"}, "ws://127.0.0.1:8080/", ""},
		{"IPv6", map[string]string{"HTTPS_PROXY": "http://a.test"}, "ws://[2001:db8::1]/", "http://a.test"},
		{"no URL", map[string]string{"HTTPS_PROXY": "http://u:s3cret@a b"}, "ws://h.test/", "error"},
		{"no host", map[string]string{"HTTPS_PROXY": "http://"}, "ws://h.test/", "error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"} {
				t.Setenv(name, "")
				t.Setenv(strings.ToLower(name), "")
			}
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			u, err := ParseURL(c.url)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ProxyFromEnvironment(u)
			switch {
			case c.want == "error":
				if err == nil || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("got %v, %v, want an error", got, err)
				}
			case err != nil || (got == nil) != (c.want == "") || got != nil && got.String() != c.want:
				t.Errorf("got %v, %v, want %q", got, err, c.want)
			}
		})
	}
}

// A handshake through the SOCKS proxy of the environment.
//
// req: 6455-4.1-10
func TestThroughEnvironment(t *testing.T) {
	checkLeaks(t)
	s := serve(t, upgrade)
	p, asked := socksProxy(t, s.host(), 0)
	t.Setenv("all_proxy", "")
	t.Setenv("ALL_PROXY", "socks5://"+p.host())
	t.Setenv("no_proxy", "")
	t.Setenv("NO_PROXY", "")
	echoes(t, open(t, &Client{Adapter: &NetAdapter{Proxy: ProxyFromEnvironment}}, &Request{URL: "ws://target.test/chat"}))
	if got := <-asked; got != "target.test 80" {
		t.Errorf("the proxy was asked for %q", got)
	}
}

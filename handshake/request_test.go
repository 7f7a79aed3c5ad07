package handshake

// This file tests the request to the byte, and which ones are refused.

import (
	"context"
	"encoding/base64"
	"errors"
	"math/bits"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// adapterFunc is an Adapter made of a function.
type adapterFunc func(ctx context.Context, u *url.URL, head *RequestHead) (*Response, error)

func (f adapterFunc) Exchange(ctx context.Context, u *url.URL, head *RequestHead) (*Response, error) {
	return f(ctx, u, head)
}

// req: 6455-4.1-18 6455-4.1-19 6455-4.1-20 6455-4.1-22 6455-4.1-26 6455-4.1-27 6455-4.1-30 6455-9.1-03 6455-9.1-06 9110-7.2-01 9110-5.6.1-02 6455-11.3.1-01
func TestRequestBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		req  Request
		want string
	}{
		{"least", Request{URL: "ws://h.test/chat"}, `GET /chat HTTP/1.1
Host: h.test
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: {key}
Sec-WebSocket-Version: 13
User-Agent: dandelion

`},
		{"everything", Request{
			URL: "ws://h.test:8080//a/./b;x=1?y=/z", Origin: "http://app.example", UserAgent: "robot/1",
			Subprotocols: []string{"superchat", "chat"},
			Extensions:   []Extension{{"permessage-deflate", []Param{{"server_max_window_bits", "10"}}}, {"permessage-deflate", nil}},
			Header:       http.Header{"X-Test": {"1", "2"}, "Cookie": {"a=b"}, "authorization": {"Bearer t"}, "x-empty": {""}},
		}, `GET //a/./b;x=1?y=/z HTTP/1.1
Host: h.test:8080
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: {key}
Sec-WebSocket-Version: 13
Sec-WebSocket-Protocol: superchat, chat
Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10, permessage-deflate
Origin: http://app.example
User-Agent: robot/1
Cookie: a=b
X-Test: 1
X-Test: 2
authorization: Bearer t
x-empty: 

`},
		{"one subprotocol, another host", Request{URL: "ws://h.test/", Host: "other.test:81", Subprotocols: []string{"chat"}}, `GET / HTTP/1.1
Host: other.test:81
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: {key}
Sec-WebSocket-Version: 13
Sec-WebSocket-Protocol: chat
User-Agent: dandelion

`},
		{"zone stays here", Request{URL: "ws://[fe80::1%25eth0]:81/"}, `GET / HTTP/1.1
Host: [fe80::1]:81
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: {key}
Sec-WebSocket-Version: 13
User-Agent: dandelion

`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := talk(t, c.req, notFound)
			want := strings.ReplaceAll(strings.ReplaceAll(c.want, "{key}", o.request.one("Sec-WebSocket-Key")), "\n", "\r\n")
			if o.request.raw != want {
				t.Errorf("request is\n%s\nwant\n%s", o.request.raw, want)
			}
			if len(o.more) > 0 {
				t.Errorf("%q after the request", o.more)
			}
		})
	}
}

// req: 6455-4.1-21
func TestHostHeader(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"ws://h.test:8080/", "h.test:8080"},
		{"ws://h.test:80/", "h.test"},
		{"ws://h.test:443/", "h.test:443"},
		{"ws://[::1]:81/", "[::1]:81"},
	} {
		o := talk(t, Request{URL: c.url}, notFound)
		if got := o.request.all("Host"); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: Host is %q, want %q", c.url, got, c.want)
		}
	}
}

// The dial function gets host and port; the Host header omits the default port.
//
// req: 6455-3-03 6455-4.1-02 6455-4.1-21 6455-11.1.1-01
func TestDialAddress(t *testing.T) {
	for _, c := range []struct{ url, addr, host string }{
		{"ws://example.test/", "example.test:80", "example.test"},
		{"ws://example.test:/", "example.test:80", "example.test"},
		{"wss://example.test/", "example.test:443", "example.test"},
		{"wss://example.test:/", "example.test:443", "example.test"},
		{"wss://h.test:443/", "h.test:443", "h.test"},
		{"ws://b\u00fccher.example/", "xn--bcher-kva.example:80", "xn--bcher-kva.example"},
	} {
		t.Run(c.url, func(t *testing.T) {
			ca := newAuthority(t)
			server := ca.server(t, "example.test", "h.test")
			var asked []string
			var request testRequest
			client, wait := pipe(func(conn net.Conn) {
				if strings.HasPrefix(c.url, "wss") {
					conn = server(conn)
				}
				request = readRequest(conn)
				conn.Write([]byte(granted(request)))
			})
			adapter := client.Adapter.(*NetAdapter)
			adapter.TLSConfig = ca.client()
			dial := adapter.DialContext
			adapter.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				asked = append(asked, network+" "+addr)
				return dial(ctx, network, addr)
			}
			open(t, client, &Request{URL: c.url})
			wait()
			if !slices.Equal(asked, []string{"tcp " + c.addr}) || request.one("Host") != c.host {
				t.Errorf("dialed %q with Host %q, want %q and %q", asked, request.all("Host"), c.addr, c.host)
			}
		})
	}
}

// req: 6455-4.1-23 6455-4.1-24
func TestKeys(t *testing.T) {
	const n = 1000
	seen := make(map[string]bool)
	var set [128]int
	client := &Client{Adapter: adapterFunc(func(_ context.Context, _ *url.URL, head *RequestHead) (*Response, error) {
		key := head.value("Sec-WebSocket-Key")
		nonce, err := base64.StdEncoding.Strict().DecodeString(key)
		if len(key) != 24 || !strings.HasSuffix(key, "==") || err != nil || len(nonce) != 16 {
			t.Errorf("key %q is not 16 bytes in base64", key)
		}
		seen[key] = true
		for i, b := range nonce {
			for ; b != 0; b &= b - 1 {
				set[i*8+bits.TrailingZeros8(b)]++
			}
		}
		return nil, errors.New("enough")
	})}
	for range n {
		handshakeError(t, client, &Request{URL: "ws://h.test/"})
	}
	if len(seen) != n {
		t.Errorf("%d different keys, want %d", len(seen), n)
	}
	for i, c := range set {
		if c < n*4/10 || c > n*6/10 {
			t.Errorf("bit %d is set in %d of %d keys", i, c, n)
		}
	}
}

// req: 6455-4.1-40
func TestAcceptKey(t *testing.T) {
	if got, want := AcceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// req: 6455-4.1-25 9110-10.1.5-01 6455-3-10 6455-4.1-27 6455-4.1-29 9110-5.6.1-02 7230-2.7.1-01
func TestOptionalFields(t *testing.T) {
	for _, c := range []struct {
		name, field string
		req         Request
		want        []string
	}{
		{"no origin", "Origin", Request{}, nil},
		{"origin", "Origin", Request{Origin: "http://app.example"}, []string{"http://app.example"}},
		{"origin in the header wins", "Origin", Request{Origin: "http://a", Header: http.Header{"origin": {"http://b"}}}, []string{"http://b"}},
		{"user agent by default", "User-Agent", Request{}, []string{"dandelion"}},
		{"user agent", "User-Agent", Request{UserAgent: "x/1"}, []string{"x/1"}},
		{"user agent in the header wins", "User-Agent", Request{UserAgent: "x/1", Header: http.Header{"user-agent": {"y/1"}}}, []string{"y/1"}},
		{"no user agent", "User-Agent", Request{UserAgent: "x/1", Header: http.Header{"User-Agent": {""}}}, nil},
		{"no subprotocol", "Sec-WebSocket-Protocol", Request{}, nil},
		{"no extension", "Sec-WebSocket-Extensions", Request{}, nil},
		{"no authorization", "Authorization", Request{}, nil},
		{"user information", "Authorization", Request{URL: "ws://u:p@h.test/"}, []string{"Basic dTpw"}},
		{"user information, escaped", "Authorization", Request{URL: "ws://u%40x:p%3A%C3%BC@h.test/"}, []string{"Basic dUB4OnA6w7w="}},
		{"user name only", "Authorization", Request{URL: "ws://u@h.test/"}, []string{"Basic dTo="}},
		{"empty user information", "Authorization", Request{URL: "ws://@h.test/"}, nil},
		{"authorization in the header wins", "Authorization", Request{URL: "ws://u:p@h.test/", Header: http.Header{"authorization": {"Bearer t"}}}, []string{"Bearer t"}},
		{"user information is not in Host", "Host", Request{URL: "ws://u:p@h.test:8080/"}, []string{"h.test:8080"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := talk(t, c.req, notFound)
			if got := o.request.all(c.field); !slices.Equal(got, c.want) {
				t.Errorf("%s is %q, want %q", c.field, got, c.want)
			}
			if strings.Contains(o.request.raw, "u:p") || strings.Contains(o.request.raw, "@") {
				t.Errorf("user information in the clear: %s", o.request.raw)
			}
		})
	}
}

// req: 6455-4.1-28 6455-11.3.1-01 9110-5.5-02
func TestInvalidRequest(t *testing.T) {
	header := func(name string, values ...string) Request { return Request{Header: http.Header{name: values}} }
	for _, c := range []struct {
		name string
		req  Request
	}{
		{"empty subprotocol", Request{Subprotocols: []string{""}}},
		{"space as subprotocol", Request{Subprotocols: []string{" "}}},
		{"comma in subprotocol", Request{Subprotocols: []string{"a,b"}}},
		{"slash in subprotocol", Request{Subprotocols: []string{"a/b"}}},
		{"quote in subprotocol", Request{Subprotocols: []string{`a"b`}}},
		{"DEL in subprotocol", Request{Subprotocols: []string{"\x7f"}}},
		{"byte C3 in subprotocol", Request{Subprotocols: []string{"\xc3"}}},
		{"line end in subprotocol", Request{Subprotocols: []string{"a\r\nX: y"}}},
		{"subprotocol twice", Request{Subprotocols: []string{"chat", "superchat", "chat"}}},
		{"own key", header("Sec-WebSocket-Key", "x")},
		{"own key, lower case", header("sec-websocket-key", "x")},
		{"own version", header("Sec-Websocket-Version", "13")},
		{"own accept", header("SEC-WEBSOCKET-ACCEPT", "x")},
		{"own protocol", header("Sec-WebSocket-Protocol", "x")},
		{"own extensions", header("sec-websocket-extensions", "x")},
		{"own upgrade", header("upgrade", "websocket")},
		{"own connection", header("CONNECTION", "Upgrade")},
		{"own host", header("Host", "x")},
		{"own host, no value", header("Host")},
		{"body length", header("Content-Length", "0")},
		{"body coding", header("Transfer-Encoding", "chunked")},
		{"proxy authorization", header("Proxy-Authorization", "Basic s3cret")},
		{"origin twice", header("Origin", "a", "b")},
		{"authorization in two spellings", Request{Header: http.Header{"Authorization": {"a"}, "authorization": {"b"}}}},
		{"user agent twice", header("User-Agent", "a", "b")},
		{"line end in value", header("X-A", "s3cret\r\nX: y")},
		{"CR in value", header("X-A", "s3cret\rX")},
		{"NUL in value", header("X-A", "s3cret\x00")},
		{"DEL in value", header("X-A", "s3cret\x7f")},
		{"space in name", header("X A", "s3cret")},
		{"colon in name", header("X:A", "s3cret")},
		{"empty name", header("", "s3cret")},
		{"byte C3 in name", header("X\xc3", "s3cret")},
		{"line end in origin", Request{Origin: "a\r\nX: y"}},
		{"NUL in origin", Request{Origin: "a\x00"}},
		{"line end in user agent", Request{UserAgent: "a\r\nX: y"}},
		{"line end in host", Request{Host: "a\r\nX: y"}},
		{"user information in host", Request{Host: "u:p@h"}},
		{"space in host", Request{Host: "h x"}},
		{"extension without a name", Request{Extensions: []Extension{{}}}},
		{"extension name is no token", Request{Extensions: []Extension{{Name: "a b"}}}},
		{"extension parameter is no token", Request{Extensions: []Extension{{"a", []Param{{"b", "c d"}}}}}},
		{"extension parameter without a name", Request{Extensions: []Extension{{"a", []Param{{"", "c"}}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := &Client{Adapter: adapterFunc(func(context.Context, *url.URL, *RequestHead) (*Response, error) {
				t.Error("the adapter was used")
				return nil, errors.New("unexpected")
			})}
			c.req.URL = "ws://u:passw0rd@h.test/"
			e := wantError(t, handshakeError(t, client, &c.req), StageRequest, "s3cret", "passw0rd")
			if e.URL != "ws://h.test/" {
				t.Errorf("URL of the error is %q", e.URL)
			}
		})
	}
	_, err := new(Client).Handshake(t.Context(), nil)
	wantError(t, err, StageRequest)
}

// req: 6455-4.1-01 6455-4.1-17 6455-4.1-31
func TestNothingSentBeforeTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var early int
		client, wait := pipe(func(c net.Conn) {
			r := readRequest(c)
			if !strings.HasSuffix(r.raw, "\r\n\r\n") || time.Since(begin) != 0 {
				t.Errorf("request %q after %v", r.raw, time.Since(begin))
			}
			c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			early, _ = c.Read(make([]byte, 1)) // until the deadline
			c.SetReadDeadline(time.Time{})
			c.Write([]byte(granted(r)))
		})
		open(t, client, &Request{URL: "ws://h.test/"})
		wait()
		if d := time.Since(begin); d != 300*time.Millisecond || early != 0 {
			t.Errorf("open after %v, %d bytes before the response, want 300ms and none", d, early)
		}
	})
}

package handshake

// This file tests the handshake over net/http.

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// overHTTP returns a Client over net/http that shares no connections.
func overHTTP(t *testing.T, transport *http.Transport) *Client {
	t.Cleanup(transport.CloseIdleConnections)
	return &Client{Adapter: &RoundTripAdapter{Client: &http.Client{Transport: transport}, Gate: new(Gate)}}
}

func TestRoundTrip(t *testing.T) {
	checkLeaks(t)
	requests := make(chan testRequest, 1)
	s := serve(t, func(c net.Conn) {
		r := readRequest(c)
		requests <- r
		io.WriteString(c, "HTTP/1.1 103 X\r\nLink: a\r\n\r\n"+granted(r, "Sec-WebSocket-Protocol: chat\r\n", "Set-Cookie: a=1; Path=/\r\n", "Set-Cookie: b=2, x\r\n", "Content-Length: 7\r\n")+hello)
		echo(c)
	})
	client := overHTTP(t, new(http.Transport))
	jar, _ := cookiejar.New(nil)
	client.Adapter.(*RoundTripAdapter).Client.Jar = jar
	client.Adapter.(*RoundTripAdapter).Client.Timeout = time.Nanosecond // not used
	ctx, cancel := context.WithCancel(t.Context())
	r, err := client.Handshake(ctx, &Request{
		URL: "ws://u:p@" + s.host() + "//a/./b%2F;x=1?y=/z", Host: "override.test", Subprotocols: []string{"chat"},
		Header: http.Header{"X-Test": {"1", "2"}, "user-agent": {""}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	defer r.Stream.Close()
	got := make([]byte, len(hello))
	if n, err := io.ReadFull(r.Stream, got); err != nil || string(got) != hello || len(r.Buffered) > 0 {
		t.Errorf("got %q, %v, want %q", got[:n], err, hello)
	}
	echoes(t, r)
	q := <-requests
	if q.line != "GET //a/./b%2F;x=1?y=/z HTTP/1.1" || q.one("Host") != "override.test" || q.one("Authorization") != "Basic dTpw" ||
		!slices.Equal(q.all("X-Test"), []string{"1", "2"}) || len(q.all("User-Agent")) > 0 || q.one("Upgrade") != "websocket" || q.one("Connection") != "Upgrade" {
		t.Errorf("request is\n%s", q.raw)
	}
	if r.Subprotocol != "chat" || len(r.Header["Set-Cookie"]) != 2 || r.Header.Get("Link") != "" || r.RemoteAddr.String() != s.host() || r.LocalAddr == nil {
		t.Errorf("result %+v", r)
	}
	if u, _ := url.Parse("http://override.test"); len(jar.Cookies(u)) == 0 {
		t.Error("the cookie jar was not used")
	}
}

func TestRoundTripTLS(t *testing.T) {
	checkLeaks(t)
	ca := newAuthority(t)
	s, _ := secureServer(t, ca.config(t, "127.0.0.1"), upgrade)
	client := overHTTP(t, &http.Transport{TLSClientConfig: ca.client(), ForceAttemptHTTP2: true})
	r := open(t, client, &Request{URL: "wss://" + s.host()})
	echoes(t, r)
}

// The checks are the same as with a NetAdapter.
func TestRoundTripRefusals(t *testing.T) {
	for _, c := range []struct {
		name, response string
		stage          Stage
		status         int
	}{
		{"wrong accept value", with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: x"), StageValidate, 101},
		{"accept twice", withLines("Sec-WebSocket-Accept: {accept}"), StageValidate, 101},
		{"no upgrade", with("Upgrade"), StageValidate, 101},
		{"blank before the colon", with("Upgrade", "Upgrade : websocket"), StageValidate, 101},
		{"blank before the colon of another line", withLines("X-Foo : bar"), StageValidate, 101},
		{"Kelvin sign", with("Upgrade", "Upgrade: websoc\xe2\x84\xaaet"), StageValidate, 101},
		{"HTTP/1.0", statusLine("HTTP/1.0 101 X"), StageValidate, 101},
		{"extension", withLines("Sec-WebSocket-Extensions: permessage-deflate"), StageValidate, 101},
		{"subprotocol", withLines("Sec-WebSocket-Protocol: chat"), StageValidate, 101},
		{"NUL in a value", withLines("X: \x00"), StageHTTP, 0},
		{"garbage", "SSH-2.0-x\r\n\r\n", StageHTTP, 0},
		{"nothing", "", StageHTTP, 0},
		{"403", "HTTP/1.1 403 No\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("x", 2000), StageHTTP, 403},
		{"302", "HTTP/1.1 302 No\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", StageHTTP, 302},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			s := serve(t, func(conn net.Conn) { io.WriteString(conn, fill(c.response, readRequest(conn))) })
			e := wantError(t, handshakeError(t, overHTTP(t, new(http.Transport)), &Request{URL: "ws://" + s.host() + "/?token=s3cret"}), c.stage, "s3cret")
			if e.Status != c.status || c.status == 403 && len(e.Body) != maxBody {
				t.Errorf("status %d, %d bytes of body, want %d", e.Status, len(e.Body), c.status)
			}
			if s.accepted() != 1 {
				t.Errorf("%d connections", s.accepted())
			}
		})
	}
}

func TestRoundTripStages(t *testing.T) {
	ca := newAuthority(t)
	closing := serve(t, func(c net.Conn) { readRequest(c); io.WriteString(c, "HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n") })
	tlsServer, _ := secureServer(t, ca.config(t, "other.test"), upgrade)
	for _, c := range []struct {
		name, url string
		transport *http.Transport
		stage     Stage
	}{
		{"resolve", "ws://h.invalid/", &http.Transport{DialContext: (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no network")
		}}}).DialContext}, StageResolve},
		{"dial", "ws://127.0.0.1:1/", &http.Transport{}, StageDial},
		{"TLS", "wss://" + tlsServer.host(), &http.Transport{TLSClientConfig: ca.client()}, StageTLS},
		{"proxy", "wss://h.test/", &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: closing.host()})}, StageProxy},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := handshakeError(t, overHTTP(t, c.transport), &Request{URL: c.url})
			wantError(t, err, c.stage)
		})
	}
}

// plainBody is a transport that hides the connection after a 101.
type plainBody struct{}

// requestKey returns the key of a request; its name is not in net/http's canonical form.
func requestKey(r *http.Request) string {
	for name, values := range r.Header {
		if strings.EqualFold(name, "Sec-WebSocket-Key") {
			return values[0]
		}
	}
	return ""
}

func (plainBody) RoundTrip(r *http.Request) (*http.Response, error) {
	header := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {AcceptKey(requestKey(r))}}
	return &http.Response{StatusCode: 101, ProtoMajor: 1, ProtoMinor: 1, Header: header, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

// silent is a transport that waits for the end of the context, at once or in the
// body.
type silent struct{ status int }

func (s silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.status == 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: s.status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"X": {"y"}}, Body: &slowBody{r.Context()}, Request: r}, nil
}

type slowBody struct{ ctx context.Context }

func (b *slowBody) Read(p []byte) (int, error) {
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-time.After(90 * time.Millisecond):
		return copy(p, "x"), nil
	}
}
func (b *slowBody) Close() error { return nil }

func TestRoundTripTransports(t *testing.T) {
	err := handshakeError(t, &Client{Adapter: &RoundTripAdapter{Client: &http.Client{Transport: plainBody{}}}}, &Request{URL: "ws://h.test"})
	if wantError(t, err, StageHTTP); !strings.Contains(err.Error(), "without its connection") {
		t.Errorf("%v", err)
	}
	for _, c := range []struct {
		name      string
		transport silent
		timeout   time.Duration
		deadline  time.Duration
		want      time.Duration
	}{
		{"default timeout", silent{}, 0, time.Hour, defaultRoundTripTimeout},
		{"timeout", silent{}, time.Second, time.Hour, time.Second},
		{"no timeout", silent{}, -1, time.Hour, time.Hour},
		{"body", silent{403}, 0, time.Hour, bodyTimeout},
		{"body, deadline", silent{403}, 0, 300 * time.Millisecond, 300 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := &Client{Adapter: &RoundTripAdapter{Client: &http.Client{Transport: c.transport}, Timeout: c.timeout, Gate: new(Gate)}}
				ctx, cancel := deadline(t, c.deadline)
				defer cancel()
				begin := time.Now()
				_, err := client.Handshake(ctx, &Request{URL: "ws://h.test/"})
				e := wantError(t, err, StageHTTP)
				if d := time.Since(begin); d != c.want || errors.Is(err, context.DeadlineExceeded) != (c.want == c.deadline) {
					t.Errorf("failed after %v, want %v: %v", d, c.want, err)
				}
				if e.Status != c.transport.status || (len(e.Body) > 0) != (e.Status == 403) {
					t.Errorf("status %d, body %q", e.Status, e.Body)
				}
			})
		})
	}
}

// The error of a caller's adapter is reported.
func TestAdapterError(t *testing.T) {
	cause := errors.New("cause")
	client := &Client{Adapter: adapterFunc(func(context.Context, *url.URL, *RequestHead) (*Response, error) { return nil, cause })}
	err := handshakeError(t, client, &Request{URL: "ws://h.test"})
	if wantError(t, err, StageHTTP); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}

package conformance_test

// This file tests the client's request: RFC 6455 §4.1, RFC 7230, RFC 9110.

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
)

// offering is a Handshaker that also offers extensions.
type offering struct {
	handshake.Client
	offers []handshake.Extension
}

// Handshake implements handshake.Handshaker.
func (o *offering) Handshake(ctx context.Context, req *handshake.Request) (*handshake.Result, error) {
	with := *req
	with.Extensions = o.offers
	return o.Client.Handshake(ctx, &with)
}

// offer makes opts offer extensions. Their network settings are kept.
func offer(opts *dandelion.Options, extensions ...handshake.Extension) *dandelion.Options {
	o := *opts
	o.Handshaker = &offering{handshake.Client{Adapter: ownHTTP(opts)}, extensions}
	return &o
}

// deflate is an offer of permessage-deflate with parameters "name" or "name=value".
func deflate(params ...string) handshake.Extension {
	e := handshake.Extension{Name: "permessage-deflate"}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		e.Params = append(e.Params, handshake.Param{Name: name, Value: value})
	}
	return e
}

// req: 6455-4.1-18 6455-4.1-19 6455-4.1-22 6455-4.1-23 6455-4.1-26 9110-7.2-01
func TestRequestHead(t *testing.T) {
	srv := wstest.NewServer(t)
	d := startDial(t, srv.URL()+"/chat", nil)
	c := srv.Accept(t.Context())
	req := c.ReadRequest() // net/http has parsed it
	c.ExpectSilence(silence)
	c.Accept101()
	d.open(t)

	head := string(req.Raw)
	if lines := strings.Count(head, "\r\n"); strings.Count(head, "\r") != lines || strings.Count(head, "\n") != lines {
		t.Errorf("not all lines end in CR LF: %q", head)
	}
	first, rest, _ := strings.Cut(head, "\r\n")
	if first != "GET /chat HTTP/1.1" {
		t.Errorf("first line is %q, want GET /chat HTTP/1.1", first)
	}
	if !strings.HasPrefix(rest, "Host: "+srv.Addr()+"\r\n") {
		t.Errorf("Host is not the line after the request line: %q", head)
	}
	wantValues(t, req, "Content-Length")
	wantValues(t, req, "Transfer-Encoding")
	wantValues(t, req, "Upgrade", "websocket")
	wantConnectionUpgrade(t, req)
	wantValues(t, req, "Sec-WebSocket-Version", "13")
	if len(req.Values("Sec-WebSocket-Key")) != 1 {
		t.Fatalf("Sec-WebSocket-Key is %q, want one value", req.Values("Sec-WebSocket-Key"))
	}
	key := req.Key()
	nonce, err := base64.StdEncoding.Strict().DecodeString(key)
	if err != nil || len(nonce) != 16 || len(key) != 24 || !strings.HasSuffix(key, "==") {
		t.Errorf("Sec-WebSocket-Key is %q, want 16 bytes in base64 (%v)", key, err)
	}
}

// wantConnectionUpgrade fails unless one Connection line lists Upgrade.
func wantConnectionUpgrade(t *testing.T, req *wstest.Request) {
	t.Helper()
	lines := req.Values("Connection")
	if len(lines) != 1 || !slices.ContainsFunc(strings.Split(lines[0], ","), func(token string) bool {
		return strings.EqualFold(strings.TrimSpace(token), "upgrade")
	}) {
		t.Errorf("Connection is %q, want one line that lists Upgrade", lines)
	}
}

// req: 6455-4.1-24
func TestRequestKeyIsRandom(t *testing.T) {
	const dials = 1000
	srv := wstest.NewPipe(t)
	opts := over(srv)
	var keys [][]byte
	remember := func(req *wstest.Request) {
		key, err := base64.StdEncoding.DecodeString(req.Key())
		if err != nil || len(key) != 16 {
			t.Fatalf("key is %q", req.Key())
		}
		keys = append(keys, key)
	}
	for range dials {
		d := startDial(t, srv.URL(), opts)
		c := srv.Accept(t.Context())
		remember(c.ReadRequest())
		c.Drop()
		d.fails(t)
	}

	// Once more through the reconnect path.
	opts.Retry.Backoff = retry.Exponential{Base: 1, Max: 1}.New
	startSupervised(t, srv.URL(), opts)
	c := srv.Accept(t.Context())
	again := c.Upgrade().Key()
	c.Drop()
	req := srv.Accept(t.Context()).Upgrade()
	remember(req)
	if again == req.Key() {
		t.Errorf("the reconnect has used the key %s again", again)
	}

	different := make(map[string]bool)
	var set [128]int
	for _, key := range keys {
		different[string(key)] = true
		for bit := range set {
			set[bit] += int(key[bit/8] >> (bit % 8) & 1)
		}
	}
	if len(different) != dials+1 {
		t.Errorf("%d different keys of %d", len(different), dials+1)
	}
	for bit, n := range set {
		if n < (dials+1)*40/100 || n > (dials+1)*60/100 {
			t.Errorf("bit %d is set in %d of %d keys", bit, n, dials+1)
		}
	}
}

// req: 6455-4.1-25
func TestRequestOrigin(t *testing.T) {
	srv := wstest.NewServer(t)
	wantValues(t, requested(t, srv, srv.URL(), nil), "Origin")
	req := requested(t, srv, srv.URL(), &dandelion.Options{Origin: "http://app.example"})
	wantValues(t, req, "Origin", "http://app.example")
}

// req: 6455-4.1-27
func TestRequestSubprotocols(t *testing.T) {
	srv := wstest.NewServer(t)
	wantValues(t, requested(t, srv, srv.URL(), nil), "Sec-WebSocket-Protocol")
	req := requested(t, srv, srv.URL(), &dandelion.Options{Subprotocols: []string{"superchat", "chat"}})
	wantValues(t, req, "Sec-WebSocket-Protocol", "superchat, chat")
}

// req: 6455-4.1-28
func TestRequestInvalidSubprotocols(t *testing.T) {
	srv := wstest.NewServer(t)
	for _, test := range []struct {
		name         string
		subprotocols []string
	}{
		{"empty", []string{""}},
		{"space", []string{" "}},
		{"comma", []string{"a,b"}},
		{"slash", []string{"a/b"}},
		{"quote", []string{`a"b`}},
		{"7F", []string{"a\x7F"}},
		{"C3", []string{"a\xC3"}},
		{"twice", []string{"chat", "superchat", "chat"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantUnheard(t, srv.URL(), dandelion.Options{Subprotocols: test.subprotocols})
		})
	}
	wantNoneBefore(t, srv)
}

// req: 6455-4.1-29
func TestRequestExtensions(t *testing.T) {
	srv := wstest.NewServer(t)
	wantValues(t, requested(t, srv, srv.URL(), nil), "Sec-WebSocket-Extensions")
	req := requested(t, srv, srv.URL(), offer(over(srv), deflate()))
	wantValues(t, req, "Sec-WebSocket-Extensions", "permessage-deflate")
}

// req: 6455-9.1-03 6455-9.1-06
func TestRequestSeveralOffers(t *testing.T) {
	srv := wstest.NewPipe(t)
	opts := offer(over(srv), deflate("server_max_window_bits=10"), deflate())
	d := startDial(t, srv.URL(), opts)
	c := srv.Accept(t.Context())
	req := c.Upgrade(wstest.Extensions("permessage-deflate"))
	wantValues(t, req, "Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=10, permessage-deflate")
	if got := d.open(t).Opened().Extensions; !slices.Equal(got, []string{"permessage-deflate"}) {
		t.Errorf("extensions in use are %q, want permessage-deflate without parameters", got)
	}
}

// req: 6455-4.1-30
func TestRequestFurtherHeaders(t *testing.T) {
	srv := wstest.NewServer(t)
	req := requested(t, srv, srv.URL(), &dandelion.Options{Header: http.Header{
		"Cookie":        {"a=b"},
		"Authorization": {"Bearer t"},
		"X-Test":        {"one", "two"},
	}})
	wantValues(t, req, "Cookie", "a=b")
	wantValues(t, req, "Authorization", "Bearer t")
	wantValues(t, req, "X-Test", "one", "two")
	for _, line := range []string{"Cookie: a=b", "Authorization: Bearer t", "X-Test: one", "X-Test: two"} {
		if n := bytes.Count(req.Raw, []byte("\r\n"+line+"\r\n")); n != 1 {
			t.Errorf("line %q is there %d times, want once", line, n)
		}
	}
}

// req: 6455-11.3.1-01
func TestRequestOwnedHeaders(t *testing.T) {
	srv := wstest.NewServer(t)
	for _, name := range []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Accept", "Upgrade", "Connection"} {
		for _, spelled := range []string{name, strings.ToLower(name), strings.ToUpper(name), http.CanonicalHeaderKey(name)} {
			t.Run(spelled, func(t *testing.T) {
				header := http.Header{spelled: {"x"}}
				wantStage(t, wantUnheard(t, srv.URL(), dandelion.Options{Header: header}), handshake.StageRequest)
			})
		}
	}
	wantNoneBefore(t, srv)

	req := requested(t, srv, srv.URL(), nil)
	for _, name := range []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Host", "Upgrade", "Connection"} {
		if got := req.Values(name); len(got) != 1 {
			t.Errorf("%s is %q, want one line", name, got)
		}
	}
}

// req: 9110-5.5-02
func TestRequestForbiddenBytes(t *testing.T) {
	srv := wstest.NewServer(t)
	const split = "a\r\nX: y"
	for _, test := range []struct {
		name string
		opts dandelion.Options
	}{
		{"value with CR LF", dandelion.Options{Header: http.Header{"X-Test": {split}}}},
		{"value with CR", dandelion.Options{Header: http.Header{"X-Test": {"a\rb"}}}},
		{"value with LF", dandelion.Options{Header: http.Header{"X-Test": {"a\nb"}}}},
		{"value with NUL", dandelion.Options{Header: http.Header{"X-Test": {"a\x00b"}}}},
		{"value with 01", dandelion.Options{Header: http.Header{"X-Test": {"a\x01b"}}}},
		{"value with 7F", dandelion.Options{Header: http.Header{"X-Test": {"a\x7Fb"}}}},
		{"second value", dandelion.Options{Header: http.Header{"X-Test": {"good", split}}}},
		{"name with a space", dandelion.Options{Header: http.Header{"X Test": {"a"}}}},
		{"name with CR LF", dandelion.Options{Header: http.Header{"A: b\r\nX": {"a"}}}},
		{"name with a colon", dandelion.Options{Header: http.Header{"X:": {"a"}}}},
		{"empty name", dandelion.Options{Header: http.Header{"": {"a"}}}},
		{"subprotocol with CR LF", dandelion.Options{Subprotocols: []string{split}}},
		{"subprotocol with NUL", dandelion.Options{Subprotocols: []string{"a\x00b"}}},
		{"origin with CR LF", dandelion.Options{Origin: split}},
		{"origin with NUL", dandelion.Options{Origin: "a\x00b"}},
		{"host with CR LF", dandelion.Options{Host: split}},
		{"host with NUL", dandelion.Options{Host: "a\x00b"}},
		{"user agent with CR LF", dandelion.Options{UserAgent: split}},
		{"user agent with NUL", dandelion.Options{UserAgent: "a\x00b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantUnheard(t, srv.URL(), test.opts)
		})
	}
	for _, url := range []string{"ws://HOST:PORT/a\r\nX: y", "ws://HOST:PORT/\x00", "ws://HOST:PORT/?a\nb", "ws://u\r\n:p@HOST:PORT/"} {
		t.Run("url "+url, func(t *testing.T) {
			wantUnheard(t, at(srv, url), dandelion.Options{})
		})
	}
	wantNoneBefore(t, srv)
}

// req: 9110-5.6.1-02
func TestRequestListsHaveNoEmptyElements(t *testing.T) {
	srv := wstest.NewServer(t)
	for _, test := range []struct {
		name         string
		subprotocols []string
		offers       []handshake.Extension
	}{
		{"none", nil, nil},
		{"none, as empty lists", []string{}, []handshake.Extension{}},
		{"one", []string{"chat"}, []handshake.Extension{deflate()}},
		{"several", []string{"superchat", "chat", "v3"}, []handshake.Extension{deflate("client_max_window_bits"), deflate(), deflate("server_max_window_bits=9")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := offer(over(srv), test.offers...)
			opts.Subprotocols = test.subprotocols
			req := requested(t, srv, srv.URL(), opts)
			if got := len(req.Subprotocols()); got != len(test.subprotocols) {
				t.Errorf("%d subprotocols, want %d", got, len(test.subprotocols))
			}
			if got := len(req.Extensions()); got != len(test.offers) {
				t.Errorf("%d offers, want %d", got, len(test.offers))
			}
			for _, name := range []string{"Connection", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
				for _, list := range req.Values(name) {
					for element := range strings.SplitSeq(list, ",") {
						if strings.TrimSpace(element) == "" {
							t.Errorf("%s has an empty element: %q", name, list)
						}
					}
				}
			}
		})
	}
}

// req: 9110-10.1.5-01
func TestRequestUserAgent(t *testing.T) {
	srv := wstest.NewServer(t)
	wantValues(t, requested(t, srv, srv.URL(), nil), "User-Agent", "dandelion")
	for _, opts := range []*dandelion.Options{{UserAgent: "mine/1.0"}, {Header: http.Header{"User-Agent": {"mine/1.0"}}}} {
		wantValues(t, requested(t, srv, srv.URL(), opts), "User-Agent", "mine/1.0")
	}
	req := requested(t, srv, srv.URL(), &dandelion.Options{Header: http.Header{"User-Agent": {""}}})
	wantValues(t, req, "User-Agent")
}

// startSupervised supervises a connection until the end of the test.
func startSupervised(t *testing.T, url string, opts *dandelion.Options) *dandelion.Client {
	t.Helper()
	client, err := dandelion.Supervise(newContext(t), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Abort()
		<-client.Done()
	})
	return client
}

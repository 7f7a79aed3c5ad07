package conformance_test

// This file tests redirects, if following them was asked for: RFC 9110 §15.4.

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/test/wstest"
)

// following returns Options that reach srv, whatever host the URL names, and follow that
// many redirects.
func following(srv *wstest.Server, limit int) *dandelion.Options {
	return &dandelion.Options{Handshaker: &handshake.Client{FollowRedirects: limit, Adapter: ownHTTP(over(srv))}}
}

// redirects redirects the next connection to location, and waits until the client has
// closed it. It returns the request.
func redirects(t *testing.T, srv *wstest.Server, status int, location string) *wstest.Request {
	t.Helper()
	c := srv.Accept(t.Context())
	req := c.ReadRequest()
	c.Respond(status, "", "Location: "+location)
	c.ExpectEnd()
	return req
}

// req: 9110-15.4-01
func TestRedirectFollowed(t *testing.T) {
	srv := wstest.NewPipe(t)
	steps := []struct {
		location             string
		target, host, dialed string // of the request that it leads to
	}{
		{"", "/x", "first.test", "first.test:80"},
		{"ws://other.test:8080/y", "/y", "other.test:8080", "other.test:8080"},
		{"/z?q=1", "/z?q=1", "other.test:8080", "other.test:8080"},
		{"http://other.test:8081/w", "/w", "other.test:8081", "other.test:8081"},
	}
	d := startDial(t, "ws://first.test/x", following(srv, 5))
	var requests []*wstest.Request
	for i, next := range steps[1:] {
		requests = append(requests, redirects(t, srv, []int{302, 307, 308}[i], next.location))
	}
	c := srv.Accept(t.Context())
	requests = append(requests, c.Upgrade())
	exchange(t, d.open(t), c)

	keys := make(map[string]bool)
	for i, req := range requests {
		wantTarget(t, req, steps[i].target)
		wantValues(t, req, "Host", steps[i].host)
		if got := srv.Dialed()[i]; got != steps[i].dialed {
			t.Errorf("connection %d went to %s, want %s", i+1, got, steps[i].dialed)
		}
		keys[req.Key()] = true
	}
	if len(keys) != len(requests) {
		t.Errorf("%d different keys in %d requests", len(keys), len(requests))
	}

	t.Run("the accept value of the first key", func(t *testing.T) {
		srv := wstest.NewPipe(t)
		d := startDial(t, srv.URL(), following(srv, 5))
		first := redirects(t, srv, 302, "/y")
		c := srv.Accept(t.Context())
		c.Upgrade(wstest.SetHeader("Sec-WebSocket-Accept", wstest.AcceptKey(first.Key())))
		wantStage(t, wantRefused(t, d, c), handshake.StageValidate)
	})
	t.Run("https", func(t *testing.T) {
		srv := wstest.NewPipe(t, wstest.WithTLS())
		d := startDial(t, "wss://first.test/x", following(srv, 5))
		redirects(t, srv, 301, "https://other.test:8443/y")
		c := srv.Accept(t.Context())
		req := c.Upgrade()
		wantTarget(t, req, "/y")
		wantValues(t, req, "Host", "other.test:8443")
		if got := c.ClientHello().ServerName; got != "other.test" {
			t.Errorf("server name is %q, want other.test", got)
		}
		exchange(t, d.open(t), c)
	})
}

// req: 9110-15.4-02
func TestRedirectCredentials(t *testing.T) {
	own := http.Header{"authorization": {"Bearer t"}, "Cookie": {"a=b"}, "X-Test": {"x"}}
	for _, test := range []struct {
		name, url, location string
		header              http.Header
		kept                bool
	}{
		{"another host", "ws://first.test/x", "ws://other.test/y", own, false},
		{"another port", "ws://first.test/x", "ws://first.test:8080/y", own, false},
		{"the same host", "ws://first.test/x", "ws://FIRST.test:80/y", own, true},
		{"another path", "ws://first.test/x", "/y", own, true},
		{"user information, another host", "ws://u:p@first.test/x", "ws://other.test/y", nil, false},
		{"user information, another port", "ws://u:p@first.test/x", "//first.test:8080/y", nil, false},
		{"user information, the same host", "ws://u:p@first.test/x", "/y", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := wstest.NewPipe(t)
			opts := following(srv, 5)
			opts.Header, opts.Origin = test.header, "http://app.example"
			d := startDial(t, test.url, opts)
			first := redirects(t, srv, 302, test.location)
			if len(first.Values("Authorization")) != 1 {
				t.Fatalf("the first request has Authorization %q", first.Values("Authorization"))
			}
			req := srv.Accept(t.Context()).Upgrade()
			d.open(t)
			for _, name := range []string{"Authorization", "Cookie"} {
				var want []string
				if test.kept {
					want = first.Values(name)
				}
				wantValues(t, req, name, want...)
			}
			wantValues(t, req, "Origin", "http://app.example")
			wantValues(t, req, "X-Test", first.Values("X-Test")...)
		})
	}

	for _, test := range []struct {
		name, url, location string
		opts                []wstest.Option
	}{
		{"wss to ws", "wss://first.test/x", "ws://first.test/y", []wstest.Option{wstest.WithTLS()}},
		{"wss to http", "wss://first.test/x", "http://other.test/y", []wstest.Option{wstest.WithTLS()}},
		{"to user information", "ws://first.test/x", "ws://u:p@first.test/y", nil},
		{"to user information elsewhere", "ws://first.test/x", "//u:p@other.test/y", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := wstest.NewPipe(t, test.opts...)
			d := startDial(t, test.url, following(srv, 5))
			redirects(t, srv, 302, test.location)
			e := d.fails(t)
			wantStatus(t, e, 302)
			if strings.Contains(e.Error(), "u:p") {
				t.Errorf("the error gives the user information away: %v", e)
			}
			if n := srv.Accepted(); n != 1 {
				t.Errorf("%d connections were made, want 1", n)
			}
		})
	}
}

// req: 9110-15.4-03
func TestRedirectLimit(t *testing.T) {
	const limit = 5
	srv := wstest.NewPipe(t)
	d := startDial(t, "ws://first.test/x", following(srv, limit))
	for range limit + 1 {
		redirects(t, srv, 302, "ws://first.test/x")
	}
	e := d.fails(t)
	wantStatus(t, e, 302)
	if !strings.Contains(e.Error(), "5 redirects") || !strings.Contains(e.Error(), "limit") {
		t.Errorf("the error does not name the limit: %v", e)
	}
	if got := srv.Dialed(); !slices.Equal(got, slices.Repeat([]string{"first.test:80"}, limit+1)) {
		t.Errorf("connections went to %q, want %d", got, limit+1)
	}
}

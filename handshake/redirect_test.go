package handshake

// This file tests which redirects are followed, and what is carried along.

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// redirecting redirects each request to the next of its locations, and upgrades
// after the last one. {self} in a location is the address of the server.
func redirecting(t *testing.T, status string, locations ...string) (s *testServer, requests chan testRequest) {
	t.Helper()
	requests = make(chan testRequest, 20)
	s = serve(t, func(c net.Conn) {
		r := readRequest(c)
		requests <- r
		n := s.accepted()
		if n > len(locations) {
			io.WriteString(c, granted(r))
			echo(c)
			return
		}
		location := strings.NewReplacer("{self}", s.host(), "{port}", s.port()).Replace(locations[n-1])
		io.WriteString(c, "HTTP/1.1 "+status+" X\r\nLocation: "+location+"\r\nContent-Length: 0\r\n\r\n")
	})
	return s, requests
}

// follower returns a Client that follows up to n redirects and resolves every name
// to the loopback address.
func follower(n int) *Client {
	return &Client{FollowRedirects: n, Adapter: &NetAdapter{Gate: new(Gate), LookupIP: toLoopback}}
}

// req: 9110-15.4-01
func TestFollowRedirects(t *testing.T) {
	for _, status := range []string{"301", "302", "303", "307", "308"} {
		t.Run(status, func(t *testing.T) {
			checkLeaks(t)
			s, requests := redirecting(t, status, "ws://other.test:{port}/y", "/z", "../a?b=c", "http://third.test:{port}/w%2F?q=%20")
			r := open(t, follower(5), &Request{URL: "ws://h.test:" + s.port() + "/x", Host: "override.test", Subprotocols: []string{"chat"}})
			echoes(t, r)
			var got []string
			keys := make(map[string]bool)
			for range s.accepted() {
				q := <-requests
				got = append(got, strings.TrimSuffix(q.line, " HTTP/1.1")+" "+strings.TrimSuffix(q.one("Host"), ":"+s.port())+" "+q.one("Sec-WebSocket-Protocol"))
				keys[q.one("Sec-WebSocket-Key")] = true
			}
			want := []string{"GET /x override.test chat", "GET /y other.test chat", "GET /z other.test chat", "GET /a?b=c other.test chat", "GET /w%2F?q=%20 third.test chat"}
			if !slices.Equal(got, want) || len(keys) != len(want) {
				t.Errorf("requests %q with %d keys, want %q", got, len(keys), want)
			}
			if want := "ws://third.test:" + s.port() + "/w%2F?q=%20"; r.URL.String() != want {
				t.Errorf("URL is %v, want %v", r.URL, want)
			}
		})
	}
}

// https becomes wss; Host and user information are kept on the same host.
//
// req: 9110-15.4-01 9110-15.4-02
func TestRedirectToSecure(t *testing.T) {
	checkLeaks(t)
	ca := newAuthority(t)
	secure, _ := secureServer(t, ca.config(t, "other.test"), upgrade)
	s, _ := redirecting(t, "302", "https://other.test:"+secure.port()+"/")
	client := follower(1)
	client.Adapter.(*NetAdapter).TLSConfig = ca.client()
	r := open(t, client, &Request{URL: "ws://h.test:" + s.port() + "/x"})
	if r.URL.Scheme != "wss" {
		t.Errorf("URL is %v", r.URL)
	}
}

// req: 9110-15.4-02
func TestRedirectCredentials(t *testing.T) {
	for _, c := range []struct {
		name, location string
		user           string
		want           []string // Authorization, Cookie, Origin, X-Test of the second request
	}{
		{"same host", "/y", "", []string{"Bearer t", "a=b", "http://app.example", "1"}},
		{"same host, written out", "ws://H.test:{port}/y", "", []string{"Bearer t", "a=b", "http://app.example", "1"}},
		{"another host", "ws://other.test:{port}/y", "", []string{"", "", "http://app.example", "1"}},
		{"user of the URL, same host", "/y", "u:p@", []string{"Basic dTpw", "a=b", "http://app.example", "1"}},
		{"user of the URL, another host", "ws://other.test:{port}/y", "u:p@", []string{"", "", "http://app.example", "1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			s, requests := redirecting(t, "307", c.location)
			header := http.Header{"Cookie": {"a=b"}, "Origin": {"http://app.example"}, "X-Test": {"1"}}
			if c.user == "" {
				header["authorization"] = []string{"Bearer t"}
			}
			open(t, follower(1), &Request{URL: "ws://" + c.user + "h.test:" + s.port() + "/x", Header: header})
			<-requests
			second := <-requests
			got := []string{second.one("Authorization"), second.one("Cookie"), second.one("Origin"), second.one("X-Test")}
			if !slices.Equal(got, c.want) {
				t.Errorf("second request has %q, want %q", got, c.want)
			}
			if len(header) < 3 {
				t.Error("the caller's header was changed")
			}
		})
	}
	t.Run("another port", func(t *testing.T) {
		checkLeaks(t)
		second, requests := redirecting(t, "307")
		first, _ := redirecting(t, "307", "ws://h.test:"+second.port()+"/")
		open(t, follower(1), &Request{URL: "ws://h.test:" + first.port(), Header: http.Header{"Authorization": {"Bearer t"}, "Cookie": {"a=b"}}})
		if r := <-requests; r.one("Authorization")+r.one("Cookie") != "" {
			t.Errorf("credentials were carried along: %s", r.raw)
		}
	})
}

// req: 9110-15.4-02 9110-15.4-03 6455-4.1-35 9110-15-01
func TestRedirectsNotFollowed(t *testing.T) {
	ca := newAuthority(t)
	for _, c := range []struct {
		name, scheme, status string
		limit                int
		locations            []string
		conns                int
		text                 string
	}{
		{"not asked for", "ws", "302", 0, []string{"/y"}, 1, "redirects to /y"},
		{"endless", "ws", "302", 5, []string{"/", "/", "/", "/", "/", "/", "/"}, 6, "5 redirects"},
		{"user information", "ws", "302", 5, []string{"ws://u:s3cret@{self}/"}, 1, "user information"},
		{"fragment", "ws", "302", 5, []string{"ws://{self}/#x"}, 1, "fragment"},
		{"another scheme", "ws", "302", 5, []string{"ftp://{self}/"}, 1, "not a WebSocket URL"},
		{"no URL", "ws", "302", 5, []string{"http://[::1"}, 1, "not a valid URL"},
		{"from wss to ws", "wss", "302", 5, []string{"ws://{self}/"}, 1, "from wss to ws"},
		{"from wss to http", "wss", "302", 5, []string{"http://{self}/"}, 1, "from wss to ws"},
		{"no Location", "ws", "302", 5, []string{""}, 1, "302"},
		{"300", "ws", "300", 5, []string{"/y"}, 1, "300"},
		{"304", "ws", "304", 5, []string{"/y"}, 1, "304"},
		{"399", "ws", "399", 5, []string{"/y"}, 1, "399"},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			var s *testServer
			script := func(conn net.Conn) {
				readRequest(conn)
				n := min(s.accepted(), len(c.locations))
				io.WriteString(conn, "HTTP/1.1 "+c.status+" X\r\nLocation: "+strings.ReplaceAll(c.locations[n-1], "{self}", s.host())+"\r\nContent-Length: 0\r\n\r\n")
			}
			if c.scheme == "wss" {
				s, _ = secureServer(t, ca.config(t, "127.0.0.1"), script)
			} else {
				s = serve(t, script)
			}
			client := follower(c.limit)
			client.Adapter.(*NetAdapter).TLSConfig = ca.client()
			err := handshakeError(t, client, &Request{URL: c.scheme + "://" + s.host() + "/"})
			e := wantError(t, err, StageHTTP, "s3cret")
			if !strings.Contains(err.Error(), c.text) || s.accepted() != c.conns {
				t.Errorf("%v after %d connections, want %q and %d", err, s.accepted(), c.text, c.conns)
			}
			if e.StatusClass() != 3 || e.Header == nil {
				t.Errorf("status %d, header %v", e.Status, e.Header)
			}
		})
	}
}

// The error after a redirect names the URL that failed.
func TestErrorAfterRedirect(t *testing.T) {
	client := &Client{FollowRedirects: 1, Adapter: &NetAdapter{Gate: new(Gate), LookupIP: func(_ context.Context, host string) ([]netip.Addr, error) {
		if host == "other.test" {
			return nil, errors.New("no such host")
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}}
	s, _ := redirecting(t, "302", "ws://other.test/y?token=s3cret")
	e := wantError(t, handshakeError(t, client, &Request{URL: "ws://h.test:" + s.port()}), StageResolve, "s3cret")
	if e.URL != "ws://other.test/y?..." {
		t.Errorf("URL of the error is %q", e.URL)
	}
}

package handshake

// This file tests parsing URLs.

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
)

// req: 6455-3-01 6455-3-02 6455-3-03 6455-3-05 6455-3-06 6455-3-08 6455-3-09 6455-4.1-20 6455-4.1-21 6455-11.1.1-01 6455-11.1.1-02
func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		name, raw                   string
		scheme, host, addr, request string
	}{
		{"path and query", "ws://127.0.0.1:9001/examplepath?foo=bar", "ws", "127.0.0.1:9001", "127.0.0.1:9001", "/examplepath?foo=bar"},
		{"scheme in capitals", "WS://h.test/", "ws", "h.test", "h.test:80", "/"},
		{"secure scheme in mixed case", "wSs://h.test/", "wss", "h.test", "h.test:443", "/"},
		{"empty port", "ws://example.test:/", "ws", "example.test", "example.test:80", "/"},
		{"empty port, secure", "wss://example.test:/", "wss", "example.test", "example.test:443", "/"},
		{"default port given", "ws://h.test:80/", "ws", "h.test", "h.test:80", "/"},
		{"default port given, secure", "wss://h.test:443/", "wss", "h.test", "h.test:443", "/"},
		{"default port with a zero before", "ws://h.test:080/", "ws", "h.test", "h.test:80", "/"},
		{"the other scheme's port", "ws://h.test:443/", "ws", "h.test:443", "h.test:443", "/"},
		{"the other scheme's port, secure", "wss://h.test:80/", "wss", "h.test:80", "h.test:80", "/"},
		{"no path", "ws://h.test", "ws", "h.test", "h.test:80", "/"},
		{"query without path", "ws://h.test:8080?x=1", "ws", "h.test:8080", "h.test:8080", "/?x=1"},
		{"empty query", "ws://h.test/p?", "ws", "h.test", "h.test:80", "/p"},
		{"query kept byte for byte", "ws://h.test/p?a=b&c=%20d", "ws", "h.test", "h.test:80", "/p?a=b&c=%20d"},
		{"query with slash and question mark", "ws://h.test/p?a=/?b", "ws", "h.test", "h.test:80", "/p?a=/?b"},
		{"escapes stay", "ws://h.test/some%23path/a%2Fb%20c?q=%26", "ws", "h.test", "h.test:80", "/some%23path/a%2Fb%20c?q=%26"},
		{"escapes in lower case stay", "ws://h.test/%2f%e2%82%ac?%c3", "ws", "h.test", "h.test:80", "/%2f%e2%82%ac?%c3"},
		{"path is not normalised", "ws://h.test//a/./b;x=1?y=/z", "ws", "h.test", "h.test:80", "//a/./b;x=1?y=/z"},
		{"dots stay", "ws://h.test/a/../b/%2e%2e", "ws", "h.test", "h.test:80", "/a/../b/%2e%2e"},
		{"other characters are escaped", "ws://h.test/\u00fc b?q=\u20ac", "ws", "h.test", "h.test:80", "/%C3%BC%20b?q=%E2%82%AC"},
		{"brackets and quotes are escaped", `ws://h.test/a[1]"^{|}\<>?b[]=` + "`", "ws", "h.test", "h.test:80", "/a%5B1%5D%22%5E%7B%7C%7D%5C%3C%3E?b%5B%5D=%60"},
		{"at sign and colon in the path", "ws://h.test/a@b:c", "ws", "h.test", "h.test:80", "/a@b:c"},
		{"IPv6", "ws://[::1]:9001/", "ws", "[::1]:9001", "[::1]:9001", "/"},
		{"IPv6 with the default port", "wss://[2001:DB8:0::1]:443", "wss", "[2001:db8::1]", "[2001:db8::1]:443", "/"},
		{"IPv6 with a zone", "ws://[fe80::1%25eth0]:81/", "ws", "[fe80::1%eth0]:81", "[fe80::1%eth0]:81", "/"},
		{"IDNA", "ws://b\u00fccher.example/", "ws", "xn--bcher-kva.example", "xn--bcher-kva.example:80", "/"},
		{"IDNA, escaped", "ws://B%C3%BCcher.example/", "ws", "xn--bcher-kva.example", "xn--bcher-kva.example:80", "/"},
		{"host in capitals", "ws://H.TEST/", "ws", "h.test", "h.test:80", "/"},
		{"underscore in the host", "ws://my_service:81/", "ws", "my_service:81", "my_service:81", "/"},
		{"trailing dot", "ws://h.test./", "ws", "h.test.", "h.test.:80", "/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := ParseURL(c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if u.Scheme != c.scheme || u.Host != c.host || address(u) != c.addr || u.RequestURI() != c.request {
				t.Errorf("got %s %s %s %s, want %s %s %s %s", u.Scheme, u.Host, address(u), u.RequestURI(), c.scheme, c.host, c.addr, c.request)
			}
		})
	}
}

// req: 6455-3-07 6455-4.1-03
func TestInvalidURL(t *testing.T) {
	dialed := false
	client := &Client{Adapter: &NetAdapter{DialContext: func(context.Context, string, string) (net.Conn, error) {
		dialed = true
		return nil, net.ErrClosed
	}}}
	for _, raw := range []string{
		"", "ws://", "ws:///p", "ws://:80/", "ws://h:65536/", "ws://h:0/", "ws://h:-1/", "ws://h:+1/", "ws://h:8x/", "ws://[::1/",
		"ws://a b/", "//h/p", "h/p", "ws://h/path#frag", "ws://h/path#", "#", "ws:h/p", "ws:/h/p", "://h/",
		"http://h/", "https://h/", "w\u017f://h/", "ws://[::1]x/", "ws://[::1]x:80/", "ws://[127.0.0.1]/", "ws://[fe80::1%eth0]/",
		"ws://[fe80::1%25a%2fb]/", "ws://::1/", "ws://h:1:2/", "ws://h%20x/", "ws://h%2Fx/", "ws://h%zz/", "ws://h%ff/", "ws://h\\x/",
		"ws://\u00fc\u0000/", "ws://x\u202ey/", "ws://h/%", "ws://h/%2", "ws://h/%zz", "ws://h/?%", "ws://h/a\r\nb", "ws://h/\x00",
		"ws://h/\x7f", "ws://h/\xff", " ws://h/", "ws://h\t/", "ws://a@b@h/", "ws://u:%zz@h/", "ws://u%3Ax:p@h/", "ws://u:p%0A@h/", "ws://@/",
	} {
		t.Run(strings.ReplaceAll(raw, "/", "|"), func(t *testing.T) {
			if u, err := ParseURL(raw); err == nil {
				t.Fatalf("parsed as %v", u)
			}
			_, err := client.Handshake(t.Context(), &Request{URL: raw})
			wantError(t, err, StageURL)
			if dialed {
				t.Error("the network was used")
			}
		})
	}
}

func TestURLErrorsKeepSecrets(t *testing.T) {
	for _, raw := range []string{
		"ws://u:s3cret@h:x/", "ws://u:s3cret@h/#", "ws://u:s3cret#@h/", "ws://u:s3cret/@h/", "ws://u:s3cret?@h/", "ws://u:ge\x01@s3cret@h/",
		"u:s3cret@h", "wsx://s3cret@h/", "ws://h:x/?token=s3cret", "ws://h:x/#s3cret", "ws://u:s3cret%zz@h/",
	} {
		_, err := ParseURL(raw)
		wantError(t, err, StageURL, "s3cret")
	}
	client := &Client{Adapter: &RoundTripAdapter{Timeout: -1}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Handshake(ctx, &Request{URL: "ws://u:s3cret@127.0.0.1:1/p?token=s3cret"})
	e := wantError(t, err, StageDial, "s3cret", "u:")
	if want := "ws://127.0.0.1:1/p?..."; e.URL != want {
		t.Errorf("URL of the error is %q, want %q", e.URL, want)
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{
		"ws://h.test/", "wss://u:p@h.test:8443/a%2Fb?q=%26", "ws://[::1]:80/", "ws://[fe80::1%25eth0]/", "ws://b\u00fccher.example/\u00fc b?q=\u20ac",
		"ws://h?x=1", "WS://H:080", "ws://h//a/./b;x", "ws://h/#", "ws://%41/", "ws://u%40:%3a@h/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := ParseURL(raw)
		if err != nil {
			wantError(t, err, StageURL)
			return
		}
		target := u.RequestURI()
		for _, part := range []string{target, u.Host, address(u)} {
			for _, c := range []byte(part) {
				if c <= ' ' || c >= 0x7F || c == '#' {
					t.Fatalf("%q has %q", part, c)
				}
			}
		}
		if target[0] != '/' || strings.ContainsAny(u.Host, "@/?") || u.Scheme != "ws" && u.Scheme != "wss" {
			t.Fatalf("%q became %q %q %q", raw, u.Scheme, u.Host, target)
		}
		if _, _, err := net.SplitHostPort(address(u)); err != nil {
			t.Fatalf("address %q: %v", address(u), err)
		}
		again, err := ParseURL(u.String())
		if err != nil {
			t.Fatalf("%q became %q: %v", raw, u, err)
		}
		if again.Host != u.Host || again.RequestURI() != target || again.String() != u.String() {
			t.Fatalf("%q became %q and then %q", raw, u, again)
		}
		if std, err := url.Parse(u.String()); err != nil || std.Host != u.Host || std.RequestURI() != target {
			t.Fatalf("net/url takes %q as %v, %v", u, std, err)
		}
		if strings.Contains(redactURL(u), "@") && !strings.Contains(u.Path, "@") {
			t.Fatalf("%q still has user information", redactURL(u))
		}
	})
}

package conformance_test

// This file tests wss: RFC 6455 §4.1, §10.5, §10.6, RFC 9110 §4.3.4.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/testcert"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// tap is a connection that records what is written to it.
type tap struct {
	net.Conn
	mu      sync.Mutex
	written []byte
}

// Write implements net.Conn.
func (c *tap) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = append(c.written, p[:n]...)
	return n, err
}

// tapped dials srv and sends the tap of each connection.
func tapped(srv *wstest.Server, taps chan<- *tap) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := srv.DialContext(ctx, network, addr)
		t := &tap{Conn: conn}
		taps <- t
		return t, err
	}
}

// The content types of TLS records.
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23
)

// records returns the content types of the TLS records written so far; nothing else may have been written.
func (c *tap) records(t *testing.T) []byte {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var types []byte
	for rest := c.written; len(rest) > 0; {
		if len(rest) < 5 || rest[0] < recordChangeCipherSpec || rest[0] > recordApplicationData || rest[1] != 3 {
			t.Fatalf("not a TLS record: % X", rest[:min(len(rest), 16)])
		}
		n := 5 + int(rest[3])<<8 + int(rest[4])
		if len(rest) < n {
			t.Fatalf("a TLS record is not complete: % X", rest[:5])
		}
		types = append(types, rest[0])
		rest = rest[n:]
	}
	return types
}

// req: 6455-4.1-13
func TestTLSEverythingInside(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			srv := wstest.NewTLSServer(t, wstest.WithTLSConfig(func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version }))
			taps := make(chan *tap, 1)
			opts := over(srv)
			opts.DialContext = tapped(srv, taps)
			d := startDial(t, srv.URL(), opts)
			wire := <-taps
			c := srv.Accept(t.Context())
			c.Stall(200 * time.Millisecond)
			if got := wire.records(t); !slices.Equal(got, []byte{recordHandshake}) {
				t.Errorf("while the server pauses the client has written records %v, want one of the handshake", got)
			}
			c.Handshake()
			c.Upgrade()
			client := d.open(t)
			exchange(t, client, c)
			if err := client.SendPing([]byte("ping")); err != nil {
				t.Fatal(err)
			}
			c.ExpectPing()
			c.SendPing([]byte("pong"))
			c.ExpectPong([]byte("pong"))
			closed := make(chan error, 1)
			ctx := newContext(t)
			go func() { closed <- client.Close(ctx, 1000, "bye") }()
			c.AnswerClose(1000)
			if err := <-closed; err != nil {
				t.Errorf("close: %v", err)
			}

			types := wire.records(t)
			if version == tls.VersionTLS12 {
				data := slices.Index(types, recordApplicationData)
				if data < 0 || slices.Contains(types[data:], recordHandshake) || slices.Contains(types[data:], recordChangeCipherSpec) ||
					slices.Index(types, recordChangeCipherSpec) > data {
					t.Errorf("records are %v, want the handshake before all application data", types)
				}
			}
			for _, not := range []string{"GET ", "Sec-WebSocket", "to the server", "ping", "bye"} {
				if strings.Contains(string(wire.written), not) {
					t.Errorf("%q was written in the clear", not)
				}
			}
		})
	}
}

// req: 6455-4.1-14
func TestTLSHandshakeFails(t *testing.T) {
	long := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name string
		cert tls.Certificate
		as   func(error) bool
	}{
		{"self-signed", testcert.SelfSigned(testcert.LocalNames...), func(err error) bool {
			var e x509.UnknownAuthorityError
			return errors.As(err, &e)
		}},
		{"another name", testcert.Issue(nil, "other.test"), func(err error) bool {
			var e x509.HostnameError
			return errors.As(err, &e)
		}},
		{"expired", testcert.Issue(func(c *x509.Certificate) { c.NotAfter = long }, testcert.LocalNames...), func(err error) bool {
			var e x509.CertificateInvalidError
			return errors.As(err, &e) && e.Reason == x509.Expired
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := wstest.NewServer(t, wstest.WithTLS(test.cert))
			if e := tlsFails(t, srv, "wss://name.test/", over(srv)); !test.as(e) {
				t.Errorf("error is %v", e)
			}
		})
	}
	t.Run("plain HTTP", func(t *testing.T) {
		srv := wstest.NewServer(t)
		opts := over(srv)
		opts.TLSConfig = srv.ClientTLS()
		d := startDial(t, "wss://name.test/", opts)
		c := srv.Accept(t.Context())
		c.Peek(1)
		c.Respond(400, "not HTTP")
		e := d.fails(t)
		wantStage(t, e, handshake.StageTLS)
		var plain tls.RecordHeaderError
		if !errors.As(e, &plain) {
			t.Errorf("error is %v, want a tls.RecordHeaderError", e)
		}
		sent, end := c.ReadAll()
		if end == wstest.EndOpen {
			t.Error("TCP is still open")
		}
		if strings.Contains(string(sent), "GET") {
			t.Errorf("an HTTP request was sent: %q", sent)
		}
	})
}

// tlsFails dials srv, where the TLS handshake must fail, and returns the error. The server
// must see neither an HTTP request nor a second connection.
func tlsFails(t *testing.T, srv *wstest.Server, url string, opts *dandelion.Options) *handshake.Error {
	t.Helper()
	d := startDial(t, url, opts)
	c := srv.Accept(t.Context())
	if err := c.Try(func(c *wstest.Conn) { c.Handshake() }); err == nil {
		c.ExpectEnd() // the client noticed later, and sends nothing
	}
	e := d.fails(t)
	wantStage(t, e, handshake.StageTLS)
	var closed *messages.CloseError
	if errors.As(e, &closed) && closed.Code != wire.StatusTLSHandshake {
		t.Errorf("close code is %d, want 1015", closed.Code)
	}
	if got := c.Raw(); len(got) > 0 {
		t.Errorf("the server has got %q", got)
	}
	if n := srv.Accepted(); n != 1 {
		t.Errorf("%d connections were made, want 1", n)
	}
	return e
}

// req: 6455-4.1-15
func TestTLSServerName(t *testing.T) {
	for _, url := range []string{"wss://name.test:8443/", "wss://name.test/", "wss://NAME.test./"} {
		t.Run(url, func(t *testing.T) {
			srv := wstest.NewTLSServer(t)
			d := startDial(t, url, over(srv))
			c := srv.Accept(t.Context())
			c.Upgrade()
			d.open(t)
			if got := c.ClientHello().ServerName; got != "name.test" {
				t.Errorf("server name is %q, want name.test", got)
			}
		})
	}
}

// req: 6455-4.1-16
func TestTLSNoServerNameForIP(t *testing.T) {
	const serverName = 0 // the extension's number
	for _, ip := range []string{"127.0.0.1", "[::1]"} {
		t.Run(ip, func(t *testing.T) {
			bare := strings.Trim(ip, "[]")
			for _, names := range [][]string{{bare}, {"192.0.2.1"}, {"localhost"}} {
				srv := wstest.NewServer(t, wstest.WithAddress(ip+":0"), wstest.WithTLS(testcert.Issue(nil, names...)))
				d := startDial(t, srv.URL(), &dandelion.Options{TLSConfig: srv.ClientTLS()})
				c := srv.Accept(t.Context())
				if names[0] == bare {
					c.Upgrade()
					d.open(t)
				} else {
					c.Try(func(c *wstest.Conn) { c.Handshake() })
					wantStage(t, d.fails(t), handshake.StageTLS)
				}
				hello := c.ClientHello()
				if hello.ServerName != "" || slices.Contains(hello.Extensions, serverName) {
					t.Errorf("the client has sent the server name %q, extensions %d", hello.ServerName, hello.Extensions)
				}
			}
		})
	}
}

// commonName makes a certificate's subject have that name.
func commonName(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject.CommonName = name }
}

// req: 9110-4.3.4-01
func TestTLSIdentity(t *testing.T) {
	for _, test := range []struct {
		name, host string
		cert       tls.Certificate
		good       bool
	}{
		{"right name", "a.b.test", testcert.Issue(nil, "a.b.test"), true},
		{"other name", "a.b.test", testcert.Issue(nil, "c.b.test"), false},
		{"right IP", "127.0.0.1", testcert.Issue(nil, "127.0.0.1"), true},
		{"other IP", "127.0.0.1", testcert.Issue(nil, "127.0.0.2"), false},
		{"IP at a certificate for a name", "127.0.0.1", testcert.Issue(nil, "a.b.test"), false},
		{"name only in the common name", "a.b.test", testcert.Issue(commonName("a.b.test")), false},
		{"IP only in the common name", "127.0.0.1", testcert.Issue(commonName("127.0.0.1")), false},
		{"wildcard one level up", "a.b.test", testcert.Issue(nil, "*.b.test"), true},
		{"wildcard two levels up", "a.b.test", testcert.Issue(nil, "*.test"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := wstest.NewPipe(t, wstest.WithTLS(test.cert))
			url := "wss://" + test.host + "/"
			if !test.good {
				tlsFails(t, srv, url, over(srv))
				return
			}
			d := startDial(t, url, over(srv))
			c := srv.Accept(t.Context())
			c.Upgrade()
			exchange(t, d.open(t), c)
		})
	}
}

// req: 9110-4.3.4-02
func TestTLSCheckIsOnByDefault(t *testing.T) {
	selfSigned := wstest.WithTLS(testcert.SelfSigned(testcert.LocalNames...))
	t.Run("by default", func(t *testing.T) {
		srv := wstest.NewServer(t, selfSigned)
		tlsFails(t, srv, srv.URL(), &dandelion.Options{})
	})
	t.Run("switched off", func(t *testing.T) {
		srv := wstest.NewServer(t, selfSigned)
		client, c := open(t, srv, &dandelion.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
		exchange(t, client, c)
	})
}

// req: 6455-10.5-01
func TestTLSAndHTTPAuthentication(t *testing.T) {
	srv := wstest.NewTLSServer(t, wstest.WithTLSConfig(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }))
	cert := testcert.Issue(commonName("the client"))
	opts := over(srv)
	opts.TLSConfig.Certificates = []tls.Certificate{cert}
	opts.Header = http.Header{"Authorization": {"Bearer t"}, "Cookie": {"a=b"}}
	d := startDial(t, srv.URL(), opts)
	c := srv.Accept(t.Context())
	state := c.Handshake()
	req := c.Upgrade()
	exchange(t, d.open(t), c)
	if got := state.PeerCertificates[0].Subject.CommonName; got != "the client" {
		t.Errorf("client certificate is of %q", got)
	}
	wantValues(t, req, "Authorization", "Bearer t")
	wantValues(t, req, "Cookie", "a=b")
}

// req: 6455-10.6-01
func TestTLSVersions(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			srv := wstest.NewTLSServer(t, wstest.WithTLSConfig(func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version }))
			d := startDial(t, srv.URL(), over(srv))
			c := srv.Accept(t.Context())
			if got := c.Handshake().Version; got != version {
				t.Errorf("version is %s", tls.VersionName(got))
			}
			c.Upgrade()
			exchange(t, d.open(t), c)
		})
	}
}

// req: 6455-10.6-02
func TestTLSStrongOnly(t *testing.T) {
	weak := []uint16{
		tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA,
		tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
	}
	for _, test := range []struct {
		name string
		edit func(c *tls.Config)
	}{
		{"TLS 1.0 and 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }},
		{"RC4", func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, weak[:3] }},
		{"3DES", func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, weak[3:] }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var hello *tls.ClientHelloInfo
			srv := wstest.NewTLSServer(t, wstest.WithTLSConfig(func(c *tls.Config) {
				test.edit(c)
				c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
					hello = h
					return nil, nil
				}
			}))
			tlsFails(t, srv, srv.URL(), over(srv))
			if hello == nil {
				t.Fatal("no ClientHello came")
			}
			for _, version := range hello.SupportedVersions {
				if version < tls.VersionTLS12 {
					t.Errorf("the client offers %s", tls.VersionName(version))
				}
			}
			for _, suite := range hello.CipherSuites {
				if slices.Contains(weak, suite) {
					t.Errorf("the client offers %s", tls.CipherSuiteName(suite))
				}
			}
		})
	}
	t.Run("plain HTTP", func(t *testing.T) {
		srv := wstest.NewServer(t)
		opts := over(srv)
		opts.TLSConfig = srv.ClientTLS()
		d := startDial(t, "wss://"+srv.Addr(), opts)
		c := srv.Accept(t.Context())
		c.Peek(1)
		c.Respond(400, "")
		wantStage(t, d.fails(t), handshake.StageTLS)
		if n := srv.Accepted(); n != 1 {
			t.Errorf("%d connections were made, want 1", n)
		}
	})
}

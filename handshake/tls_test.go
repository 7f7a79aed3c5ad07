package handshake

// This file tests wss.

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// secureServer is a TLS server on loopback that runs script; hellos returns the
// server names from the clients' first messages.
func secureServer(t *testing.T, config *tls.Config, script func(net.Conn)) (s *testServer, hellos func() []string) {
	t.Helper()
	var mu sync.Mutex
	var names []string
	config = config.Clone()
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		names = append(names, h.ServerName)
		return nil, nil
	}
	s = serve(t, func(c net.Conn) {
		t := tls.Server(c, config)
		if t.Handshake() == nil {
			script(t)
		}
	})
	return s, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(names)
	}
}

// toLoopback resolves every name to 127.0.0.1.
func toLoopback(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// req: 6455-10.6-01 6455-3-02 6455-4.1-15 9110-4.3.4-01
func TestTLSVersions(t *testing.T) {
	ca := newAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, scheme := range []string{"wss", "WSS", "wSs"} {
			t.Run(tls.VersionName(version)+" "+scheme, func(t *testing.T) {
				checkLeaks(t)
				s, hellos := secureServer(t, &tls.Config{
					MinVersion: version, MaxVersion: version,
					Certificates: []tls.Certificate{ca.certificate(t, []string{"name.test"}, nil)},
				}, upgrade)
				client := &Client{Adapter: &NetAdapter{TLSConfig: ca.client(), LookupIP: toLoopback}}
				r := open(t, client, &Request{URL: scheme + "://name.test:" + s.port() + "/"})
				echoes(t, r)
				if got := r.Stream.(*tls.Conn).ConnectionState(); got.Version != version || got.NegotiatedProtocol != "" {
					t.Errorf("connected with %s and %q", tls.VersionName(got.Version), got.NegotiatedProtocol)
				}
				if got := hellos(); !slices.Equal(got, []string{"name.test"}) {
					t.Errorf("server name is %q, want name.test", got)
				}
			})
		}
	}
}

// TLS negotiates HTTP/1.1, whatever the configuration says.
func TestALPN(t *testing.T) {
	ca := newAuthority(t)
	config := ca.config(t, "127.0.0.1")
	config.NextProtos = []string{"h2", "http/1.1"}
	s, _ := secureServer(t, config, upgrade)
	client := ca.client()
	client.NextProtos = []string{"h2"}
	r := open(t, &Client{Adapter: &NetAdapter{TLSConfig: client}}, &Request{URL: "wss://" + s.host()})
	if got := r.Stream.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("agreed on %q", got)
	}
}

// req: 6455-3-02 6455-3-04
func TestSchemeDecidesTLS(t *testing.T) {
	ca := newAuthority(t)
	for _, c := range []struct {
		url   string
		first byte
	}{
		{"ws://h.test:443/", 'G'}, {"WS://h.test/", 'G'}, {"wss://h.test:80/", 0x16}, {"wSs://h.test/", 0x16},
	} {
		t.Run(c.url, func(t *testing.T) {
			first := make([]byte, 1)
			client, wait := pipe(func(conn net.Conn) { io.ReadFull(conn, first) })
			client.Adapter.(*NetAdapter).TLSConfig = ca.client()
			handshakeError(t, client, &Request{URL: c.url})
			wait()
			if first[0] != c.first {
				t.Errorf("first byte is %#x, want %#x", first[0], c.first)
			}
		})
	}
}

// req: 6455-4.1-15 6455-4.1-16
func TestServerName(t *testing.T) {
	ca := newAuthority(t)
	certificate := ca.certificate(t, []string{"name.test", "other.test", "127.0.0.1", "::1", "fe80::1"}, nil)
	for _, c := range []struct{ host, own, want string }{
		{"name.test", "", "name.test"},
		{"NAME.test.", "", "name.test"},
		{"name.test", "other.test", "other.test"},
		{"127.0.0.1", "", ""},
		{"[::1]", "", ""},
		{"[fe80::1%25eth0]", "", ""},
	} {
		t.Run(c.host+" "+c.own, func(t *testing.T) {
			var got []string
			client, wait := pipe(func(conn net.Conn) {
				tc := tls.Server(conn, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
					got = append(got, h.ServerName)
					return &tls.Config{Certificates: []tls.Certificate{certificate}}, nil
				}})
				if tc.Handshake() == nil {
					upgrade(tc)
				}
			})
			config := ca.client()
			config.ServerName = c.own
			client.Adapter.(*NetAdapter).TLSConfig = config
			r := open(t, client, &Request{URL: "wss://" + c.host + ":8443/"})
			if !slices.Equal(got, []string{c.want}) {
				t.Errorf("server name is %q, want %q", got, c.want)
			}
			abort(r.Stream)
			wait()
			if config.ServerName != c.own || config.NextProtos != nil {
				t.Error("the configuration was changed")
			}
		})
	}
}

// Wrong certificates fail the handshake before any HTTP is sent.
//
// req: 6455-4.1-14 6455-4.1-16 9110-4.3.4-01 9110-4.3.4-02 6455-10.6-02
func TestCertificates(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	commonName := func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "name.test"} }
	for _, c := range []struct {
		name, host  string
		certificate tls.Certificate
		skip        bool
		ok          bool
	}{
		{"right name", "name.test", ca.certificate(t, []string{"name.test"}, nil), false, true},
		{"another name", "name.test", ca.certificate(t, []string{"other.test"}, nil), false, false},
		{"right address", "127.0.0.1", ca.certificate(t, []string{"127.0.0.1"}, nil), false, true},
		{"another address", "127.0.0.1", ca.certificate(t, []string{"127.0.0.2"}, nil), false, false},
		{"address as a name", "127.0.0.1", ca.certificate(t, nil, func(c *x509.Certificate) { c.DNSNames = []string{"127.0.0.1"} }), false, false},
		{"common name only", "name.test", ca.certificate(t, nil, commonName), false, false},
		{"wildcard, one level", "name.test", ca.certificate(t, []string{"*.test"}, nil), false, true},
		{"wildcard, two levels", "a.name.test", ca.certificate(t, []string{"*.test"}, nil), false, false},
		{"expired", "name.test", ca.certificate(t, []string{"name.test"}, expired), false, false},
		{"unknown authority", "name.test", other.certificate(t, []string{"name.test"}, nil), false, false},
		{"unknown authority, check off", "name.test", other.certificate(t, []string{"x.test"}, nil), true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			requests := make(chan testRequest, 1)
			s, _ := secureServer(t, &tls.Config{Certificates: []tls.Certificate{c.certificate}}, func(conn net.Conn) {
				r := readRequest(conn)
				requests <- r
				io.WriteString(conn, granted(r))
			})
			config := ca.client()
			config.InsecureSkipVerify = c.skip
			client := &Client{Adapter: &NetAdapter{TLSConfig: config, LookupIP: toLoopback}}
			req := &Request{URL: "wss://" + c.host + ":" + s.port() + "/"}
			if c.ok {
				open(t, client, req)
				return
			}
			err := handshakeError(t, client, req)
			wantError(t, err, StageTLS)
			var verification *tls.CertificateVerificationError
			if !errors.As(err, &verification) {
				t.Errorf("error is %v, want a *tls.CertificateVerificationError in it", err)
			}
			s.Close()
			s.wg.Wait()
			select {
			case r := <-requests:
				if r.raw != "" {
					t.Errorf("the server got %q", r.raw)
				}
			default:
			}
		})
	}
}

// req: 6455-4.1-14 9110-4.3.4-02
func TestDefaultTrust(t *testing.T) {
	ca := newAuthority(t)
	s, _ := secureServer(t, &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, []string{"127.0.0.1"}, nil)}}, upgrade)
	err := handshakeError(t, &Client{}, &Request{URL: "wss://" + s.host()})
	wantError(t, err, StageTLS)
	if !strings.Contains(err.Error(), "RootCAs") {
		t.Errorf("%v, want a hint", err)
	}
}

// req: 6455-10.6-02 6455-4.1-14
func TestWeakTLS(t *testing.T) {
	ca := newAuthority(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	certificates := []tls.Certificate{ca.certify(t, key, []string{"127.0.0.1"}, nil)}
	weak := func(suites ...uint16) *tls.Config {
		return &tls.Config{Certificates: certificates, MaxVersion: tls.VersionTLS12, CipherSuites: suites}
	}
	for _, c := range []struct {
		name   string
		server *tls.Config // nil: plain HTTP
	}{
		{"TLS 1.0 and 1.1", &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}},
		{"RC4", weak(tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA)},
		{"3DES", weak(tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA)},
		{"plain HTTP", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			var s *testServer
			if c.server != nil {
				s, _ = secureServer(t, c.server, upgrade)
			} else {
				s = serve(t, func(conn net.Conn) {
					conn.Read(make([]byte, 1000))
					io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
				})
			}
			client := &Client{Adapter: &NetAdapter{TLSConfig: ca.client()}}
			e := wantError(t, handshakeError(t, client, &Request{URL: "wss://" + s.host()}), StageTLS)
			if c.server == nil && !strings.Contains(e.Error(), "use the scheme ws") {
				t.Errorf("%v, want a hint", e)
			}
			if s.accepted() != 1 {
				t.Errorf("%d connections, want 1: nothing is tried again", s.accepted())
			}
		})
	}
}

// req: 6455-10.5-01
func TestClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	names := make(chan string, 1)
	s, _ := secureServer(t, &tls.Config{
		Certificates: []tls.Certificate{ca.certificate(t, []string{"127.0.0.1"}, nil)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}, func(c net.Conn) {
		names <- c.(*tls.Conn).ConnectionState().PeerCertificates[0].DNSNames[0]
		upgrade(c)
	})
	config := ca.client()
	config.Certificates = []tls.Certificate{ca.certificate(t, []string{"client.test"}, nil)}
	echoes(t, open(t, &Client{Adapter: &NetAdapter{TLSConfig: config}}, &Request{URL: "wss://" + s.host()}))
	if got := <-names; got != "client.test" {
		t.Errorf("the server saw the certificate of %q", got)
	}
}

// tap records what is written to a connection.
type tap struct {
	net.Conn
	mu      sync.Mutex
	written []byte
}

func (c *tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.written = append(c.written, p...)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// records returns the types of the TLS records that were written; ok is false
// if that is not all that was written.
func (c *tap) records() (types []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := c.written; len(p) > 0; {
		if len(p) < 5 || p[1] != 3 || len(p) < 5+int(p[3])<<8+int(p[4]) {
			return types, false
		}
		types = append(types, p[0])
		p = p[5+int(p[3])<<8+int(p[4]):]
	}
	return types, true
}

// req: 6455-4.1-13
func TestEverythingInsideTLS(t *testing.T) {
	const handshakeRecord, applicationData = 22, 23
	ca := newAuthority(t)
	config := &tls.Config{
		MaxVersion:   tls.VersionTLS12, // in TLS 1.3 the end of the handshake looks like data
		Certificates: []tls.Certificate{ca.certificate(t, []string{"h.test"}, nil)},
	}
	var during []byte
	paused, goOn := make(chan struct{}), make(chan struct{})
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		close(paused)
		<-goOn
		return nil, nil
	}
	client, wait := pipe(func(c net.Conn) { upgrade(tls.Server(c, config)) })
	adapter := client.Adapter.(*NetAdapter)
	adapter.TLSConfig = ca.client()
	dial := adapter.DialContext
	var tapped *tap
	adapter.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		tapped = &tap{Conn: c}
		go func() {
			<-paused
			during, _ = tapped.records()
			close(goOn)
		}()
		return tapped, err
	}
	r := open(t, client, &Request{URL: "wss://h.test/"})
	echoes(t, r)
	echoes(t, r)
	r.Stream.Close()
	wait()
	if !slices.Equal(during, []byte{handshakeRecord}) {
		t.Errorf("records before the server answered: %v, want one of the handshake", during)
	}
	types, ok := tapped.records()
	if first := slices.Index(types, applicationData); !ok || first < 0 || slices.Contains(types[first:], handshakeRecord) {
		t.Errorf("records %v, all of them whole: %v", types, ok)
	}
	if s := string(tapped.written); strings.Contains(s, "GET ") || strings.Contains(s, "Sec-WebSocket") {
		t.Error("HTTP in the clear")
	}
}

// The configuration in the Request wins over that of the adapter, and is not carried
// to another host.
func TestTLSConfigOfTheRequest(t *testing.T) {
	checkLeaks(t)
	ca := newAuthority(t)
	s, _ := secureServer(t, &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, []string{"name.test"}, nil)}}, upgrade)
	client := &Client{Adapter: &NetAdapter{TLSConfig: newAuthority(t).client(), LookupIP: toLoopback}}
	req := &Request{URL: "wss://name.test:" + s.port() + "/", TLSConfig: ca.client()}
	echoes(t, open(t, client, req))

	client = &Client{Adapter: &RoundTripAdapter{}}
	_, err := client.Handshake(context.Background(), req)
	var failed *Error
	if !errors.As(err, &failed) || failed.Stage != StageRequest {
		t.Errorf("over net/http: got %v, want an error of the request", err)
	}

	from, _ := ParseURL("wss://name.test/")
	for location, carried := range map[string]bool{"/other": true, "wss://other.test/": false} {
		_, next, err := redirect(from, req, location)
		if err != nil || (next.TLSConfig != nil) != carried {
			t.Errorf("redirect to %s: carried %v, want %v (%v)", location, next.TLSConfig != nil, carried, err)
		}
	}
}

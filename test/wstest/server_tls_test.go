package wstest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/internal/testcert"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// A close_notify without a FIN is no end.
func TestCloseNotifyAlone(t *testing.T) {
	srv := wstest.NewTLSServer(t)
	client, c := open(t, srv)
	check(t, client.Conn.(*tls.Conn).CloseWrite())
	err := c.Within(50 * time.Millisecond).Try((*wstest.Conn).ExpectEOF)
	wantError(t, err, nil, "a close_notify came, but TCP is still open after 50ms")
	check(t, lower(client.Conn).Close())
	c.ExpectEOF()
}

// lower is the transport below TLS.
func lower(conn net.Conn) net.Conn {
	if conn, ok := conn.(*tls.Conn); ok {
		return conn.NetConn()
	}
	return conn
}

func resetConn(t *testing.T, conn net.Conn) {
	t.Helper()
	switch conn := lower(conn).(type) {
	case *net.TCPConn:
		check(t, conn.SetLinger(0))
		check(t, conn.Close())
	case *wstest.PipeConn:
		check(t, conn.Reset())
	}
}

func TestTLSDetails(t *testing.T) {
	t.Run("names, ALPN, client certificate, tap", func(t *testing.T) {
		srv := wstest.NewTLSServer(t, wstest.WithTLSConfig(func(config *tls.Config) {
			config.NextProtos = []string{"http/1.1"}
			config.ClientAuth = tls.RequireAndVerifyClientCert
			config.ClientCAs = testcert.Pool()
		}))
		conn, err := srv.DialContext(t.Context(), "tcp", "name.test:8443")
		check(t, err)
		config := srv.ClientTLS()
		config.ServerName = "name.test"
		config.NextProtos = []string{"http/1.1"}
		config.Certificates = []tls.Certificate{testcert.Issue(func(c *x509.Certificate) { c.Subject.CommonName = "me" })}
		client := newRawClient(t, tls.Client(conn, config))
		c := srv.Accept(t.Context())
		script := c.Go(func(c *wstest.Conn) {
			state := c.Handshake()
			if state.ServerName != "name.test" || state.NegotiatedProtocol != "http/1.1" ||
				state.PeerCertificates[0].Subject.CommonName != "me" {
				t.Errorf("state %+v", state)
			}
			c.Upgrade()
		})
		client.handshake("/")
		script.Wait()
		if c.ClientHello().ServerName != "name.test" {
			t.Errorf("hello %+v", c.ClientHello())
		}
		if got := c.Raw(); !bytes.HasPrefix(got, []byte("GET / HTTP/1.1\r\n")) {
			t.Errorf("raw %q", got)
		}
	})

	for _, test := range []struct {
		name string
		cert tls.Certificate
		want func(error) bool
	}{
		{"self-signed", testcert.SelfSigned(testcert.LocalNames...), isA[x509.UnknownAuthorityError]},
		{"other name", testcert.Issue(nil, "other.test"), isA[x509.HostnameError]},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := wstest.NewServer(t, wstest.WithTLS(test.cert))
			client := connect(t, srv)
			failed := make(chan error)
			go func() {
				failed <- client.Conn.(*tls.Conn).Handshake()
				client.Close()
			}()
			c := srv.Accept(t.Context())
			err := c.Try(func(c *wstest.Conn) { c.Handshake() })
			wantError(t, err, nil, "TLS handshake: remote error: tls: bad certificate")
			if got := <-failed; !test.want(got) {
				t.Errorf("client got %T %v", got, got)
			}
			// A reset is right too: the client has not read all of the
			// server's flight.
			if end := c.ExpectEnd(); end != wstest.EndTruncated && end != wstest.EndReset {
				t.Errorf("end %v", end)
			}
		})
	}
}

func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// A proxy's tunnel: CONNECT in the clear, then TLS, of which the first bytes may
// already have been read.
func TestStartTLSBehindAProxyAnswer(t *testing.T) {
	for _, early := range []bool{false, true} {
		srv := wstest.NewServer(t)
		conn, err := srv.DialContext(t.Context(), "tcp", srv.Addr())
		check(t, err)
		config := srv.ClientTLS()
		config.ServerName = "h.test"
		client := newRawClient(t, conn)
		if early {
			// The client does not wait for the answer.
			client.Conn = &prependWrites{Conn: conn, first: []byte("CONNECT h.test:443 HTTP/1.1\r\n\r\n")}
		} else {
			client.write([]byte("CONNECT h.test:443 HTTP/1.1\r\n\r\n"))
		}
		client.Conn = tls.Client(client.Conn, config)
		client.in.Reset(client.Conn)
		done := make(chan struct{})
		go func() {
			defer close(done)
			client.handshake("/")
			client.frame(true, wire.OpText, "in the tunnel")
		}()

		c := srv.Accept(t.Context())
		if req := c.ReadRequest(); req.Method != "CONNECT" || req.Target != "h.test:443" {
			t.Errorf("request %s %s", req.Method, req.Target)
		}
		if first := c.Peek(1); first[0] != 0x16 {
			t.Errorf("first byte %X", first)
		}
		c.StartTLS()
		if state := c.Handshake(); state.ServerName != "h.test" {
			t.Errorf("SNI %q", state.ServerName)
		}
		c.Upgrade()
		c.ExpectText("in the tunnel")
		<-done
		if got := c.Raw(); !bytes.HasPrefix(got, []byte("CONNECT h.test:443 HTTP/1.1\r\n\r\nGET /")) {
			t.Errorf("raw %q", got)
		}
	}
}

// prependWrites puts bytes in front of the first write.
type prependWrites struct {
	net.Conn
	first []byte
}

func (p *prependWrites) Write(b []byte) (int, error) {
	all := append(p.first, b...)
	n, err := p.Conn.Write(all)
	n -= len(p.first)
	p.first = nil
	return n, err
}

func TestStreamHandsOver(t *testing.T) {
	srv := wstest.NewServer(t)
	client := connect(t, srv)
	client.write([]byte("head then body"))
	c := srv.Accept(t.Context())
	c.ExpectRaw([]byte("head "))
	stream := c.Stream()
	client.write([]byte(" and more"))
	got := make([]byte, len("then body and more"))
	_, err := io.ReadFull(stream, got)
	check(t, err)
	if string(got) != "then body and more" {
		t.Errorf("stream %q", got)
	}
	_, err = stream.Write([]byte("answer"))
	check(t, err)
	check(t, stream.Close())
	if got, err := client.end(); string(got) != "answer" || err != io.EOF {
		t.Errorf("client got %q, %v", got, err)
	}
}

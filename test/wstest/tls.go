// This file puts TLS on a connection, from its beginning or after a proxy's response.

package wstest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// StartTLS makes this end a TLS server from the next byte on, as a proxy's
// tunnel to a wss server is after the answer to CONNECT. It uses the
// certificate and TLS options of the server, also if that was made without
// TLS. The handshake happens in Handshake, or in the first method that reads
// or writes.
func (c *Conn) StartTLS() {
	c.tb().Helper()
	defer c.link.lockRead()()
	defer c.link.lockWrite()()
	c.link.startTLS()
}

// Handshake does the TLS handshake and returns its outcome: version, SNI, ALPN,
// client certificates. It fails if the handshake does, with the client's alert
// as the cause; in Conn.Try that is an error.
func (c *Conn) Handshake() tls.ConnectionState {
	c.tb().Helper()
	defer c.link.lockRead()()
	defer c.link.lockWrite()()
	if c.link.tlsConn() == nil {
		c.failf(nil, "Handshake on a connection without TLS")
	}
	if err := c.link.handshake(time.Now().Add(c.timeout)); err != nil {
		c.failf(err, "TLS handshake: %v", err)
	}
	return c.link.tlsConn().ConnectionState()
}

// ClientHello is what the client said first in its TLS handshake, or nil if
// that has not been read. It is there when the handshake failed, too.
func (c *Conn) ClientHello() *tls.ClientHelloInfo {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.link.hello
}

func (l *link) tlsConn() *tls.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tls
}

// startTLS wraps the transport. What was read ahead goes through TLS.
func (l *link) startTLS() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tap.ahead = bytes.Clone(l.raw[l.off:])
	l.raw = l.raw[:l.off:l.off]
	l.tls = tls.Server(l.tap, &tls.Config{GetConfigForClient: l.tlsConfig})
	l.conn, l.secure = l.tls, false
	l.log.add("  TLS from here on")
}

// tlsConfig makes the configuration for the client that says hello.
func (l *link) tlsConfig(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	l.mu.Lock()
	l.hello = hello
	l.mu.Unlock()
	config := &tls.Config{Certificates: l.core.cfg.certificates}
	if len(config.Certificates) == 0 {
		config.Certificates = []tls.Certificate{localCertificate()}
	}
	if edit := l.core.cfg.editTLS; edit != nil {
		edit(config)
	}
	if config.GetConfigForClient != nil {
		if other, err := config.GetConfigForClient(hello); other != nil || err != nil {
			return other, err
		}
	}
	return config, nil
}

// handshake does the TLS handshake if there is one to do. Reading and writing
// may both come to it; tls.Conn lets the second wait for the first.
func (l *link) handshake(deadline time.Time) error {
	l.mu.Lock()
	conn, secure := l.tls, l.secure
	l.mu.Unlock()
	if conn == nil || secure {
		return nil
	}
	_ = conn.SetDeadline(deadline)
	err := conn.HandshakeContext(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.log.add("  TLS handshake: %v", err)
	case !l.secure:
		l.secure = true
		l.log.add("  TLS handshake done")
	}
	return err
}

// tap is the transport under a connection.
type tap struct {
	net.Conn

	ahead []byte // read before TLS began, and to be read again

	mu    sync.Mutex
	ended bool // Read has said io.EOF
}

// Read implements net.Conn.
func (t *tap) Read(p []byte) (int, error) {
	if len(t.ahead) > 0 {
		n := copy(p, t.ahead)
		t.ahead = t.ahead[n:]
		return n, nil
	}
	n, err := t.Conn.Read(p)
	if err == io.EOF {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.ended = true
	}
	return n, err
}

// sawEnd says whether the transport's stream has ended.
func (t *tap) sawEnd() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

// awaitEnd reads on until the transport ends, and returns how: io.EOF, or the
// error of Read.
func (t *tap) awaitEnd(deadline time.Time) error {
	_ = t.Conn.SetReadDeadline(deadline)
	scratch := make([]byte, readAhead)
	for {
		if t.sawEnd() {
			return io.EOF
		}
		if _, err := t.Read(scratch); err != nil {
			return err
		}
	}
}

// halfCloser is a transport whose two directions can be ended one by one.
type halfCloser interface{ CloseWrite() error }

func (t *tap) closeWrite() error {
	if c, ok := t.Conn.(halfCloser); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// reset ends the transport so that the client finds it reset.
func (t *tap) reset() error {
	switch c := t.Conn.(type) {
	case *net.TCPConn:
		if err := c.SetLinger(0); err != nil {
			return err
		}
		return c.Close()
	case *PipeConn:
		return c.Reset()
	}
	return errors.ErrUnsupported
}

// isTimeout says whether err is about a deadline.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// This file is what can be chosen when a Server is made.

package wstest

import (
	"crypto/tls"
	"time"
)

// DefaultTimeout bounds every wait for something that is expected: 5 s. In a
// synctest bubble, where time costs nothing, it is an hour.
const DefaultTimeout = 5 * time.Second

func defaultTimeout() time.Duration {
	if inBubble() {
		return time.Hour
	}
	return DefaultTimeout
}

// Option chooses something about a [Server].
type Option func(*config)

type config struct {
	timeout time.Duration
	addr    string
	buffer  int
	tls     bool
	editTLS func(*tls.Config)

	certificates []tls.Certificate
}

// WithTimeout sets another limit than DefaultTimeout for each wait.
func WithTimeout(d time.Duration) Option {
	return func(c *config) { c.timeout = d }
}

// WithAddress sets the address that a TCP server listens on. The default is
// "127.0.0.1:0"; "[::1]:0" is IPv6. A server of NewPipe has no address.
func WithAddress(addr string) Option {
	return func(c *config) { c.addr = addr }
}

// WithBuffer sets how much a connection buffers in each direction, in bytes: the
// buffer of an in-memory pipe (default DefaultPipeBuffer), or the socket
// buffers of the server's end (default: the system's; the system may round).
// Small buffers make a stalled script felt sooner. Over TCP less than the 64 KiB
// of a loopback segment makes the stream crawl, and the client's own socket buffer
// holds some MiB more; a pipe can be as small as 1 byte.
func WithBuffer(bytes int) Option {
	return func(c *config) { c.buffer = bytes }
}

// WithTLS makes the server speak TLS on every connection, with these certificates, or
// else one for 127.0.0.1, ::1, localhost and *.test that Server.ClientTLS trusts.
// NewTLSServer implies it.
func WithTLS(certificates ...tls.Certificate) Option {
	return func(c *config) { c.tls, c.certificates = true, certificates }
}

// WithTLSConfig is WithTLS with changes to the server's TLS configuration:
// versions, cipher suites, NextProtos, client certificates. edit is called once
// for each connection and gets a fresh configuration with the server's
// certificate in place.
func WithTLSConfig(edit func(*tls.Config)) Option {
	return func(c *config) { c.tls, c.editTLS = true, edit }
}

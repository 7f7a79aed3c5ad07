// This file is the Conn: one connection of a client, its byte stream in and
// out, and the record of both.

package wstest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// readAhead is how much is read at least, if it is there.
	readAhead = 4 << 10

	// maxRead is how much is read at once, whatever a header announces.
	maxRead = 1 << 20
)

// Conn is one connection of a client, seen from the server's side, for use by a
// script. Methods that read take turns, and so do methods that write; reading
// and writing happen at the same time if they are called in different
// goroutines (see Conn.Go).
type Conn struct {
	link    *link
	mode    failMode
	timeout time.Duration
}

// link is the connection that all values of type Conn for it share.
type link struct {
	core *core
	id   int
	tap  *tap // the transport

	reading chan struct{} // holds a token while somebody reads
	writing chan struct{} // holds a token while somebody writes

	mu     sync.Mutex
	conn   net.Conn  // tap, or TLS over it
	tls    *tls.Conn // conn if it is TLS, else nil
	secure bool      // the TLS handshake is done
	hello  *tls.ClientHelloInfo
	raw    []byte // everything read; only appended to
	off    int    // raw[:off] has been given to the script
	broken error  // what ended the stream
	// notified: the stream has ended by a close_notify. crypto/tls reports a FIN
	// at the border of a record as io.EOF too; only the transport tells them
	// apart.
	notified bool
	log      transcript
	req      *Request

	assembling assembly    // by Conn.Expect
	closing    atomic.Bool // a Mock has sent a Close
}

func newLink(c *core, id int, conn net.Conn) *link {
	t := &tap{Conn: conn}
	return &link{
		core:    c,
		id:      id,
		tap:     t,
		conn:    t,
		reading: make(chan struct{}, 1),
		writing: make(chan struct{}, 1),
		log:     transcript{start: time.Now()},
	}
}

// Within returns the same connection with another limit for each wait than the
// server's timeout.
func (c *Conn) Within(d time.Duration) *Conn {
	view := *c
	view.timeout = d
	return &view
}

// Raw returns everything that has been read from the client so far, including
// what no method has returned yet: the request's head, then frames. Over TLS it
// is the decrypted stream. The script reads only while it waits, so Raw does
// not show what is still in the network; ReadAll and ExpectSilence fetch it.
func (c *Conn) Raw() []byte {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return bytes.Clone(c.link.raw)
}

// Transcript is a readable record of the last things that happened on the
// connection, one per line, as failure messages show it.
func (c *Conn) Transcript() string {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.link.log.String()
}

// Peek waits for n bytes and returns them without taking them off the stream.
func (c *Conn) Peek(n int) []byte {
	c.tb().Helper()
	defer c.link.lockRead()()
	return bytes.Clone(c.need(n))
}

// ReadN waits for n bytes and takes them off the stream.
func (c *Conn) ReadN(n int) []byte {
	c.tb().Helper()
	defer c.link.lockRead()()
	p := bytes.Clone(c.need(n))
	c.link.take(len(p), "%d bytes %s", len(p), dump(p))
	return p
}

// ExpectRaw waits for as many bytes as want has, and fails unless they are those.
func (c *Conn) ExpectRaw(want []byte) {
	c.tb().Helper()
	if got := c.Peek(len(want)); !bytes.Equal(got, want) {
		c.failf(nil, "got bytes %s, want %s", dump(got), dump(want))
	}
	c.ReadN(len(want))
}

// need waits until n bytes are unread and returns them, still in place.
func (c *Conn) need(n int) []byte {
	c.tb().Helper()
	deadline := time.Now().Add(c.timeout)
	for {
		got := c.link.unread()
		if len(got) >= n {
			return got[:n]
		}
		if err := c.link.fill(n-len(got), deadline); err != nil {
			c.failf(err, "waiting for %d bytes: %s", n, c.reason(err))
		}
	}
}

// Stall does nothing for d: it reads nothing and writes nothing, while what the
// client sends piles up in the buffers between them. It ends early if the
// server is closed.
func (c *Conn) Stall(d time.Duration) {
	c.link.note("  stall for %v", d)
	c.link.pause(d)
}

func (l *link) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.core.closed:
	}
}

// Stream hands the byte stream over to other code, such as an HTTP/2 framer: a
// net.Conn that first reads what the script has not taken yet. What passes is
// recorded nowhere, deadlines are the other code's own. Close on it is Conn.Close.
func (c *Conn) Stream() net.Conn {
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log.add("  the stream is handed over")
	_ = l.conn.SetDeadline(time.Time{})
	ahead := l.raw[l.off:]
	l.off = len(l.raw)
	return &stream{Conn: l.conn, link: l, ahead: ahead}
}

// stream is the net.Conn of Stream.
type stream struct {
	net.Conn
	link  *link
	ahead []byte
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.ahead) > 0 {
		n := copy(p, s.ahead)
		s.ahead = s.ahead[n:]
		return n, nil
	}
	return s.Conn.Read(p)
}

// Write takes turns with what else is written.
func (s *stream) Write(p []byte) (int, error) {
	defer s.link.lockWrite()()
	return s.Conn.Write(p)
}

// CloseWrite sends a FIN, over TLS after a close_notify.
func (s *stream) CloseWrite() error {
	defer s.link.lockWrite()()
	return s.link.closeWrite()
}

func (s *stream) Close() error {
	s.link.close()
	return nil
}

func (c *Conn) tb() TestingT { return c.link.core.t }

// failf ends the script with a message about this connection.
func (c *Conn) failf(cause error, format string, args ...any) {
	c.tb().Helper()
	l := c.link
	l.mu.Lock()
	message := fmt.Sprintf("connection %d: ", l.id) + fmt.Sprintf(format, args...)
	if rest := l.raw[l.off:]; len(rest) > 0 {
		message += "\n  read and not yet expected: " + describe(rest)
	}
	if log := l.log.String(); log != "" {
		message += "\n  what happened before:\n" + log
	}
	l.mu.Unlock()
	l.core.fail(c.mode, &failure{message: message, cause: cause})
}

// reason says in words why the stream gave no more bytes.
func (c *Conn) reason(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Sprintf("still open after %v", c.timeout)
	}
	if end, ok := c.link.endOf(err); ok {
		return "the client has ended the stream: " + end.String()
	}
	return err.Error()
}

// lockRead takes the turn to read and returns what gives it back. It is a
// channel and not a mutex, because waiting for it must let the clock of a
// synctest bubble go on.
func (l *link) lockRead() func() {
	l.reading <- struct{}{}
	return func() { <-l.reading }
}

func (l *link) lockWrite() func() {
	l.writing <- struct{}{}
	return func() { <-l.writing }
}

// unread is what has been read and not been given to the script.
func (l *link) unread() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.raw[l.off:len(l.raw):len(l.raw)]
}

// take gives n bytes to the script, with a line in the transcript.
func (l *link) take(n int, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off += n
	l.log.add("← "+format, args...)
}

func (l *link) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log.add(format, args...)
}

// fill reads once, so that at least one byte more is unread. want is how many
// more would be of use.
func (l *link) fill(want int, deadline time.Time) error {
	if err := l.handshake(deadline); err != nil {
		return err
	}
	l.mu.Lock()
	if err := l.broken; err != nil {
		l.mu.Unlock()
		return err
	}
	conn := l.conn
	size := min(max(want, readAhead), maxRead)
	l.raw = slices.Grow(l.raw, size)
	space := l.raw[len(l.raw):][:size]
	l.mu.Unlock()

	// A failing SetReadDeadline means that the connection is closed, which
	// Read says too.
	_ = conn.SetReadDeadline(deadline)
	n, err := conn.Read(space)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.raw = l.raw[:len(l.raw)+n]
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		l.broken = err
		l.notified = err == io.EOF && l.tls != nil && !l.tap.sawEnd()
	}
	if n > 0 {
		return nil
	}
	return err
}

// write writes p as it is, in one Write call.
func (l *link) write(p []byte, deadline time.Time) error {
	if err := l.handshake(deadline); err != nil {
		return err
	}
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	_ = conn.SetWriteDeadline(deadline)
	_, err := conn.Write(p)
	return err
}

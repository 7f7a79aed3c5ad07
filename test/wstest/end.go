// This file ends connections, and waits for the client to end them.

package wstest

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"
)

// End is how the client has ended its stream.
type End uint8

const (
	// EndOpen: it has not.
	EndOpen End = iota

	// EndFIN: by a FIN; over TLS by a close_notify alert and then a FIN.
	EndFIN

	// EndTruncated: over TLS, by a FIN without a close_notify alert.
	EndTruncated

	// EndReset: by a RST.
	EndReset
)

// String implements fmt.Stringer.
func (e End) String() string {
	switch e {
	case EndOpen:
		return "still open"
	case EndFIN:
		return "FIN"
	case EndTruncated:
		return "FIN without close_notify"
	case EndReset:
		return "RST"
	}
	return fmt.Sprintf("End(%d)", uint8(e))
}

// errNotClosed is the cause when a close_notify came and no FIN followed.
var errNotClosed = errors.New("a close_notify came, but TCP is still open")

// ExpectEOF waits until the client has closed its side of TCP with a FIN (over
// TLS: after a close_notify). It fails if the client sends anything before, or
// resets, or if TCP is still open after the timeout.
func (c *Conn) ExpectEOF() {
	c.tb().Helper()
	c.expectEnd(EndFIN)
}

// ExpectEnd waits until the client has ended the connection in whatever way, and
// returns it. It fails if the client sends anything before, or does not end
// it.
func (c *Conn) ExpectEnd() End {
	c.tb().Helper()
	return c.expectEnd(EndFIN, EndTruncated, EndReset)
}

// ReadAll reads until the client has ended its stream or the timeout is over, and
// returns what came, with what had been read before and not been taken. It does
// not fail because of what comes, but the script has to look at the End.
func (c *Conn) ReadAll() ([]byte, End) {
	c.tb().Helper()
	defer c.link.lockRead()()
	deadline := time.Now().Add(c.timeout)
	for {
		err := c.link.fill(0, deadline)
		if err == nil {
			continue
		}
		end := c.awaitEnd(err, deadline)
		p := append([]byte(nil), c.link.unread()...)
		c.link.take(len(p), "%d bytes %s, then: %v", len(p), dump(p), end)
		return p, end
	}
}

// ExpectSilence waits for d and fails if the client sends a byte or ends the
// connection meanwhile.
func (c *Conn) ExpectSilence(d time.Duration) {
	c.tb().Helper()
	defer c.link.lockRead()()
	c = c.Within(d)
	if len(c.link.unread()) == 0 {
		err := c.link.fill(0, time.Now().Add(d))
		if isTimeout(err) {
			c.link.note("  nothing for %v", d)
			return
		}
		if err != nil {
			c.failf(err, "expected silence for %v: %s", d, c.reason(err))
		}
	}
	c.failf(nil, "expected silence for %v, got %s", d, describe(c.link.unread()))
}

// CloseWrite ends the server's side of the stream with a FIN (over TLS: after a
// close_notify). The client can go on writing.
func (c *Conn) CloseWrite() {
	c.tb().Helper()
	defer c.link.lockWrite()()
	if err := c.link.closeWrite(); err != nil {
		c.failf(err, "CloseWrite: %v", err)
	}
}

// Close closes the connection in order: over TLS with a close_notify, then TCP.
// It is not the WebSocket Close, which is SendClose. Close on a closed
// connection does nothing. If the client has sent bytes that were not read, the
// operating system makes a reset of it.
func (c *Conn) Close() { c.link.close() }

// Drop closes TCP at once, without a close_notify over TLS: what the client sees
// when the server's process dies. If the client has sent bytes that were not
// read, the operating system makes a reset of it. Drop on a closed connection
// does nothing.
func (c *Conn) Drop() { c.link.drop() }

// Reset closes TCP with a RST (SO_LINGER 0). What was written and has not
// reached the client may be lost. Reset on a closed connection does nothing.
func (c *Conn) Reset() { c.link.reset() }

// closeWrite is called while the turn to write is held.
func (l *link) closeWrite() error {
	l.note("→ FIN")
	if conn := l.tlsConn(); conn != nil {
		// Before the handshake there is nobody to notify, and CloseWrite
		// says so.
		_ = conn.CloseWrite()
	}
	return l.tap.closeWrite()
}

func (l *link) close() {
	if !l.core.forget(l, "→ close") {
		return
	}
	if conn := l.tlsConn(); conn != nil {
		_ = conn.Close()
	}
	_ = l.tap.Close()
}

func (l *link) drop() {
	if !l.core.forget(l, "→ drop") {
		return
	}
	_ = l.tap.Close()
}

func (l *link) reset() {
	if !l.core.forget(l, "→ RST") {
		return
	}
	_ = l.tap.reset()
}

// expectEnd waits for an end and fails unless it is one of want.
func (c *Conn) expectEnd(want ...End) End {
	c.tb().Helper()
	defer c.link.lockRead()()
	expected := "the end of the connection"
	if len(want) == 1 {
		expected = want[0].String()
	}
	deadline := time.Now().Add(c.timeout)
	if len(c.link.unread()) == 0 {
		if err := c.link.fill(0, deadline); err != nil {
			end := c.awaitEnd(err, deadline)
			for _, w := range want {
				if end == w {
					c.link.note("← %v", end)
					return end
				}
			}
			if end == EndOpen {
				c.failf(err, "expected %s, but the connection is still open after %v", expected, c.timeout)
			}
			c.failf(err, "expected %s, got %v", expected, end)
		}
	}
	c.failf(nil, "expected %s, got %s", expected, describe(c.link.unread()))
	panic("unreachable")
}

// awaitEnd finds out which End the read error err is. It fails if it is none.
func (c *Conn) awaitEnd(err error, deadline time.Time) End {
	c.tb().Helper()
	l := c.link
	end, ok := l.endOf(err)
	switch {
	case isTimeout(err):
		return EndOpen
	case l.tlsConn() != nil && (!ok || end == EndFIN):
		// A fatal alert or a close_notify has come. Now TCP must end.
		transport := l.tap.awaitEnd(deadline)
		switch {
		case isTimeout(transport) && ok:
			c.failf(errNotClosed, "%v after %v", errNotClosed, c.timeout)
		case isTimeout(transport):
			return EndOpen
		case transport != io.EOF:
			end, ok = l.endOf(transport)
		case !ok:
			return EndTruncated
		}
	}
	if !ok {
		c.failf(err, "waiting for the end: %v", err)
	}
	return end
}

// endOf translates a read error.
func (l *link) endOf(err error) (end End, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case isReset(err):
		return EndReset, true
	case err == io.EOF && l.tls != nil && !l.notified, err == io.ErrUnexpectedEOF:
		return EndTruncated, true
	case err == io.EOF:
		return EndFIN, true
	}
	return EndOpen, false
}

func isReset(err error) bool {
	const wsaConnReset = 10054 // Windows does not map it to ECONNRESET
	var errno syscall.Errno
	return errors.As(err, &errno) &&
		(errno == syscall.ECONNRESET || runtime.GOOS == "windows" && errno == wsaConnReset)
}

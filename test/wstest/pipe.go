// This file is the in-memory stand-in for a TCP connection: a duplex pipe
// with a bounded buffer, deadlines, half-close and reset, made of memory and
// timers only, so that it works inside a testing/synctest bubble.

package wstest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// DefaultPipeBuffer is how many bytes each direction of a [Pipe] holds until
// they are read: 64 KiB.
const DefaultPipeBuffer = 64 << 10

// Pipe returns the two ends of an in-memory connection that behaves like a TCP
// connection over loopback:
//
//   - Each direction buffers up to size bytes (0 or less: DefaultPipeBuffer). A
//     Write blocks only while the buffer is full, and then goes on as the
//     other end reads.
//   - A Read returns bytes of one Write at most, so the sender decides how the
//     stream is split.
//   - Close and CloseWrite let the other end read what was written, then
//     io.EOF. Close while unread bytes are there is a reset, as in TCP.
//   - Reset lets the other end read what was written, then
//     syscall.ECONNRESET. Writes to an end that is gone give syscall.EPIPE.
//
// Errors other than io.EOF are *net.OpError, with net.ErrClosed for the use of
// an end that was closed and os.ErrDeadlineExceeded for a deadline. All methods
// may be called concurrently. A pipe made inside a synctest bubble must be used
// in that bubble.
func Pipe(size int) (*PipeConn, *PipeConn) {
	if size <= 0 {
		size = DefaultPipeBuffer
	}
	p := &pipe{size: size}
	p.changed.L = &p.mu
	a, b := &PipeConn{pipe: p}, &PipeConn{pipe: p}
	a.peer, b.peer = b, a
	return a, b
}

// pipe is what both ends share: one lock, and one condition for every change.
type pipe struct {
	mu      sync.Mutex
	changed sync.Cond
	size    int
}

// PipeConn is one end of a [Pipe]. It implements net.Conn.
type PipeConn struct {
	pipe *pipe
	peer *PipeConn

	// Guarded by pipe.mu.
	in       []byte // written by the peer, not yet read
	cuts     []int  // how many bytes of in belong to each Write
	closed   bool   // by this end
	finSent  bool   // no more writes from this end
	reset    bool   // the peer reset the connection
	readEnd  pipeDeadline
	writeEnd pipeDeadline
}

// pipeDeadline is a deadline that wakes everybody who waits when it passes.
type pipeDeadline struct {
	timer   *time.Timer
	expired bool
	epoch   int // tells a timer of an older deadline from the current one
}

// Read implements net.Conn.
func (c *PipeConn) Read(b []byte) (int, error) {
	p := c.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.opError("read", net.ErrClosed)
		case c.readEnd.expired:
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		case len(b) == 0:
			return 0, nil
		case len(c.in) > 0:
			return c.take(b), nil
		case c.reset:
			return 0, c.opError("read", syscall.ECONNRESET)
		case c.peer.finSent:
			return 0, io.EOF
		}
		p.changed.Wait()
	}
}

func (c *PipeConn) take(b []byte) int {
	n := copy(b, c.in[:c.cuts[0]])
	c.in = c.in[n:]
	if c.cuts[0] -= n; c.cuts[0] == 0 {
		c.cuts = c.cuts[1:]
	}
	if len(c.in) == 0 {
		c.in, c.cuts = nil, nil
	}
	c.pipe.changed.Broadcast()
	return n
}

// Write implements net.Conn. When it fails it returns how many bytes the pipe
// had taken before.
func (c *PipeConn) Write(b []byte) (int, error) {
	p := c.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	for written := 0; ; {
		switch {
		case c.closed:
			return written, c.opError("write", net.ErrClosed)
		case c.writeEnd.expired:
			return written, c.opError("write", os.ErrDeadlineExceeded)
		case c.reset:
			return written, c.opError("write", syscall.ECONNRESET)
		case c.finSent || c.peer.closed:
			return written, c.opError("write", syscall.EPIPE)
		case written == len(b):
			return written, nil
		}
		if free := p.size - len(c.peer.in); free > 0 {
			part := b[written:min(written+free, len(b))]
			c.peer.in = append(c.peer.in, part...)
			c.peer.cuts = append(c.peer.cuts, len(part))
			written += len(part)
			p.changed.Broadcast()
			continue
		}
		p.changed.Wait()
	}
}

// Close implements net.Conn. If bytes of the other end have not been read, the
// other end sees a reset, otherwise the end of the stream.
func (c *PipeConn) Close() error {
	return c.end(false)
}

// Reset closes this end like a TCP socket with SO_LINGER 0: the other end can
// read what was written before, and then finds the connection reset.
func (c *PipeConn) Reset() error {
	return c.end(true)
}

func (c *PipeConn) end(reset bool) error {
	p := c.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	if reset || len(c.in) > 0 {
		c.peer.reset = true
	}
	c.closed, c.finSent = true, true
	c.in, c.cuts = nil, nil
	c.readEnd.stop()
	c.writeEnd.stop()
	p.changed.Broadcast()
	return nil
}

// CloseWrite ends the stream to the other end, which reads io.EOF after what
// was written; this end can still read.
func (c *PipeConn) CloseWrite() error {
	p := c.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case c.closed:
		return c.opError("close", net.ErrClosed)
	case c.reset:
		return c.opError("close", syscall.ECONNRESET)
	}
	c.finSent = true
	p.changed.Broadcast()
	return nil
}

// SetDeadline implements net.Conn.
func (c *PipeConn) SetDeadline(t time.Time) error {
	return c.setDeadlines(t, &c.readEnd, &c.writeEnd)
}

// SetReadDeadline implements net.Conn.
func (c *PipeConn) SetReadDeadline(t time.Time) error {
	return c.setDeadlines(t, &c.readEnd)
}

// SetWriteDeadline implements net.Conn.
func (c *PipeConn) SetWriteDeadline(t time.Time) error {
	return c.setDeadlines(t, &c.writeEnd)
}

func (c *PipeConn) setDeadlines(t time.Time, deadlines ...*pipeDeadline) error {
	p := c.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	for _, d := range deadlines {
		d.set(t, p)
	}
	p.changed.Broadcast()
	return nil
}

// set is called with p.mu held.
func (d *pipeDeadline) set(t time.Time, p *pipe) {
	d.stop()
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.expired = true
		return
	}
	epoch := d.epoch
	d.timer = time.AfterFunc(left, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if d.epoch == epoch {
			d.expired = true
			p.changed.Broadcast()
		}
	})
}

func (d *pipeDeadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.epoch++
	d.expired = false
}

// LocalAddr implements net.Conn.
func (c *PipeConn) LocalAddr() net.Addr { return pipeAddr{} }

// RemoteAddr implements net.Conn.
func (c *PipeConn) RemoteAddr() net.Addr { return pipeAddr{} }

func (c *PipeConn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "pipe", Addr: pipeAddr{}, Err: err}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return pipeHost }

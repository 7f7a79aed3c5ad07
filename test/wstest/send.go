// This file writes to the client: any bytes in any split, any frame, and the
// right frames for short.

package wstest

import (
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// WriteRaw writes p as it is, in one write. It blocks while the buffers between
// server and client are full, and fails if they still are after the timeout or
// the client is gone.
func (c *Conn) WriteRaw(p []byte) {
	c.tb().Helper()
	defer c.link.lockWrite()()
	c.write(p, describeSent(p))
}

// WriteSplit writes p in pieces, each in one write: as many as there are sizes,
// and the rest. Over a pipe the client reads the pieces one by one; over TCP
// each is a segment, but the client may read several at once.
func (c *Conn) WriteSplit(p []byte, sizes ...int) {
	c.tb().Helper()
	defer c.link.lockWrite()()
	for _, size := range sizes {
		size = min(size, len(p))
		c.write(p[:size], describeSent(p[:size]))
		p = p[size:]
	}
	if len(p) > 0 {
		c.write(p, describeSent(p))
	}
}

// Trickle writes p in pieces of size bytes with a pause between two of them. The
// pause may be 0.
func (c *Conn) Trickle(p []byte, size int, pause time.Duration) {
	c.tb().Helper()
	defer c.link.lockWrite()()
	c.link.note("→ %s in pieces of %d with pauses of %v", describeSent(p), size, pause)
	size = max(size, 1)
	for len(p) > 0 {
		n := min(size, len(p))
		c.write(p[:n], "")
		if p = p[n:]; len(p) > 0 && pause > 0 {
			c.link.pause(pause)
		}
	}
}

// WriteFrame writes a frame with exactly this header, in one write. If h.Length
// is 0 it becomes the length of payload, otherwise the header may lie. If
// h.Masked is set, which no server may do, payload is masked with h.Key. The
// length has its shortest form; for others use WriteRaw.
func (c *Conn) WriteFrame(h wire.Header, payload []byte) {
	c.tb().Helper()
	if h.Length == 0 {
		h.Length = uint64(len(payload))
	}
	c.WriteRaw(AppendFrame(nil, h, payload))
}

// SendText sends a text message in one frame.
func (c *Conn) SendText(text string) {
	c.tb().Helper()
	c.send(wire.OpText, []byte(text))
}

// SendBinary sends a binary message in one frame.
func (c *Conn) SendBinary(payload []byte) {
	c.tb().Helper()
	c.send(wire.OpBinary, payload)
}

// SendFragments sends a message of type op in one frame for each part, each in
// one write.
func (c *Conn) SendFragments(op wire.Opcode, parts ...[]byte) {
	c.tb().Helper()
	for i, part := range parts {
		c.WriteFrame(wire.Header{Fin: i == len(parts)-1, Opcode: op}, part)
		op = wire.OpContinuation
	}
}

// SendPing sends a Ping.
func (c *Conn) SendPing(payload []byte) {
	c.tb().Helper()
	c.send(wire.OpPing, payload)
}

// SendPong sends a Pong.
func (c *Conn) SendPong(payload []byte) {
	c.tb().Helper()
	c.send(wire.OpPong, payload)
}

// SendClose sends a Close with that code and reason, which are not checked.
// With StatusNoStatus it has no payload. TCP stays open.
func (c *Conn) SendClose(code wire.StatusCode, reason string) {
	c.tb().Helper()
	c.send(wire.OpClose, closePayload(code, reason))
}

// CloseHandshake closes as a server should that wants to: it sends a Close, waits
// for the client's Close with the same code, sends the FIN and waits for the
// client's, and closes TCP. Anything else that the client sends makes it fail.
func (c *Conn) CloseHandshake(code wire.StatusCode, reason string) {
	c.tb().Helper()
	c.SendClose(code, reason)
	c.ExpectClose(code)
	c.CloseWrite()
	c.ExpectEOF()
	c.Close()
}

// AnswerClose does the server's part when the client closes: it waits for a
// Close with one of the codes (none: any), answers with the same payload, sends
// the FIN and waits for the client's, and closes TCP. It returns the client's
// Close.
func (c *Conn) AnswerClose(codes ...wire.StatusCode) Frame {
	c.tb().Helper()
	f := c.ExpectClose(codes...)
	c.send(wire.OpClose, f.Payload)
	c.CloseWrite()
	c.ExpectEOF()
	c.Close()
	return f
}

func (c *Conn) send(op wire.Opcode, payload []byte) {
	c.tb().Helper()
	c.WriteFrame(wire.Header{Fin: true, Opcode: op}, payload)
}

// write writes p while the turn to write is held, with a line in the transcript
// unless what is empty.
func (c *Conn) write(p []byte, what string) {
	c.tb().Helper()
	if what != "" {
		c.link.note("→ %s", what)
	}
	if err := c.link.write(p, time.Now().Add(c.timeout)); err != nil {
		if isTimeout(err) {
			c.failf(err, "the client did not take %d bytes within %v", len(p), c.timeout)
		}
		c.failf(err, "writing %d bytes: %v", len(p), err)
	}
}

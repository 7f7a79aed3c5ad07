// This file waits for frames of the client and says what is expected of them.

package wstest

import (
	"bytes"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/dandelionws/dandelion/wire"
)

// ReadFrame waits for the next frame, whatever it is. Only a header that cannot
// be one (a length not in its shortest form, or beyond 2 GiB) and the end of
// the stream make it fail.
func (c *Conn) ReadFrame() Frame {
	c.tb().Helper()
	return c.readFrame("a frame")
}

// ExpectFrame waits for the next frame and fails unless it is a correct frame of
// a client (masked, no RSV bits) with FIN, that opcode and that payload.
func (c *Conn) ExpectFrame(op wire.Opcode, payload []byte) Frame {
	c.tb().Helper()
	want := fmt.Sprintf("%s [%s]", opcodeName(op), dump(payload))
	if op == wire.OpText {
		want = fmt.Sprintf("%s %s", opcodeName(op), quote(payload))
	}
	f := c.expectCorrect(want)
	if !f.Fin || f.Opcode != op || !bytes.Equal(f.Payload, payload) {
		c.failf(nil, "expected %s, got %v", want, f)
	}
	return f
}

// ExpectText waits for a text message in one frame.
func (c *Conn) ExpectText(text string) Frame {
	c.tb().Helper()
	return c.ExpectFrame(wire.OpText, []byte(text))
}

// ExpectBinary waits for a binary message in one frame.
func (c *Conn) ExpectBinary(payload []byte) Frame {
	c.tb().Helper()
	return c.ExpectFrame(wire.OpBinary, payload)
}

// ExpectPing waits for a Ping with any payload. SendPong answers it.
func (c *Conn) ExpectPing() Frame {
	c.tb().Helper()
	f := c.expectCorrect("Ping")
	if f.Opcode != wire.OpPing {
		c.failf(nil, "expected Ping, got %v", f)
	}
	return f
}

// ExpectPong waits for a Pong with that payload.
func (c *Conn) ExpectPong(payload []byte) Frame {
	c.tb().Helper()
	return c.ExpectFrame(wire.OpPong, payload)
}

// ExpectClose waits for a Close with one of the codes, StatusNoStatus meaning an
// empty one, or with any code that may be on the wire if none is given. Its
// reason must be UTF-8. The next frame must be that Close; see SkipTo.
func (c *Conn) ExpectClose(codes ...wire.StatusCode) Frame {
	c.tb().Helper()
	want := "Close " + joinCodes(codes)
	f := c.expectCorrect(want)
	switch {
	case f.Opcode != wire.OpClose:
		c.failf(nil, "expected %s, got %v", want, f)
	case len(codes) > 0 && !slices.Contains(codes, f.CloseCode()):
		c.failf(nil, "expected %s, got %v", want, f)
	case f.CloseCode() != wire.StatusNoStatus && !mayBeSent(f.CloseCode()):
		c.failf(nil, "expected %s, got one with a code that must not be on the wire: %v", want, f)
	case !utf8.ValidString(f.CloseReason()):
		c.failf(nil, "expected %s, got one whose reason is not UTF-8: %v", want, f)
	}
	return f
}

// ExpectFailure waits for what a client owes to a server that broke the rules:
// one Close with one of the codes, nothing behind it, and the end of TCP by a FIN
// although the server has sent no Close (RFC 6455 §7.1.7). Each of the two waits
// has the whole timeout; Within shortens it.
func (c *Conn) ExpectFailure(codes ...wire.StatusCode) Frame {
	c.tb().Helper()
	f := c.ExpectClose(codes...)
	c.ExpectEOF()
	return f
}

// SkipTo reads frames until one has that opcode, and returns it and those
// before.
func (c *Conn) SkipTo(op wire.Opcode) (f Frame, skipped []Frame) {
	c.tb().Helper()
	for {
		f = c.readFrame(opcodeName(op))
		if f.Opcode == op {
			return f, skipped
		}
		skipped = append(skipped, f)
	}
}

// ReadMessage waits for the next message and joins its fragments. Any other frame
// in between, and any frame that is not correct, makes it fail; scripts that
// expect control frames between fragments use ReadFrame. Each frame has the
// whole timeout.
func (c *Conn) ReadMessage() (op wire.Opcode, payload []byte) {
	c.tb().Helper()
	for first := true; ; first = false {
		f := c.expectCorrect("a message")
		switch {
		case first && (f.Opcode == wire.OpText || f.Opcode == wire.OpBinary):
			op = f.Opcode
		case !first && f.Opcode == wire.OpContinuation:
		case first:
			c.failf(nil, "expected the first frame of a message, got %v", f)
		default:
			c.failf(nil, "expected a continuation of a %s message, got %v", opcodeName(op), f)
		}
		payload = append(payload, f.Payload...)
		if f.Fin {
			break
		}
	}
	if op == wire.OpText && !utf8.Valid(payload) {
		c.failf(nil, "a text message is not UTF-8: %s", dump(payload))
	}
	return op, payload
}

// ExpectMessage waits for the next message as ReadMessage does, and fails unless
// it has that type and payload, in whatever fragments.
func (c *Conn) ExpectMessage(op wire.Opcode, payload []byte) {
	c.tb().Helper()
	gotOp, got := c.ReadMessage()
	if gotOp != op || !bytes.Equal(got, payload) {
		c.failf(nil, "expected the message %s [%s], got %s [%s]",
			opcodeName(op), dump(payload), opcodeName(gotOp), dump(got))
	}
}

// expectCorrect waits for a frame such as a client may send without extensions.
func (c *Conn) expectCorrect(want string) Frame {
	c.tb().Helper()
	f := c.readFrame(want)
	switch {
	case !f.Masked, f.RSV != 0, isReserved(f.Opcode):
		c.failf(nil, "expected %s, got a frame that a client must not send: %v", want, f)
	case isControl(f.Opcode) && (!f.Fin || f.Length > 125):
		c.failf(nil, "expected %s, got a control frame that is fragmented or too long: %v", want, f)
	}
	return f
}

func (c *Conn) readFrame(want string) Frame {
	c.tb().Helper()
	defer c.link.lockRead()()
	deadline := time.Now().Add(c.timeout)
	for {
		got := c.link.unread()
		f, n, err := ParseFrame(got)
		if err != nil {
			c.failf(err, "waiting for %s: no frame: %v", want, err)
		}
		if n > 0 {
			c.link.take(n, "%v", f)
			return f
		}
		if err := c.link.fill(missing(got), deadline); err != nil {
			c.failf(err, "waiting for %s: %s", want, c.reason(err))
		}
	}
}

// missing is how many bytes the frame at the beginning of p still needs, as far
// as that is known.
func missing(p []byte) int {
	h, n, err := parseHeader(p)
	if err != nil || n == 0 {
		return 0
	}
	return n + int(h.Length) - len(p)
}

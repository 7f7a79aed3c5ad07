// This file is a correct server's life after the handshake: it echoes messages,
// answers Pings and does its part of the closing handshake.

package wstest

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dandelionws/dandelion/wire"
)

// MaxEcho is the largest message that is echoed: 64 MiB. A larger one is refused
// with a Close 1009.
const MaxEcho = 64 << 20

const (
	// echoBuffer is how much is read at once, and about how much is written.
	echoBuffer = 16 << 10

	// echoLinger is how long the peer's FIN is awaited after the last Close.
	echoLinger = time.Second
)

// Echo turns the script into a correct echo server, with nothing negotiated,
// until the connection has ended: whole messages come back in one frame, Pings
// get their Pong, a Close is answered and TCP closed. It fails if the client
// breaks the protocol, but not because the connection is lost. The timeout does
// not apply, and Raw does not show what is echoed. It is for connections that
// are upgraded:
//
//	srv.Handle(func(c *wstest.Conn) {
//		c.Upgrade()
//		c.Echo()
//	})
func (c *Conn) Echo() {
	c.tb().Helper()
	c.echo(&echoSession{conn: c.Stream()})
}

func (c *Conn) echo(s *echoSession) {
	c.tb().Helper()
	err := s.serve()
	c.link.note("  the echo ended: %v", err)
	var broken *echoRefusal
	if errors.As(err, &broken) {
		c.failf(err, "the client broke the protocol: %v", err)
	}
}

// echoRefusal is why an echo server fails a connection.
type echoRefusal struct {
	code wire.StatusCode
	why  string
}

func (e *echoRefusal) Error() string { return e.why }

// echoSession echoes on one connection.
type echoSession struct {
	conn net.Conn

	kind    wire.Opcode // of the message under way, 0 if there is none
	message []byte

	mu        sync.Mutex // for writing
	closeSent bool
	out       []byte // not written yet
}

// serve returns nil after a closing handshake, and otherwise the error that
// ended the connection, which it closes in any case.
func (s *echoSession) serve() error {
	defer s.conn.Close()
	var in []byte // not a whole frame yet
	buf := make([]byte, echoBuffer)
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			return err
		}
		in = append(in, buf[:n]...)
		used, closed, err := s.take(in)
		switch {
		case err != nil:
			return err
		case closed:
			return s.finish()
		}
		if used > 0 {
			in = append([]byte(nil), in[used:]...)
		}
	}
}

// take answers the whole frames in p, in as few writes as possible, and returns
// how many bytes they are. It reports whether a Close was among them.
func (s *echoSession) take(p []byte) (used int, closed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !closed {
		h, _, err := parseHeader(p[used:])
		if err != nil {
			err = &echoRefusal{wire.StatusProtocolError, err.Error()}
		} else {
			err = s.check(h)
		}
		var f Frame
		var n int
		if err == nil {
			if f, n, _ = ParseFrame(p[used:]); n == 0 {
				break
			}
			used += n
			closed, err = s.answer(f)
		}
		if err != nil {
			s.refuse(err)
			return used, false, err
		}
	}
	return used, closed, s.flush(0)
}

// check says what is wrong with a frame that has this header, which is zero if it
// has not come yet.
func (s *echoSession) check(h wire.Header) error {
	data := !isControl(h.Opcode)
	switch {
	case h == wire.Header{}:
	case !h.Masked:
		return &echoRefusal{wire.StatusProtocolError, "a frame is not masked"}
	case h.RSV != 0 || isReserved(h.Opcode):
		return &echoRefusal{wire.StatusProtocolError, "reserved bits or opcode"}
	case !data && (!h.Fin || h.Length > 125):
		return &echoRefusal{wire.StatusProtocolError, "a control frame is fragmented or too long"}
	case data && (h.Opcode == wire.OpContinuation) != (s.kind != 0):
		return &echoRefusal{wire.StatusProtocolError, "fragments are mixed up"}
	case data && uint64(len(s.message))+h.Length > MaxEcho:
		return &echoRefusal{wire.StatusMessageTooBig, "a message is too big"}
	}
	return nil
}

// answer appends the answer to a frame. It reports whether it is a Close.
func (s *echoSession) answer(f Frame) (closed bool, err error) {
	switch f.Opcode {
	case wire.OpText, wire.OpBinary, wire.OpContinuation:
		if f.Opcode != wire.OpContinuation {
			s.kind = f.Opcode
		}
		s.message = append(s.message, f.Payload...)
		if !f.Fin {
			return false, nil
		}
		kind, message := s.kind, s.message
		s.kind, s.message = 0, nil
		if kind == wire.OpText && !utf8.Valid(message) {
			return false, &echoRefusal{wire.StatusInvalidPayload, "a text is not UTF-8"}
		}
		return false, s.send(kind, message)
	case wire.OpPing:
		return false, s.send(wire.OpPong, f.Payload)
	case wire.OpClose:
		switch code := f.CloseCode(); {
		case code != wire.StatusNoStatus && !mayBeSent(code):
			return false, &echoRefusal{wire.StatusProtocolError, "a Close has a code that must not be sent"}
		case !utf8.ValidString(f.CloseReason()):
			return false, &echoRefusal{wire.StatusInvalidPayload, "the reason of a Close is not UTF-8"}
		default:
			return true, s.sendClose(code, "")
		}
	}
	return false, nil
}

// send, sendClose, refuse and flush are called with mu held.
func (s *echoSession) send(op wire.Opcode, payload []byte) error {
	if s.closeSent {
		return nil // RFC 6455 §5.5.1: nothing after the Close
	}
	s.out = AppendFrame(s.out, wire.Header{Fin: true, Opcode: op, Length: uint64(len(payload))}, payload)
	return s.flush(echoBuffer)
}

// sendClose sends a Close unless one has been sent.
func (s *echoSession) sendClose(code wire.StatusCode, reason string) error {
	err := s.send(wire.OpClose, closePayload(code, reason))
	s.closeSent = true
	return err
}

// refuse fails the connection, if that is because of the client.
func (s *echoSession) refuse(err error) {
	var broken *echoRefusal
	if errors.As(err, &broken) && s.sendClose(broken.code, "") == nil && s.flush(0) == nil {
		_ = s.finish()
	}
}

// flush writes what is waiting, if that is as much as limit.
func (s *echoSession) flush(limit int) error {
	if len(s.out) == 0 || len(s.out) < limit {
		return nil
	}
	_, err := s.conn.Write(s.out)
	s.out = s.out[:0]
	if cap(s.out) > 4*echoBuffer {
		s.out = nil
	}
	return err
}

// finish sends the FIN and reads until the peer's, so that no unread byte makes
// a reset of the end.
func (s *echoSession) finish() error {
	if conn, ok := s.conn.(halfCloser); ok {
		if err := conn.CloseWrite(); err != nil {
			return err
		}
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(echoLinger))
	_, _ = io.Copy(io.Discard, s.conn)
	return nil
}

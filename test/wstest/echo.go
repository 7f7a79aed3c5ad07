// This file is a correct server's life after the handshake: it echoes messages,
// answers Pings and does its part of the closing handshake.

package wstest

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// MaxEcho is the largest message that is echoed: 64 MiB. A larger one is refused
// with a Close 1009.
const MaxEcho = 64 << 20

const (
	echoBuffer = 64 << 10

	// echoDirect is the payload size from which an echo is written from where
	// it is, without a copy.
	echoDirect = 64 << 10

	// echoLinger is how long the peer's FIN is awaited after the last Close.
	echoLinger = time.Second
)

// Echo turns the script into a correct echo server, with nothing negotiated,
// until the connection has ended: whole messages come back in one frame, Pings
// get their Pong, a Close is answered and TCP closed. It fails if the client
// breaks the protocol, but not because the connection is lost. The timeout does
// not apply. It is for connections that are upgraded:
//
//	srv.Handle(func(c *wstest.Conn) {
//		c.Upgrade()
//		c.Echo()
//	})
func (c *Conn) Echo() {
	c.tb().Helper()
	s := &echoSession{conn: c.Stream()}
	err := s.serve()
	c.link.note("  the echo ended: %v", err)
	var refused interface{ CloseCode() wire.StatusCode }
	if errors.As(err, &refused) {
		c.failf(err, "the client broke the protocol: %v", err)
	}
}

// echoSession echoes on one connection.
type echoSession struct {
	conn net.Conn

	mu        sync.Mutex // for writing
	closeSent bool
	out       []byte
}

// serve returns nil after a closing handshake, and otherwise the error that
// ended the connection, which it closes in any case.
func (s *echoSession) serve() error {
	defer s.conn.Close()
	r := wire.NewReceiver(wire.ReceiverConfig{
		Role:   wire.Server,
		Limits: wire.Limits{MaxMessage: MaxEcho},
	})
	var items []wire.Item
	buf := make([]byte, echoBuffer)
	for {
		var broken error
		space := r.Space()
		if space != nil {
			n, err := s.conn.Read(space)
			if err != nil {
				return err
			}
			items, broken = r.Filled(items[:0], n)
		} else {
			n, err := s.conn.Read(buf)
			if err != nil {
				return err
			}
			items, broken = r.Receive(items[:0], buf[:n])
		}
		closed, err := s.answer(items)
		switch {
		case err != nil:
			return err
		case closed:
			return s.finish()
		case broken != nil:
			s.refuse(broken)
			return broken
		}
		clear(items) // or they keep the last messages alive
	}
}

// answer writes the answers to items in as few writes as possible. It reports
// whether a Close was among them.
func (s *echoSession) answer(items []wire.Item) (closed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = s.out[:0]
	for _, item := range items {
		if s.closeSent && item.Opcode != wire.OpClose {
			continue // RFC 6455 §5.5.1: no data after the Close
		}
		switch item.Opcode {
		case wire.OpText, wire.OpBinary:
			if err := s.append(item.Opcode, item.Payload); err != nil {
				return false, err
			}
		case wire.OpPing:
			s.out = wire.AppendServerFrame(s.out, true, 0, wire.OpPong, item.Payload)
		case wire.OpClose:
			if !s.closeSent {
				s.closeSent = true
				s.out = wire.AppendServerFrame(s.out, true, 0, wire.OpClose, closePayload(item.Code, ""))
			}
			closed = true
		}
	}
	return closed, s.flush()
}

func (s *echoSession) append(op wire.Opcode, payload []byte) error {
	if len(payload) < echoDirect {
		s.out = wire.AppendServerFrame(s.out, true, 0, op, payload)
		if len(s.out) < echoBuffer {
			return nil
		}
		return s.flush()
	}
	s.out = wire.AppendHeader(s.out, wire.Header{Fin: true, Opcode: op, Length: uint64(len(payload))})
	if err := s.flush(); err != nil {
		return err
	}
	_, err := s.conn.Write(payload)
	return err
}

func (s *echoSession) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.conn.Write(s.out)
	s.out = s.out[:0]
	return err
}

// sendClose starts the closing handshake, unless it has begun.
func (s *echoSession) sendClose(payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closeSent {
		return nil
	}
	s.closeSent = true
	s.out = wire.AppendServerFrame(s.out[:0], true, 0, wire.OpClose, payload)
	return s.flush()
}

// refuse fails the connection for the reason that broken gives.
func (s *echoSession) refuse(broken error) {
	code := wire.StatusProtocolError
	var refused interface{ CloseCode() wire.StatusCode }
	if errors.As(broken, &refused) {
		code = refused.CloseCode()
	}
	if s.sendClose(closePayload(code, "")) == nil {
		_ = s.finish()
	}
}

// finish sends the FIN and reads until the peer's, so that no unread byte makes
// a reset of the end.
func (s *echoSession) finish() error {
	if err := closeWrite(s.conn); err != nil {
		return err
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(echoLinger))
	_, _ = io.Copy(io.Discard, s.conn)
	return nil
}

// closeWrite sends a FIN on conn, over TLS behind a close_notify.
func closeWrite(conn net.Conn) error {
	if conn, ok := conn.(*tls.Conn); ok {
		if err := conn.CloseWrite(); err != nil {
			return err
		}
		return closeWrite(conn.NetConn())
	}
	if conn, ok := conn.(halfCloser); ok {
		return conn.CloseWrite()
	}
	return errors.ErrUnsupported
}

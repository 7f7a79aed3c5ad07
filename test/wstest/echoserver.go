// This file is the EchoServer: an echo server that runs without a test, for
// examples and programs.

package wstest

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

const (
	// echoHandshakeTimeout is how long a client's TLS handshake and request may
	// take.
	echoHandshakeTimeout = 10 * time.Second

	// echoRelistenTimeout is how long Restart tries to get its port back.
	echoRelistenTimeout = 5 * time.Second

	// echoMaxHead is the largest request head.
	echoMaxHead = 64 << 10
)

// EchoServer accepts WebSocket connections at any path and echoes: each message
// comes back whole, in one frame, up to MaxEcho bytes. It answers Pings, closes
// as the RFC says, refuses what breaks the protocol, and negotiates no
// extension. Its methods may be called concurrently.
type EchoServer struct {
	subprotocols []string
	ca           *CA
	tls          *tls.Config

	lifecycle sync.Mutex // held by Close and Restart
	workers   sync.WaitGroup

	mu       sync.Mutex
	addr     string
	listener net.Listener              // nil while nothing listens
	conns    map[net.Conn]*echoSession // nil before the answer to the handshake
}

// EchoOption chooses something about an [EchoServer].
type EchoOption func(*EchoServer) error

// EchoSubprotocols makes the server select the first subprotocol of a client's
// list that is among names. The default is none.
func EchoSubprotocols(names ...string) EchoOption {
	return func(s *EchoServer) error {
		s.subprotocols = names
		return nil
	}
}

// EchoTLS makes the server speak TLS with a certificate of its own CA for
// 127.0.0.1, ::1, localhost and *.test. Clients trust it by ClientTLS.
func EchoTLS() EchoOption {
	return func(s *EchoServer) error {
		ca, err := NewCA()
		if err != nil {
			return err
		}
		cert, err := ca.Issue(CertSpec{})
		if err != nil {
			return err
		}
		s.ca = ca
		s.tls = &tls.Config{Certificates: []tls.Certificate{cert}}
		return nil
	}
}

// NewEchoServer starts an echo server that listens on the TCP address addr; ""
// is a free port of 127.0.0.1. It runs until Close.
func NewEchoServer(addr string, opts ...EchoOption) (*EchoServer, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	s := &EchoServer{addr: addr, conns: make(map[net.Conn]*echoSession)}
	for _, opt := range opts {
		if err := opt(s); err != nil {
			return nil, err
		}
	}
	if err := s.listen(); err != nil {
		return nil, fmt.Errorf("wstest: starting an echo server: %w", err)
	}
	return s, nil
}

// URL is the address of the server without a path: ws://HOST:PORT, or wss.
func (s *EchoServer) URL() string {
	if s.tls != nil {
		return "wss://" + s.Addr()
	}
	return "ws://" + s.Addr()
}

// Addr is the address that the server listens on, as host:port.
func (s *EchoServer) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// ClientTLS returns a new TLS configuration for a client that trusts this server
// and nobody else; nil without EchoTLS.
func (s *EchoServer) ClientTLS() *tls.Config {
	if s.ca == nil {
		return nil
	}
	return &tls.Config{RootCAs: s.ca.Pool()}
}

// Connections is how many connections are there, those in their opening or
// closing handshake included.
func (s *EchoServer) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// KillConnections closes TCP of all connections at once, without a Close. The
// server goes on listening.
func (s *EchoServer) KillConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		killConn(conn)
	}
}

// CloseConnections starts the closing handshake with that code and reason on all
// connections that are open. It waits until the Close frames are written, at
// most 1 s for each connection, but not for the answers. The server goes on
// listening. It fails only if code or reason must not be in a Close.
func (s *EchoServer) CloseConnections(code wire.StatusCode, reason string) error {
	payload, err := wire.AppendClosePayload(nil, code, reason)
	if err != nil {
		return fmt.Errorf("wstest: closing connections: %w", err)
	}
	s.mu.Lock()
	sessions := make([]*echoSession, 0, len(s.conns))
	for _, session := range s.conns {
		if session != nil {
			sessions = append(sessions, session)
		}
	}
	s.mu.Unlock()
	var writing sync.WaitGroup
	for _, session := range sessions {
		writing.Go(func() {
			_ = session.conn.SetWriteDeadline(time.Now().Add(echoLinger))
			_ = session.sendClose(payload)
		})
	}
	writing.Wait()
	return nil
}

// Restart is what clients see when the server's process is replaced: nothing
// listens, all connections are killed, and the same address is there again. It
// fails if another process takes the port meanwhile and keeps it for 5 s. After
// Close it starts the server again.
func (s *EchoServer) Restart() error {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	s.stop()
	giveUp := time.Now().Add(echoRelistenTimeout)
	for {
		err := s.listen()
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(giveUp) {
			return fmt.Errorf("wstest: restarting the echo server: %w", err)
		}
		time.Sleep(relistenEvery)
	}
}

// Close stops listening, kills all connections and waits until the server's
// goroutines are gone. Its error is always nil.
func (s *EchoServer) Close() error {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	s.stop()
	return nil
}

// stop is called with lifecycle held.
func (s *EchoServer) stop() {
	s.mu.Lock()
	if s.listener != nil {
		s.listener.Close()
		s.listener = nil
	}
	s.mu.Unlock()
	s.KillConnections()
	s.workers.Wait()
}

func (s *EchoServer) listen() error {
	ln, err := net.Listen("tcp", s.Addr())
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addr = ln.Addr().String()
	s.listener = ln
	s.workers.Go(func() { s.acceptAll(ln) })
	return nil
}

func (s *EchoServer) acceptAll(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(relistenEvery) // too many open files, say
			continue
		}
		if s.tls != nil {
			conn = tls.Server(conn, s.tls)
		}
		if s.add(conn, ln) {
			s.workers.Go(func() { s.serve(conn) })
		}
	}
}

// add reports false, and closes conn, if ln is not the server's any more.
func (s *EchoServer) add(conn net.Conn, ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != ln {
		killConn(conn)
		return false
	}
	s.conns[conn] = nil
	return true
}

func (s *EchoServer) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
	}()
	_ = conn.SetDeadline(time.Now().Add(echoHandshakeTimeout))
	if conn, ok := conn.(*tls.Conn); ok {
		if conn.HandshakeContext(context.Background()) != nil {
			return
		}
	}
	response, rest, err := s.readRequest(conn)
	if err != nil {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	session := &echoSession{conn: &prefixed{Conn: conn, ahead: rest}}
	// A client that has read the answer is among those that CloseConnections
	// closes, and no Close overtakes the answer.
	session.mu.Lock()
	s.mu.Lock()
	s.conns[conn] = session
	s.mu.Unlock()
	_, err = conn.Write(response.Bytes())
	session.mu.Unlock()
	if err == nil {
		_ = session.serve() // the client knows how it ended
	}
}

// readRequest reads the request and makes its answer, or refuses it. rest is
// what came behind the request.
func (s *EchoServer) readRequest(conn net.Conn) (response *Response, rest []byte, err error) {
	var got []byte
	buf := make([]byte, readAhead)
	for headEnd(got) == 0 {
		if len(got) > echoMaxHead {
			return nil, nil, s.refuse(conn, http.StatusRequestHeaderFieldsTooLarge, "the request's head is too long")
		}
		n, err := conn.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			return nil, nil, err
		}
	}
	end := headEnd(got)
	req, err := parseRequest(got[:end])
	if err != nil {
		return nil, nil, s.refuse(conn, http.StatusBadRequest, err.Error())
	}
	key, keyErr := base64.StdEncoding.Strict().DecodeString(req.Key())
	switch {
	case req.Method != http.MethodGet:
		return nil, nil, s.refuse(conn, http.StatusMethodNotAllowed, "the method is not GET", "Allow: GET")
	case !hasToken(req.list("Upgrade"), "websocket") || !hasToken(req.list("Connection"), "Upgrade"):
		return nil, nil, s.refuse(conn, http.StatusUpgradeRequired, "this is a WebSocket server",
			"Upgrade: websocket", "Connection: Upgrade, close")
	case req.Value("Sec-WebSocket-Version") != "13":
		return nil, nil, s.refuse(conn, http.StatusUpgradeRequired, "the version is not 13",
			"Upgrade: websocket", "Connection: Upgrade, close", "Sec-WebSocket-Version: 13")
	case keyErr != nil || len(key) != 16:
		return nil, nil, s.refuse(conn, http.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64")
	}
	response = newResponse(req.Key())
	for _, name := range req.Subprotocols() {
		if slices.Contains(s.subprotocols, name) {
			Subprotocol(name)(response)
			break
		}
	}
	return response, got[end:], nil
}

// refuse answers with an HTTP error and returns it as one.
func (s *EchoServer) refuse(conn net.Conn, status int, why string, lines ...string) error {
	response := plainResponse(status, why+"\n", lines...)
	if _, err := conn.Write(response.Bytes()); err != nil {
		return err
	}
	_ = closeWrite(conn)
	return fmt.Errorf("%d: %s", status, why)
}

func hasToken(list []string, token string) bool {
	return slices.ContainsFunc(list, func(element string) bool {
		return strings.EqualFold(element, token)
	})
}

// killConn closes the TCP connection under conn.
func killConn(conn net.Conn) {
	if conn, ok := conn.(*tls.Conn); ok {
		conn.NetConn().Close()
		return
	}
	conn.Close()
}

// prefixed is a connection of which some bytes have been read ahead.
type prefixed struct {
	net.Conn
	ahead []byte
}

// Read implements net.Conn.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.ahead) > 0 {
		n := copy(b, p.ahead)
		p.ahead = p.ahead[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

// CloseWrite sends a FIN, over TLS behind a close_notify.
func (p *prefixed) CloseWrite() error { return closeWrite(p.Conn) }

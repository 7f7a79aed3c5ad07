// This file is the EchoServer: an echo server that runs without a test, for
// examples and programs.

package wstest

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dandelionws/dandelion/wire"
)

// EchoServer accepts WebSocket connections at any path and echoes: each message
// comes back whole, in one frame, up to MaxEcho bytes. It answers Pings, closes
// as the RFC says, refuses what breaks the protocol, and negotiates nothing.
// Its methods may be called concurrently.
type EchoServer struct {
	lifecycle sync.Mutex // held by Close and Restart

	mu       sync.Mutex
	server   *Server
	sessions map[*echoSession]struct{}
}

// NewEchoServer starts an echo server that listens on the TCP address addr; ""
// is a free port of 127.0.0.1. It runs until Close.
func NewEchoServer(addr string, opts ...Option) (*EchoServer, error) {
	if addr != "" {
		opts = append(opts, WithAddress(addr))
	}
	e := &EchoServer{sessions: make(map[*echoSession]struct{})}
	s := newServer(nobody{}, opts)
	if err := s.core.listen(); err != nil {
		return nil, fmt.Errorf("wstest: starting an echo server: %w", err)
	}
	e.run(s)
	return e, nil
}

// nobody is told about failures where there is no test.
type nobody struct{}

func (nobody) Helper()               {}
func (nobody) Errorf(string, ...any) {}
func (nobody) FailNow()              {}
func (nobody) Cleanup(func())        {}

func (e *EchoServer) run(s *Server) {
	e.mu.Lock()
	e.server = s
	e.mu.Unlock()
	s.Handle(e.serve)
}

func (e *EchoServer) now() *Server {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.server
}

// URL is the address of the server without a path: ws://HOST:PORT, or wss.
func (e *EchoServer) URL() string { return e.now().URL() }

// Addr is the address that the server listens on, as host:port.
func (e *EchoServer) Addr() string { return e.now().Addr() }

// ClientTLS returns a new TLS configuration for a client that trusts this server
// and nobody else; nil without WithTLS.
func (e *EchoServer) ClientTLS() *tls.Config {
	s := e.now()
	if !s.core.cfg.tls {
		return nil
	}
	return s.ClientTLS()
}

// Connections is how many connections are open, those in their opening or
// closing handshake included.
func (e *EchoServer) Connections() int {
	c := e.now().core
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// KillConnections closes TCP of all connections at once, without a Close. The
// server goes on listening.
func (e *EchoServer) KillConnections() { e.now().DropAll() }

// CloseConnections starts the closing handshake with that code and reason on all
// connections that are open. It waits until the Close frames are written, at
// most 1 s for each connection, but not for the answers. The server goes on
// listening. It fails only if code or reason must not be in a Close.
func (e *EchoServer) CloseConnections(code wire.StatusCode, reason string) error {
	if code != wire.StatusNoStatus && !mayBeSent(code) || len(reason) > 123 || !utf8.ValidString(reason) {
		return fmt.Errorf("wstest: closing connections with %d %q: %w", uint16(code), reason, wire.ErrInvalidCloseCode)
	}
	e.mu.Lock()
	var writing sync.WaitGroup
	for s := range e.sessions {
		writing.Go(func() {
			_ = s.conn.SetWriteDeadline(time.Now().Add(echoLinger))
			s.mu.Lock()
			defer s.mu.Unlock()
			_ = s.sendClose(code, reason)
			_ = s.flush(0)
		})
	}
	e.mu.Unlock()
	writing.Wait()
	return nil
}

// Restart is what clients see when the server's process is replaced: nothing
// listens, all connections are killed, and the same address is there again. It
// fails if another process takes the port meanwhile and keeps it for 5 s. After
// Close it starts the server again.
func (e *EchoServer) Restart() error {
	e.lifecycle.Lock()
	defer e.lifecycle.Unlock()
	old := e.now().core
	e.now().Close()
	next := newServer(nobody{}, nil)
	next.core.cfg, next.core.addr = old.cfg, old.addr
	if err := next.core.listenAgain(); err != nil {
		return fmt.Errorf("wstest: restarting the echo server: %w", err)
	}
	e.run(next)
	return nil
}

// Close stops listening, kills all connections and waits until the server's
// goroutines are gone. Its error is always nil.
func (e *EchoServer) Close() error {
	e.lifecycle.Lock()
	defer e.lifecycle.Unlock()
	e.now().Close()
	return nil
}

// serve is the life of one connection.
func (e *EchoServer) serve(c *Conn) {
	req := c.ReadRequest()
	if status, why, lines := refusal(req); status != 0 {
		c.Respond(status, why+"\n", lines...)
		c.Close()
		return
	}
	s := &echoSession{conn: c.Stream()}
	// A client that has read the answer is among those that CloseConnections
	// closes, and no Close overtakes the answer.
	s.mu.Lock()
	e.mu.Lock()
	e.sessions[s] = struct{}{}
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.sessions, s)
	}()
	_, err := s.conn.Write(newResponse(req.Key()).Bytes())
	s.mu.Unlock()
	if err == nil {
		c.echo(s)
	}
}

// refusal is the status with which a request is refused, 0 if it is right.
func refusal(req *Request) (status int, why string, lines []string) {
	key, err := base64.StdEncoding.Strict().DecodeString(req.Key())
	upgrade := []string{"Upgrade: websocket", "Connection: Upgrade, close"}
	switch {
	case req.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, "the method is not GET", []string{"Allow: GET"}
	case !hasToken(req.list("Upgrade"), "websocket") || !hasToken(req.list("Connection"), "Upgrade"):
		return http.StatusUpgradeRequired, "this is a WebSocket server", upgrade
	case req.Value("Sec-WebSocket-Version") != "13":
		return http.StatusUpgradeRequired, "the version is not 13", append(upgrade, "Sec-WebSocket-Version: 13")
	case err != nil || len(key) != 16:
		return http.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64", nil
	}
	return 0, "", nil
}

func hasToken(list []string, token string) bool {
	return slices.ContainsFunc(list, func(element string) bool { return strings.EqualFold(element, token) })
}

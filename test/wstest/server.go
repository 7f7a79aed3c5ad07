// This file is the Server: where it listens, how clients reach it, and how a
// script gets hold of their connections.

package wstest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/dandelionws/dandelion/internal/testcert"
)

// pipeHost is the host in the URL of a server that has no address.
const pipeHost = "pipe.test"

// errServerClosed is the cause of failures after Close.
var errServerClosed = errors.New("the server has been closed")

// Server is a scripted server: it accepts connections and leaves everything
// else to the test. It is made by NewServer, NewTLSServer or NewPipe, and is
// closed when the test ends. Its methods may be called concurrently, in the
// goroutines that the package comment allows.
type Server struct {
	core *core
	mode failMode
}

// core is the server that all values of type Server for it share.
type core struct {
	t       TestingT
	cfg     config
	inPipe  bool
	start   time.Time
	closed  chan struct{}
	workers sync.WaitGroup // accepting goroutines and scripts

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when anything below changes
	state    listenState
	addr     string
	listener net.Listener
	queue    []*link // accepted and not yet given to a script
	open     map[*link]struct{}
	accepted int
	dialed   []string
}

// listenState is what a new connection meets.
type listenState uint8

const (
	listening listenState = iota
	refusing
	hanging
)

// NewServer starts a server on loopback TCP.
func NewServer(t TestingT, opts ...Option) *Server {
	t.Helper()
	s := newServer(t, opts)
	if err := s.core.listen(); err != nil {
		fatalf(t, "wstest: %v", err)
	}
	return s
}

// NewTLSServer starts a server on loopback TCP that speaks TLS. Clients trust
// it by ClientTLS.
func NewTLSServer(t TestingT, opts ...Option) *Server {
	t.Helper()
	return NewServer(t, append([]Option{WithTLS()}, opts...)...)
}

// NewPipe makes a server that is reached through its DialContext only, over
// in-memory pipes (see Pipe), with TLS inside if an option says so. In a
// synctest bubble it must be made inside.
func NewPipe(t TestingT, opts ...Option) *Server {
	t.Helper()
	s := newServer(t, opts)
	s.core.inPipe = true
	s.core.addr = pipeHost
	return s
}

func newServer(t TestingT, opts []Option) *Server {
	cfg := config{timeout: defaultTimeout(), addr: "127.0.0.1:0"}
	for _, opt := range opts {
		opt(&cfg)
	}
	c := &core{
		t:       t,
		cfg:     cfg,
		start:   time.Now(),
		closed:  make(chan struct{}),
		changed: make(chan struct{}),
		addr:    cfg.addr,
		open:    make(map[*link]struct{}),
	}
	s := &Server{core: c}
	t.Cleanup(s.Close)
	return s
}

// URL is the address of the server, without a path: ws://127.0.0.1:PORT,
// wss://127.0.0.1:PORT, or ws://pipe.test and wss://pipe.test.
func (s *Server) URL() string {
	if s.core.cfg.tls {
		return "wss://" + s.Addr()
	}
	return "ws://" + s.Addr()
}

// Addr is the address that the server listens on, as host:port, or pipe.test.
func (s *Server) Addr() string {
	s.core.mu.Lock()
	defer s.core.mu.Unlock()
	return s.core.addr
}

// ClientTLS returns a new TLS configuration for a client that trusts the
// certificate of WithTLS and nobody else.
func (s *Server) ClientTLS() *tls.Config { return &tls.Config{RootCAs: testcert.Pool()} }

// localCertificate is that of all servers that are given none.
var localCertificate = sync.OnceValue(func() tls.Certificate { return testcert.Issue(nil, testcert.LocalNames...) })

// DialContext connects to this server, whatever addr says, and remembers addr
// for Dialed. A client gets it as its dial function. It makes no use of
// network. It never fails the test.
func (s *Server) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return s.core.dial(ctx, addr)
}

// Dialed returns the addresses that DialContext was asked for, in order.
func (s *Server) Dialed() []string {
	s.core.mu.Lock()
	defer s.core.mu.Unlock()
	return slices.Clone(s.core.dialed)
}

// Accepted is how many connections have reached the server so far.
func (s *Server) Accepted() int {
	s.core.mu.Lock()
	defer s.core.mu.Unlock()
	return s.core.accepted
}

// Accept waits for the next connection. It fails if none comes before ctx ends
// or the server's timeout is over. On a TLS server it does not wait for the TLS
// handshake, which happens in Conn.Handshake, or in the first method that
// reads or writes.
func (s *Server) Accept(ctx context.Context) *Conn {
	s.core.t.Helper()
	return s.accept(ctx, s.core.cfg.timeout)
}

func (s *Server) accept(ctx context.Context, timeout time.Duration) *Conn {
	s.core.t.Helper()
	l, err := s.core.next(ctx, timeout)
	if err != nil {
		s.core.fail(s.mode, &failure{
			message: fmt.Sprintf("no connection came: %v (%d came before)", err, s.Accepted()),
			cause:   err,
		})
	}
	return &Conn{link: l, mode: s.mode, timeout: s.core.cfg.timeout}
}

// ExpectNoConn fails if a connection is waiting to be accepted or comes within
// d.
func (s *Server) ExpectNoConn(d time.Duration) {
	s.core.t.Helper()
	l, err := s.core.next(context.Background(), d)
	switch {
	case err == nil:
		s.core.fail(s.mode, &failure{message: fmt.Sprintf("connection %d came, none was expected", l.id)})
	case !errors.Is(err, os.ErrDeadlineExceeded):
		s.core.fail(s.mode, &failure{message: "waiting for no connection: " + err.Error(), cause: err})
	}
}

func (c *core) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// notify wakes everybody who waits for a change. It is called with mu held.
func (c *core) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// next takes the next connection off the queue. A timeout of 0 or less is none.
func (c *core) next(ctx context.Context, timeout time.Duration) (*link, error) {
	var expired <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		c.mu.Lock()
		changed := c.changed
		if c.isClosed() {
			c.mu.Unlock()
			return nil, errServerClosed
		}
		if len(c.queue) > 0 {
			l := c.queue[0]
			c.queue = c.queue[1:]
			c.mu.Unlock()
			return l, nil
		}
		c.mu.Unlock()

		select {
		case <-changed:
		case <-c.closed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-expired:
			return nil, fmt.Errorf("%w after %v", os.ErrDeadlineExceeded, timeout)
		}
	}
}

// enqueue makes a connection of conn. It reports false, and conn is closed, if
// the server does not want any.
func (c *core) enqueue(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() || c.state != listening {
		conn.Close()
		return false
	}
	c.accepted++
	l := newLink(c, c.accepted, conn)
	if c.cfg.tls {
		l.startTLS()
	}
	c.queue = append(c.queue, l)
	c.open[l] = struct{}{}
	c.notify()
	return true
}

// dial is the client's way to the server.
func (c *core) dial(ctx context.Context, addr string) (net.Conn, error) {
	opError := func(err error) error {
		network := "tcp"
		if c.inPipe {
			network = "pipe"
		}
		return &net.OpError{Op: "dial", Net: network, Addr: dialAddr(addr), Err: err}
	}
	c.mu.Lock()
	c.dialed = append(c.dialed, addr)
	for c.state == hanging && !c.isClosed() {
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-c.closed:
		case <-ctx.Done():
			return nil, opError(ctx.Err())
		}
		c.mu.Lock()
	}
	state, target := c.state, c.addr
	c.mu.Unlock()

	switch {
	case ctx.Err() != nil:
		return nil, opError(ctx.Err())
	case state != listening || c.isClosed():
		return nil, opError(syscall.ECONNREFUSED)
	case !c.inPipe:
		var d net.Dialer
		return d.DialContext(ctx, "tcp", target)
	}
	client, server := Pipe(c.cfg.buffer)
	if !c.enqueue(server) {
		return nil, opError(syscall.ECONNREFUSED)
	}
	return client, nil
}

// dialAddr is the address that a client asked for, in an error of DialContext.
type dialAddr string

func (dialAddr) Network() string  { return "tcp" }
func (a dialAddr) String() string { return string(a) }

// listen opens the listener at addr, which gets its port if it had none.
func (c *core) listen() error {
	ln, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		ln.Close()
		return errServerClosed
	}
	c.listener = ln
	c.addr = ln.Addr().String()
	c.state = listening
	c.notify()
	c.workers.Go(func() { c.acceptAll(ln) })
	return nil
}

// acceptAll runs until ln is closed.
func (c *core) acceptAll(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of this connection alone, such as ECONNABORTED
		}
		if n := c.cfg.buffer; n > 0 {
			tcp := conn.(*net.TCPConn)
			// Best effort: the system may round or cap the size.
			_ = tcp.SetReadBuffer(n)
			_ = tcp.SetWriteBuffer(n)
		}
		c.enqueue(conn)
	}
}

//go:build linux

package interop

// This file is network connections under the client, to see or to stop what passes. All of
// them are made by Options.DialContext.

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dandelionws/dandelion/wire"
)

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

var dialer net.Dialer

// A tap records all bytes of a connection.
type tap struct {
	net.Conn
	mu      sync.Mutex
	in, out bytes.Buffer
}

// dialTap returns a dial function and where to find its connection.
func dialTap() (dialFunc, *tap) {
	tp := new(tap)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		tp.Conn = conn
		return tp, err
	}, tp
}

func (tp *tap) Read(p []byte) (int, error) {
	n, err := tp.Conn.Read(p)
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.in.Write(p[:n])
	return n, err
}

func (tp *tap) Write(p []byte) (int, error) {
	n, err := tp.Conn.Write(p)
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.out.Write(p[:n])
	return n, err
}

// received and sent return the headers of the frames that have passed so far.
func (tp *tap) received(t *testing.T) []wire.Header {
	t.Helper()
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return headers(t, tp.in.Bytes())
}

func (tp *tap) sent(t *testing.T) []wire.Header {
	t.Helper()
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return headers(t, tp.out.Bytes())
}

// headers reads the headers of the complete frames after the HTTP head.
func headers(t *testing.T, p []byte) []wire.Header {
	t.Helper()
	_, p, _ = bytes.Cut(p, []byte("\r\n\r\n"))
	var hs []wire.Header
	for {
		h, n, err := wire.ParseHeader(p)
		if err != nil {
			t.Fatalf("header of frame %d: %v", len(hs), err)
		}
		if n == 0 || uint64(len(p)-n) < h.Length {
			return hs
		}
		hs = append(hs, h)
		p = p[uint64(n)+h.Length:]
	}
}

// A gate is a connection that stops reading after some bytes, until it is opened.
type gate struct {
	net.Conn
	left    int           // bytes until the stop
	reached chan struct{} // closed at the stop
	open    chan struct{} // closed by the test
	closed  chan struct{}
	once    sync.Once
}

// dialGate returns a dial function whose connection stops after n bytes.
func dialGate(n int) (dialFunc, *gate) {
	g := &gate{left: n, reached: make(chan struct{}), open: make(chan struct{}), closed: make(chan struct{})}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		g.Conn = conn
		return g, err
	}, g
}

func (g *gate) Read(p []byte) (int, error) {
	if g.left == 0 {
		g.left = -1 // no further stop
		close(g.reached)
		select {
		case <-g.open:
		case <-g.closed:
			return 0, net.ErrClosed
		}
	}
	if g.left < 0 {
		return g.Conn.Read(p)
	}
	n, err := g.Conn.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

func (g *gate) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.Conn.Close()
}

// A socket is a plain TCP connection whose send queue the test can see.
type socket struct {
	conn net.Conn
}

// dialSocket returns a dial function that makes a plain TCP connection.
func dialSocket() (dialFunc, *socket) {
	s := new(socket)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		s.conn = conn
		return conn, err
	}, s
}

// queued returns how many written bytes the peer has not yet taken.
func (s *socket) queued(t *testing.T) int {
	t.Helper()
	raw, err := s.conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatalf("socket of the client: %v", err)
	}
	var n int
	var ioctlErr error
	if err := raw.Control(func(fd uintptr) { n, ioctlErr = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }); err != nil {
		t.Fatalf("socket of the client: %v", err)
	}
	if ioctlErr != nil {
		t.Fatalf("send queue of the client: %v", ioctlErr)
	}
	return n
}

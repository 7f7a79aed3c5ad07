package chaos_test

// This file is a network of TCP connections on loopback.

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// tcp is an echo server on loopback behind a proxy of its own.
type tcp struct {
	links
	t    testing.TB
	echo *wstest.EchoServer
	addr string // of the proxy

	life    context.Context
	die     context.CancelFunc
	serving sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while nobody listens
	dying    bool         // the server is being killed, or is dead
}

func newTCP(t testing.TB, s *schedule, hit func(f fault)) (*tcp, error) {
	var opts []wstest.Option
	if s.tls {
		opts = append(opts, wstest.WithTLS())
	}
	echo, err := wstest.NewEchoServer("", opts...)
	if err != nil {
		return nil, err
	}
	n := &tcp{links: links{schedule: s, hit: hit}, t: t, echo: echo, addr: "127.0.0.1:0"}
	n.life, n.die = context.WithCancel(context.Background())
	if err := n.listen(); err != nil {
		echo.Close()
		return nil, err
	}
	return n, nil
}

func (n *tcp) url() string {
	scheme, _, _ := strings.Cut(n.echo.URL(), ":")
	n.mu.Lock()
	defer n.mu.Unlock()
	return scheme + "://" + n.addr
}

func (n *tcp) clientTLS() *tls.Config { return n.echo.ClientTLS() }

func (n *tcp) dial() func(context.Context, string, string) (net.Conn, error) { return nil }

func (n *tcp) listen() error {
	ln, err := net.Listen("tcp", n.addr)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life.Err() != nil {
		return ln.Close()
	}
	n.listener, n.addr = ln, ln.Addr().String()
	n.serving.Go(func() { n.accept(ln) })
	return nil
}

func (n *tcp) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an error of this connection only
		}
		client := conn.(*net.TCPConn)
		p := n.next()
		if p.dial != nil {
			n.hit(*p.dial)
		}
		if p.dial != nil && p.dial.kind == refuse {
			// From now on nobody listens.
			resetConn(client)
			n.refuse(p.dial.lasts)
			continue
		}
		n.serving.Go(func() { n.serve(client, p) })
	}
}

func (n *tcp) serve(client *net.TCPConn, p plan) {
	if p.dial != nil && !pause(n.life, p.dial.lasts) {
		client.Close()
		return
	}
	var d net.Dialer
	server, err := d.DialContext(n.life, "tcp", n.echo.Addr())
	if err != nil {
		resetConn(client)
		return
	}
	n.join(client, server.(*net.TCPConn), p, n)
}

// refuse stops listening for a while.
func (n *tcp) refuse(lasts time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener == nil {
		return
	}
	n.listener.Close()
	n.listener = nil
	n.serving.Go(func() {
		for pause(n.life, lasts) && n.listen() != nil {
			lasts = 10 * time.Millisecond // somebody else has the port at the moment
		}
	})
}

func (n *tcp) closeServer(code int) {
	n.begin(func() { _ = n.echo.CloseConnections(wire.StatusCode(code), "chaos") })
}

func (n *tcp) killServer(down time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dying {
		return
	}
	n.begin(func() {
		n.mu.Lock()
		n.dying = true
		n.mu.Unlock()
		n.echo.Close()
		pause(n.life, down)
		if err := n.echo.Restart(); err != nil {
			n.t.Errorf("seed %d: %v", n.schedule.seed, err)
		}
		n.mu.Lock()
		n.dying = false
		n.mu.Unlock()
	})
}

// left waits until the client has ended its connections, and returns how many it has not.
func (n *tcp) left() (open int) {
	ended := make(chan struct{})
	go func() {
		n.work.Wait()
		close(ended)
	}()
	timer := time.NewTimer(n.schedule.patience())
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
	n.links.mu.Lock()
	defer n.links.mu.Unlock()
	return len(n.all)
}

func (n *tcp) close() {
	n.die()
	n.mu.Lock()
	if n.listener != nil {
		n.listener.Close()
		n.listener = nil
	}
	n.mu.Unlock()
	n.serving.Wait()
	n.end()
	n.echo.Close()
}

package chaos_test

// This file is a network of in-memory pipes.

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// pipes is a network of in-memory pipes, for use in a synctest bubble.
type pipes struct {
	links
	server *wstest.Server
	size   int // of the buffers

	life context.Context
	die  context.CancelFunc

	mu      sync.Mutex
	open    map[*wstest.Conn]struct{}
	clients []*wstest.PipeConn // that were given to the client
}

func newPipes(t testing.TB, s *schedule, hit func(f fault)) *pipes {
	n := &pipes{links: links{schedule: s, hit: hit}, size: s.buffer, open: make(map[*wstest.Conn]struct{})}
	opts := []wstest.Option{wstest.WithBuffer(s.buffer), wstest.WithTimeout(10 * s.unit)}
	if s.tls {
		opts = append(opts, wstest.WithTLS())
	}
	n.server = wstest.NewPipe(t, opts...)
	n.life, n.die = context.WithCancel(context.Background())
	n.server.Handle(n.serve)
	return n
}

// serve is a connection at the server, which echoes. Whatever goes wrong there comes from
// the faults.
func (n *pipes) serve(c *wstest.Conn) {
	_ = c.Try(func(c *wstest.Conn) {
		c.Upgrade()
		n.note(c, true)
		c.Echo()
	})
	n.note(c, false)
}

func (n *pipes) note(c *wstest.Conn, open bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if open {
		n.open[c] = struct{}{}
	} else {
		delete(n.open, c)
	}
}

func (n *pipes) clientTLS() *tls.Config {
	if !n.schedule.tls {
		return nil
	}
	return n.server.ClientTLS()
}

func (n *pipes) url() string { return n.server.URL() }

func (n *pipes) dial() func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		p := n.next()
		if p.dial != nil {
			n.hit(*p.dial)
			switch {
			case p.dial.kind == refuse:
				return nil, &net.OpError{Op: "dial", Net: "pipe", Err: syscall.ECONNREFUSED}
			case !pause(ctx, p.dial.lasts):
				return nil, ctx.Err()
			}
		}
		server, err := n.server.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		client, theirs := wstest.Pipe(n.size)
		n.mu.Lock()
		n.clients = append(n.clients, client)
		n.mu.Unlock()
		n.join(theirs, server.(*wstest.PipeConn), p, n)
		return client, nil
	}
}

func (n *pipes) closeServer(code int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		n.begin(func() {
			_ = c.Try(func(c *wstest.Conn) { c.SendClose(wire.StatusCode(code), "chaos") })
		})
	}
}

func (n *pipes) killServer(down time.Duration) {
	n.begin(func() {
		n.server.Refuse()
		n.server.DropAll()
		pause(n.life, down)
		n.server.Resume()
	})
}

// left waits until the client has closed its connections, and returns how many it has not.
func (n *pipes) left() (open int) {
	time.Sleep(10 * time.Second) // crypto/tls lets a close_notify take 5 s
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.clients {
		if c.SetDeadline(time.Time{}) == nil { // otherwise it is closed
			open++
		}
	}
	return open
}

func (n *pipes) close() {
	n.die()
	n.end()
	n.server.Close()
}

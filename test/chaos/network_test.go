package chaos_test

// This file is what a proxy and its server have in common, over TCP and over pipes.

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/dandelionws/dandelion/test/wstest"
)

// network is a server behind a proxy.
type network interface {
	// url is the address for the client.
	url() string
	// dial is for the client's options; nil for the operating system's.
	dial() func(ctx context.Context, network, addr string) (net.Conn, error)
	// clientTLS is for the client's options; nil if there is no TLS.
	clientTLS() *tls.Config
	// clear ends all faults except those that have begun; with cutting it also ends
	// the existing connections.
	clear(cutting bool)
	// left is how many connections the client has not closed although it has stopped.
	left() int
	// close ends everything and waits for it.
	close()
}

// links are the connections through a proxy.
type links struct {
	schedule *schedule
	hit      func(f fault) // gets each fault

	mu     sync.Mutex
	calm   bool
	made   int
	all    map[*link]struct{}
	closed bool
	work   sync.WaitGroup
}

// next draws the plan for the next connection: it depends only on the seed and the number
// of the connection.
func (n *links) next() plan {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.made++
	if n.calm {
		return plan{}
	}
	return n.schedule.climate.draw(rand.New(rand.NewPCG(n.schedule.seed, uint64(n.made))))
}

// join connects the two sides until they have ended.
func (n *links) join(client, server duplex, p plan, where host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.calm {
		p = plan{} // it was drawn before
	}
	l := newLink(client, server, p, n.schedule.unit, where, n.hit)
	if n.closed {
		l.end(false)
		return
	}
	if n.all == nil {
		n.all = make(map[*link]struct{})
	}
	n.all[l] = struct{}{}
	n.work.Go(func() {
		l.run()
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.all, l)
	})
}

func (n *links) clear(cutting bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calm = true
	for l := range n.all {
		if cutting {
			l.end(false)
		}
	}
}

// end ends all connections and waits for them.
func (n *links) end() {
	n.mu.Lock()
	n.closed = true
	for l := range n.all {
		l.end(false)
	}
	n.mu.Unlock()
	n.work.Wait()
}

// begin runs f unless the network is closed or calm.
func (n *links) begin(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed && !n.calm {
		n.work.Go(f)
	}
}

// pause returns false if ctx ends within d.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

var _ = []network{(*pipes)(nil), (*tcp)(nil)}
var _ = []duplex{(*wstest.PipeConn)(nil), (*net.TCPConn)(nil)}

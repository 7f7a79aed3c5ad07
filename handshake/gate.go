package handshake

// How many attempts may be under way to one address: RFC 6455 §4.1.

import (
	"container/list"
	"context"
	"sync"
)

// Gate bounds the attempts that are under way, from the TCP connect until the
// answer has come or the attempt has failed. RFC 6455 §4.1 allows one at a time
// to an IP address and port, by whatever names the host is called; further ones
// wait for their turn, first come, first served. Connections that are open do
// not count.
//
// Waiting counts against the caller's context but against no timeout of a
// stage.
//
// An adapter without a Gate uses one that the whole process shares. A Gate may
// be shared by adapters; the zero value is ready. Its fields must not change
// once it is in use.
type Gate struct {
	// PerAddress is the number of attempts under way to one IP address and
	// port. 0 means 1, as the RFC has it; a fleet that connects to a server
	// which agreed to it may raise it. Negative means any number.
	//
	// Where the IP address is not known, because a proxy or the caller's
	// DialContext resolves the name, every host name and port counts as an
	// address.
	PerAddress int

	// Unknown is the number of attempts under way to unknown addresses, all
	// names together. 0 means 32, negative any number.
	Unknown int

	mu     sync.Mutex
	queues map[string]*queue
}

const (
	defaultPerAddress = 1
	defaultUnknown    = 32
)

// processGate is the one for adapters without.
var processGate Gate

// queue is what stands before one address.
type queue struct {
	inside  int
	waiting list.List // of chan struct{}, closed when its place is given
}

// enterAddress waits for a place for a known address. leave gives it back and
// has to be called once; it is nil if err is not, which is why ctx ended.
func (g *Gate) enterAddress(ctx context.Context, addr string) (leave func(), err error) {
	return g.orDefault().enter(ctx, addr, g.orDefault().perAddress())
}

// enterUnknown waits for a place for a host name whose address is not known.
func (g *Gate) enterUnknown(ctx context.Context, name string) (leave func(), err error) {
	g = g.orDefault()
	leaveName, err := g.enter(ctx, name, g.perAddress())
	if err != nil {
		return nil, err
	}
	total := g.Unknown
	if total == 0 {
		total = defaultUnknown
	}
	leaveTotal, err := g.enter(ctx, "", total)
	if err != nil {
		leaveName()
		return nil, err
	}
	return func() { leaveTotal(); leaveName() }, nil
}

func (g *Gate) orDefault() *Gate {
	if g == nil {
		return &processGate
	}
	return g
}

func (g *Gate) perAddress() int {
	if g.PerAddress == 0 {
		return defaultPerAddress
	}
	return g.PerAddress
}

// enter waits for one of limit places behind key.
func (g *Gate) enter(ctx context.Context, key string, limit int) (leave func(), err error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if limit < 0 {
		return func() {}, nil
	}
	g.mu.Lock()
	q := g.queues[key]
	if q == nil {
		if g.queues == nil {
			g.queues = make(map[string]*queue)
		}
		q = new(queue)
		g.queues[key] = q
	}
	leave = func() { g.leave(key, q) }
	if q.inside < limit {
		q.inside++
		g.mu.Unlock()
		return leave, nil
	}
	turn := make(chan struct{})
	place := q.waiting.PushBack(turn)
	g.mu.Unlock()

	select {
	case <-turn:
		return leave, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	select {
	case <-turn: // the place came at the same moment: pass it on
		g.mu.Unlock()
		leave()
	default:
		q.waiting.Remove(place)
		g.mu.Unlock()
	}
	return nil, ended(ctx)
}

// leave gives a place to the first who waits, if there is one.
func (g *Gate) leave(key string, q *queue) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if first := q.waiting.Front(); first != nil {
		close(q.waiting.Remove(first).(chan struct{}))
		return
	}
	if q.inside--; q.inside == 0 {
		delete(g.queues, key)
	}
}

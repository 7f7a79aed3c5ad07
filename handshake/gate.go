package handshake

// This file bounds how many attempts to one address may be under way: RFC 6455 §4.1.

import (
	"container/list"
	"context"
	"sync"
)

// Gate bounds the attempts that are under way, from the TCP connect until the
// response has come or the attempt has failed. RFC 6455 §4.1 allows one at a time
// to an IP address and port, whatever names the host has; further ones wait for
// their turn, first come, first served. Open connections do not count.
//
// Waiting is bounded by the caller's context only: no timeout of a stage is running.
//
// An adapter without a Gate uses one that the whole process shares. Adapters may
// share a Gate; the zero value is ready to use. Its fields must not change once it
// is in use.
type Gate struct {
	// PerAddress is how many attempts to one IP address and port may be under
	// way. 0 means 1, as the RFC has it; a fleet whose server agreed to more may
	// raise it. Negative means no limit.
	//
	// Where the IP address is not known, because a proxy or the caller's
	// DialContext resolves the name, every host name and port counts as an
	// address.
	PerAddress int

	// Unknown is how many attempts to unknown addresses may be under way, all
	// names together. 0 means 32, negative no limit.
	Unknown int

	mu     sync.Mutex
	queues map[string]*queue
}

const (
	defaultPerAddress = 1
	defaultUnknown    = 32
)

// processGate is the Gate of adapters that have none.
var processGate Gate

// queue holds the attempts to one address.
type queue struct {
	inside  int       // attempts under way
	waiting list.List // of chan struct{}, closed when it is that attempt's turn
}

// enterAddress waits until an attempt to a known address may begin. leave ends
// the attempt and must be called once; it is nil if err is not. err is why ctx
// ended.
func (g *Gate) enterAddress(ctx context.Context, addr string) (leave func(), err error) {
	return g.orDefault().enter(ctx, addr, g.orDefault().perAddress())
}

// enterUnknown waits until an attempt to a host name whose address is not known
// may begin.
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

// enter waits until fewer than limit attempts with this key are under way.
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
	waiter := q.waiting.PushBack(turn)
	g.mu.Unlock()

	select {
	case <-turn:
		return leave, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	select {
	case <-turn: // the turn came at the same moment: pass it on
		g.mu.Unlock()
		leave()
	default:
		q.waiting.Remove(waiter)
		g.mu.Unlock()
	}
	return nil, ended(ctx)
}

// leave gives the turn to the first in the queue, if there is one.
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

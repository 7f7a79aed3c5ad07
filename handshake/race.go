package handshake

// This file connects to a host that has several addresses: RFC 8305 (Happy Eyeballs).

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// headStart is how long an address has to itself before the next one is tried as
// well (RFC 8305 §5, "Connection Attempt Delay").
const headStart = 250 * time.Millisecond

// connectResult is the outcome of connecting to one address.
type connectResult struct {
	conn  net.Conn
	leave func() // ends the attempt at the Gate
	err   error
}

// race connects to the first of addrs that accepts: it tries one after the other,
// the next as soon as the one before has failed or its headStart is over. When one
// is connected, the others are cancelled, awaited and closed. connect must return
// soon after its context ends.
func race(ctx context.Context, addrs []netip.Addr, connect func(context.Context, netip.Addr) connectResult) connectResult {
	addrs = interleave(addrs)
	if len(addrs) == 1 {
		return connect(ctx, addrs[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan connectResult)
	next := time.NewTimer(0)
	defer next.Stop()

	var won *connectResult
	var failed error
	running := 0
	for running > 0 || len(addrs) > 0 {
		select {
		case <-next.C:
			if len(addrs) == 0 {
				continue
			}
			addr := addrs[0]
			addrs = addrs[1:]
			running++
			go func() { results <- connect(ctx, addr) }()
			next.Reset(headStart)
		case r := <-results:
			running--
			switch {
			case r.err != nil:
				failed = joined(failed, r.err)
				next.Reset(0)
			case won != nil:
				r.conn.Close()
				r.leave()
			default:
				won = &r
				cancel()
			}
			if ctx.Err() != nil {
				addrs = nil // no more are tried
			}
		}
	}
	if won == nil {
		return connectResult{err: failed}
	}
	return *won
}

// joined combines the errors of several addresses in one line.
func joined(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}

// interleave alternates between the address families, starting with that of the
// first address (RFC 8305 §4); otherwise it keeps the order.
func interleave(addrs []netip.Addr) []netip.Addr {
	var families [2][]netip.Addr
	for _, a := range addrs {
		i := 0
		if a.Is4() != addrs[0].Is4() {
			i = 1
		}
		families[i] = append(families[i], a)
	}
	out := make([]netip.Addr, 0, len(addrs))
	for i := range len(addrs) {
		for _, f := range families {
			if i < len(f) {
				out = append(out, f[i])
			}
		}
	}
	return out
}

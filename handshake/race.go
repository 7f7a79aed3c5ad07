package handshake

// Connecting to a host that has several addresses: RFC 8305 (Happy Eyeballs).

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// attemptDelay is the head start of an address before the next one is tried as
// well (RFC 8305 §5).
const attemptDelay = 250 * time.Millisecond

// attempt is the outcome of one connect.
type attempt struct {
	conn  net.Conn
	leave func() // gives back the place at the gate
	err   error
}

// race connects to the first of addrs that answers: one after the other, the
// next as soon as the one before failed or has taken attemptDelay. When one is
// connected the others are cancelled, awaited and undone. connect has to return
// soon after the end of its context.
func race(ctx context.Context, addrs []netip.Addr, connect func(context.Context, netip.Addr) attempt) attempt {
	addrs = interleave(addrs)
	if len(addrs) == 1 {
		return connect(ctx, addrs[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	attempts := make(chan attempt)
	next := time.NewTimer(0)
	defer next.Stop()

	var won *attempt
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
			go func() { attempts <- connect(ctx, addr) }()
			next.Reset(attemptDelay)
		case a := <-attempts:
			running--
			switch {
			case a.err != nil:
				failed = joined(failed, a.err)
				next.Reset(0)
			case won != nil:
				a.conn.Close()
				a.leave()
			default:
				won = &a
				cancel()
			}
			if ctx.Err() != nil {
				addrs = nil // no more are tried
			}
		}
	}
	if won == nil {
		return attempt{err: failed}
	}
	return *won
}

// joined is one error for several addresses, in one line.
func joined(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}

// interleave alternates between the address families, beginning with that of
// the first address (RFC 8305 §4); otherwise it keeps the order.
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

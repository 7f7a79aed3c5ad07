package chaos_test

// This file draws the faults of a connection.

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

type kind uint8

const (
	delay         kind = iota // bytes in one direction come later
	throttle                  // ... and only a few at a time
	slowHandshake             // the server's response comes slowly
	stall                     // nothing is read from one side for a while
	blackhole                 // both sides stay connected, but nothing passes
	cut                       // both sides see the end of the stream
	halfCut                   // one side sees it
	reset                     // both sides see a reset
	corrupt                   // one byte is changed
	refuse                    // nobody listens
	hang                      // the connect is not answered
	serverCloses              // the server sends a Close
	serverDies                // the server's process ends, and is back later
	kinds
)

var kindNames = [...]string{"delay", "throttle", "slow handshake", "stall", "blackhole", "cut", "half cut", "reset",
	"corrupt", "refuse", "hang", "server closes", "server dies"}

func (k kind) String() string { return kindNames[k] }

type direction uint8

const (
	toServer direction = iota
	toClient
)

func (d direction) String() string { return [...]string{"to server", "to client"}[d] }

// fault is one event in one connection.
type fault struct {
	kind   kind
	dir    direction
	at     int64         // after this many bytes in dir; negative: by time
	after  time.Duration // since the connect, if by time
	lasts  time.Duration
	amount int // bytes per second, bits that change, close code
}

func (f fault) String() string {
	when := fmt.Sprintf("after %v", f.after)
	if f.at >= 0 {
		when = fmt.Sprintf("at byte %d", f.at)
	}
	return fmt.Sprintf("%v %v %s for %v (%d)", f.kind, f.dir, when, f.lasts, f.amount)
}

// plan is all faults of one connection.
type plan struct {
	dial   *fault  // refuse or hang
	faults []fault // those by bytes are in order
}

// tally counts the faults that have happened.
type tally [kinds]atomic.Int64

func (t *tally) String() string {
	var parts []string
	for k := range kinds {
		parts = append(parts, fmt.Sprintf("%v %d", k, t[k].Load()))
	}
	return strings.Join(parts, ", ")
}

// climate says which faults there are.
type climate struct {
	unit     time.Duration // the scale of time
	corrupts bool          // bytes are changed, so echoes may differ from what was sent
	stops    bool          // the server closes with codes that mean: do not come back
}

// span draws a time with this mean, at most eight times as long.
func span(rng *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(min(8, rng.ExpFloat64()) * float64(mean))
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

// draw draws the plan for one connection.
func (c climate) draw(rng *rand.Rand) plan {
	var p plan
	switch x := rng.Float64(); {
	case x < 0.12:
		p.dial = &fault{kind: refuse, at: -1, lasts: span(rng, c.unit/2)}
		return p
	case x < 0.17:
		p.dial = &fault{kind: hang, at: -1, lasts: span(rng, 3*c.unit)}
	case x < 0.25:
		p.faults = append(p.faults, fault{kind: slowHandshake, dir: toClient, at: rng.Int64N(100),
			lasts: span(rng, 2*c.unit), amount: 20 + rng.IntN(400)})
	}
	for range rng.IntN(3) {
		f := c.moment(rng, pick(rng, delay, throttle, stall))
		f.lasts = span(rng, c.unit)
		f.amount = 50 + int(rng.ExpFloat64()*5000)
		p.faults = append(p.faults, f)
	}
	if rng.Float64() < 0.9 {
		p.faults = append(p.faults, c.fatal(rng))
	}
	slices.SortStableFunc(p.faults, func(a, b fault) int { return cmp.Compare(a.at, b.at) })
	return p
}

// fatal draws a fault that ends the connection.
func (c climate) fatal(rng *rand.Rand) fault {
	from := []kind{blackhole, cut, halfCut, reset, reset, serverCloses, serverDies}
	if c.corrupts {
		from = append(from, corrupt, corrupt, corrupt, corrupt)
	}
	f := c.moment(rng, pick(rng, from...))
	f.lasts = span(rng, c.unit)
	switch f.kind {
	case corrupt:
		f.at = max(f.at, 0)
		if rng.IntN(4) > 0 {
			f.at += 250 // after the handshake
		}
		f.amount = 1 + rng.IntN(255)
	case serverCloses:
		codes := []wire.StatusCode{wire.StatusGoingAway, wire.StatusInternalError, wire.StatusServiceRestart, wire.StatusTryAgainLater, 3000, 4999}
		if c.stops {
			codes = append(codes, wire.StatusNormal, wire.StatusPolicyViolation)
		}
		f.amount = int(pick(rng, codes...))
	}
	return f
}

// moment draws when a fault happens, and in which direction.
func (c climate) moment(rng *rand.Rand, k kind) fault {
	f := fault{kind: k, dir: pick(rng, toServer, toClient), at: -1}
	switch rng.IntN(10) {
	case 0: // in the handshake
		f.at = rng.Int64N(250)
	case 1, 2, 3, 4:
		f.at = 150 + int64(rng.ExpFloat64()*20000)
	default:
		f.after = span(rng, 4*c.unit)
	}
	return f
}

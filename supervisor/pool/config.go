package pool

// This file is the configuration of a pool.

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/supervisor"
)

// MaxSize is how many members a pool may have: 1 Mi, more than a program can
// have open files.
const MaxSize = 1 << 20

const (
	// memberSpread is the default of SpreadOver for each member.
	memberSpread = time.Millisecond
	// growStep is how many members are spawned before others get their turn, and
	// growPause for how long. The first ones are spawned within Spawn of the pool.
	growStep  = 256
	growPause = time.Millisecond
)

// Config says how many connections there are and what each is. The members have only the pool
// in common: each is an ordinary managed connection, and one that fails does not affect the
// others.
type Config struct {
	// Size is how many members there are at first. Less than 0 counts as 0; more than
	// MaxSize counts as MaxSize and is logged. A pool can be resized.
	Size int
	// Member returns the Config of the member with this index, from 0: its URL, Target and
	// so on. It is called in the pool actor, once for each member that is spawned, and must
	// not block. If it panics the member has failed. Anything that belongs to one connection,
	// such as the Store of an outbox or a seeded source of randomness, must be a different
	// one in each call. If Observer or Logger is nil, that of the pool is used.
	//
	// The default Gate of a Handshaker lets one attempt at a time go to an address
	// (RFC 6455 §4.1); many members that are to connect to one server quickly need
	// a handshake.Gate of their own.
	Member func(i int) supervisor.Config
	// SpreadOver is the time over which members connect that begin together: at first, when
	// the pool grows, and after Resume and Reconnect. Each draws its moment uniformly.
	// Default 1 ms for each of them, about 1000 attempts a second. Negative means all at
	// once. A member whose Config has a StartDelay keeps that.
	SpreadOver time.Duration
	// Float64 is the source of randomness: uniform in [0, 1). Default math/rand/v2.
	Float64 func() float64
	// ReplaceAfter, if positive, replaces a member that has ended although no user wanted it,
	// for example because it has given up. The new member starts after a time drawn
	// uniformly from ReplaceAfter to twice that, so that members that ended together do not
	// come back together. Default: they are only replaced if messages.ReplaceMember asks for
	// it.
	ReplaceAfter time.Duration

	// Target gets the pool's own events, *messages.MemberStopped, with the pool as sender.
	// Those of the members go where each Config says. Nil: nobody.
	Target *actor.PID
	// Observer sees every message between the actors. Nil: none.
	Observer actors.Observer
	// Logger gets what cannot be reported otherwise. Nil: nothing is logged.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Float64 == nil {
		c.Float64 = rand.Float64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Member == nil {
		c.Member = func(int) supervisor.Config { return supervisor.Config{} } // each gives up: it has no URL
	}
	if c.Size > MaxSize {
		c.Logger.Error("dandelion: pool is too large and was cut", slog.Int("size", c.Size), slog.Int("cut", MaxSize))
	}
	c.Size = min(max(0, c.Size), MaxSize)
	return c
}

package chaos_test

// This file draws a schedule from its seed.

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/retry"
)

// user is the kind of user of the connection.
type user uint8

const (
	anActor   user = iota // supervisor.Props: commands to the PID, events to a Target
	callbacks             // dandelion.Supervise with a Handler
	readers               // dandelion.Supervise with Read
	users
)

func (u user) String() string { return [...]string{"actor", "callbacks", "readers"}[u] }

// ending is how the user ends the connection.
type ending uint8

const (
	byClose    ending = iota // with a closing handshake
	byStop                   // messages.Stop
	byLifetime               // the context of Supervise ends
	byAbort                  // the connection is dropped, then Stop
	byKill                   // the supervisor's actor is stopped from outside
	endings
)

func (e ending) String() string {
	return [...]string{"Close", "Stop", "end of context", "Abort", "kill of the actor"}[e]
}

// schedule is everything that the seed decides.
type schedule struct {
	seed    uint64
	unit    time.Duration // the scale of time
	length  time.Duration
	slack   time.Duration // for a busy machine
	climate climate

	user       user
	slow       bool // the user takes a long time for some messages
	tls        bool
	keepalive  bool
	stubborn   bool // no end is final
	reconnects bool // the user asks for a new connection now and then
	pauses     bool // ... and for a pause
	outbox     outboxKind
	buffer     int // of each direction of a pipe
	queue      int // limit of waiting messages
	window     int
	ending     ending
	storm      bool // the end comes while the faults continue
}

func drawSchedule(seed uint64, unit, length time.Duration) *schedule {
	rng := rand.New(rand.NewPCG(seed, 0))
	chance := func(p float64) bool { return rng.Float64() < p }
	s := &schedule{
		seed:       seed,
		unit:       unit,
		length:     length,
		climate:    climate{unit: unit, corrupts: chance(0.3), stops: chance(0.15)},
		user:       user(rng.IntN(int(users))),
		slow:       chance(0.3),
		tls:        chance(0.2),
		keepalive:  chance(0.8),
		stubborn:   chance(0.6),
		reconnects: chance(0.4),
		buffer:     pick(rng, 512, 4<<10, 64<<10, 1<<20),
		queue:      pick(rng, 4, 64, 16384),
		window:     pick(rng, 1, 64<<10, 1<<20),
		ending:     ending(rng.IntN(int(endings))),
		storm:      chance(0.3),
	}
	s.pauses = chance(0.3)
	if chance(0.5) {
		s.outbox = pick(rng, once, resend, acked)
	}
	if s.user != anActor && s.outbox.twice() {
		s.outbox = once // only an actor knows whether a message comes twice in an epoch
	}
	return s
}

func (s *schedule) String() string {
	return fmt.Sprintf("seed %d: %+v", s.seed, struct {
		user                                                                user
		length                                                              time.Duration
		corrupts, stops, slow, tls, keepalive, stubborn, reconnects, pauses bool
		buffer, queue, window                                               int
		outbox                                                              outboxKind
		ending                                                              ending
		storm                                                               bool
	}{s.user, s.length, s.climate.corrupts, s.climate.stops, s.slow, s.tls, s.keepalive, s.stubborn, s.reconnects, s.pauses,
		s.buffer, s.queue, s.window, s.outbox, s.ending, s.storm})
}

// settings are the limits and times of the client.
func (s *schedule) settings() dandelion.Options {
	set := dandelion.Options{
		MaxMessage:    1 << 20,
		ReceiveWindow: s.window,
		QueueMessages: s.queue,
		QueueBytes:    256 << 10,
		CloseTimeout:  2 * s.unit,
	}
	if s.keepalive {
		set.PingInterval, set.PongTimeout, set.PingMisses = s.unit, s.unit, 1
	}
	return set
}

func (s *schedule) delays() retry.Exponential {
	rng := rand.New(rand.NewPCG(s.seed, 1<<32))
	return retry.Exponential{Base: s.unit / 4, Max: 2 * s.unit, Float64: rng.Float64}
}

// resetAfter is how long a connection must be open to be stable.
func (s *schedule) resetAfter() time.Duration { return 3 * s.unit }

func (s *schedule) policy() retry.Policy {
	return retry.Policy{Backoff: s.delays().New, ResetAfter: s.resetAfter(), Decide: s.decide}
}

func (s *schedule) connectTimeout() time.Duration { return 3 * s.unit }

// verdict returns the policy's verdict for a failure.
func (s *schedule) verdict(cause error) retry.Verdict {
	return s.decide(cause, retry.DefaultVerdicts().Judge(cause, time.Now()))
}

// decide returns the verdict unchanged, unless the user is stubborn.
func (s *schedule) decide(cause error, v retry.Verdict) retry.Verdict {
	if s.stubborn && v.Action == retry.Stop && !errors.Is(cause, messages.ErrHandlerFailed) {
		v.Rule = retry.Rule{Action: retry.Retry, Reason: "stubborn: " + v.Reason}
	}
	return v
}

// patience bounds the wait for anything that must happen by itself: a connect, the
// detection of a dead connection, a closing handshake, a backoff delay, and the handling
// by a slow user.
func (s *schedule) patience() time.Duration { return 40*s.unit + s.slack }

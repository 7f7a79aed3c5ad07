package supervisor

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/messages"
)

// Inside lets the tests of package supervisor_test look into a supervisor, on its own
// goroutine.
type Inside struct{ s *supervisor }

// Props are those of a supervisor that can be looked into.
func (in *Inside) Props(cfg Config) *actor.Props {
	cfg = cfg.withDefaults()
	return actor.PropsFromProducer(func() actor.Actor {
		in.s = &supervisor{Config: &cfg}
		return in.s
	}, mailbox.Each(place, actors.Observed(cfg.Observer, actors.RoleSupervisor, 0)), handle.Default())
}

// String describes where the supervisor stands.
func (in *Inside) String() string {
	s := in.s
	return fmt.Sprintf("state %v, goal %v, step %d, flushing %v", s.state, s.goal, s.step, s.flushing != nil)
}

// Epoch is the number of attempts so far.
func (in *Inside) Epoch() uint64 { return in.s.epoch }

// Violations returns what does not hold between two messages, although it must.
func (in *Inside) Violations() (broken []string) {
	s := in.s
	must := func(what string, ok bool) {
		if !ok {
			broken = append(broken, what)
		}
	}
	if s.step == stepNone {
		must("an attempt while CONNECTING, and only then", (s.dial != nil) == (s.state == messages.StateConnecting))
		must("a connection while OPEN, and only then", (s.protocol != nil) == (s.state == messages.StateOpen))
		must("a delay while WAITING without a pause, and only then", (s.timer != nil) == (s.state == messages.StateWaiting && s.goal == goalOpen))
		must("one of CONNECTING, OPEN, WAITING", s.state == messages.StateConnecting || s.state == messages.StateOpen || s.state == messages.StateWaiting)
		must("in WAITING goalOpen or goalPause", s.state != messages.StateWaiting || s.goal == goalOpen || s.goal == goalPause)
	} else {
		must("no delay after the end", s.timer == nil)
		must("nothing to flush after the end", s.flushing == nil || s.step == stepActors)
		must("no order for later after the end", s.later == nil)
		must("STOPPED from stepHandler on, and only then", (s.step >= stepHandler) == (s.state == messages.StateStopped))
	}
	if s.step == stepOutbox || s.step == stepHandler {
		must("nothing connected after the end", s.dial == nil && s.protocol == nil && s.conn == nil)
	}
	must("a flush of an outbox", s.flushing == nil || s.box != nil)
	must("a Close that waits is that of the goal", s.flushing == nil || s.flushing.close == nil || s.goal == goalEnd)
	must("a conn with a protocol actor", (s.conn == nil) == (s.protocol == nil))
	stands := s.handle.Stands()
	must("the view is up to date", stands.State == s.state && stands.Paused == (s.goal == goalPause))
	return broken
}

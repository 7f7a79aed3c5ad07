package supervisor

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/actors"
)

// Props are of the supervisor of one managed connection. It connects as soon as
// it is spawned and stops itself when it has given up or was told to stop.
func Props(cfg Config) *actor.Props {
	cfg = cfg.withDefaults()
	return actor.PropsFromProducer(func() actor.Actor {
		s := &supervisor{Config: &cfg, view: cfg.View}
		if s.view == nil {
			s.view = NewView()
		}
		if s.Outbox != nil {
			s.box = newOutbox(*s.Outbox, s.Logger)
			s.view.outbox.Store(s.box)
		}
		return s
	}, actors.Mailbox(actors.RoleSupervisor, 0, cfg.Observer), actors.Lane())
}

// Spawn spawns an actor of Props(cfg) with these options at the root of system.
func Spawn(system *actor.ActorSystem, cfg Config, opts ...actor.PropsOption) *actor.PID {
	return system.Root.Spawn(Props(cfg).Configure(opts...))
}

// SpawnAndDial is Spawn, but if the actor begins with an attempt to connect, as it does
// without StartDelay, that is made on the goroutine of the caller, who gets the PID when
// the attempt has ended: where the caller would wait anyway this saves the way to another
// goroutine and back. Further attempts have goroutines of their own.
func SpawnAndDial(system *actor.ActorSystem, cfg Config, opts ...actor.PropsOption) *actor.PID {
	var mu sync.Mutex
	spawned := false
	var first func() // nil again when it is made, as cfg lives as long as the actor
	cfg.run = func(attempt func()) {
		mu.Lock()
		defer mu.Unlock()
		if spawned {
			actors.Go(attempt)
		} else {
			first = attempt
		}
	}
	pid := Spawn(system, cfg, opts...)
	mu.Lock()
	attempt := first
	spawned, first = true, nil
	mu.Unlock()
	if attempt != nil {
		attempt()
	}
	return pid
}

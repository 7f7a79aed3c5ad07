package supervisor

// This file is how a supervisor is spawned.

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/internal/mailbox"
)

// Props returns the Props of the supervisor of one managed connection. It connects as soon as
// it is spawned, and stops itself when it has given up or was told to stop. The Props can be
// spawned more than once.
func Props(cfg Config) *actor.Props {
	cfg = cfg.withDefaults()
	return actor.PropsFromProducer(func() actor.Actor { return &supervisor{Config: &cfg} },
		mailbox.Each(place, actors.Observed(cfg.Observer, actors.RoleSupervisor, 0)), handle.Default())
}

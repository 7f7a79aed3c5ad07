package dandelion

import (
	"log/slog"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// sharedSystem is the ActorSystem of all clients that were given none. It is
// made at the first use, costs about 3 MB, logs nothing and lives as long as the program.
var sharedSystem = sync.OnceValue(func() *actor.ActorSystem {
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
})

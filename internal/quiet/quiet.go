// Package quiet makes actor systems that log nothing and are small.
package quiet

import (
	"log/slog"
	"slices"

	"github.com/asynkron/protoactor-go/actor"
)

// System returns a new actor system that logs nothing. It costs about 80 KB, where one with
// protoactor's registry costs 3 MB.
func System() *actor.ActorSystem {
	system := actor.NewActorSystem(actor.WithLoggerFactory(discard))
	shrink(system.ProcessRegistry)
	return system
}

func discard(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }

// buckets is how many of a registry's 1024 buckets are kept. Each has 32 maps, and a lock for each.
const buckets = 16

// shrink makes the registry of a new system smaller. Its 32,768 maps, most of which stay
// empty or hold one actor, are 3 MB of small objects that the garbage collector visits in
// every cycle: for a program that allocates much that is more work than everything else
// (workload receive-64k-ascii of test/bench). And the first entry of a map allocates room
// for eight, which makes an idle connection larger by up to a kilobyte.
func shrink(registry *actor.ProcessRegistryValue) {
	all := registry.LocalPIDs.LocalPIDs
	registry.LocalPIDs.LocalPIDs = slices.Clone(all[:buckets])
	for _, bucket := range all[buckets:] {
		bucket.IterCb(func(id string, process any) { // Items would start a goroutine for each map
			registry.LocalPIDs.GetBucket(id).Set(id, process)
		})
	}
}

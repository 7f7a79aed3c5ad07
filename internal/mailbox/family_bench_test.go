package mailbox

import (
	"runtime"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/quiet"
)

// BenchmarkFamily is the least that five actors cost, arranged as those of a
// connection are: their mailboxes are ours, and they do nothing. It is the time to
// spawn and to stop them, and the memory that they hold meanwhile (heap-B). What a
// connection costs cannot be less.
func BenchmarkFamily(b *testing.B) {
	system := quiet.System()
	spawn := func(parent actor.SpawnerContext, f actor.ReceiveFunc) *actor.PID {
		return New(always(OnSender), nil).Spawn(parent, f)
	}
	nothing := func(actor.Context) {}
	protocol := func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			spawn(ctx, nothing)
			spawn(ctx, nothing)
		}
	}
	supervisor := func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			spawn(ctx, nothing)
			spawn(ctx, protocol)
		}
	}
	heap := func() uint64 {
		for range 3 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	b.Run("spawn and stop", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pid := spawn(system.Root, supervisor)
			if err := system.Root.StopFuture(pid).Wait(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("memory", func(b *testing.B) {
		const families = 500
		for b.Loop() {
			before := heap()
			pids := make([]*actor.PID, families)
			for i := range pids {
				pids[i] = spawn(system.Root, supervisor)
			}
			b.ReportMetric(float64(heap()-before)/families, "heap-B")
			for _, pid := range pids {
				if err := system.Root.StopFuture(pid).Wait(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

package quiet

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// names returns what is registered in system.
func names(system *actor.ActorSystem) []string {
	var names []string
	for _, bucket := range system.ProcessRegistry.LocalPIDs.LocalPIDs {
		names = append(names, bucket.Keys()...)
	}
	slices.Sort(names)
	return names
}

// TestSmallRegistry shows that a small registry finds all that one of protoactor's does:
// what it has from the beginning, and actors that are spawned.
func TestSmallRegistry(t *testing.T) {
	system := System()
	own := names(actor.NewActorSystem(actor.WithLoggerFactory(discard)))
	if got := names(system); !slices.Equal(got, own) || len(own) == 0 {
		t.Errorf("at the beginning: got %q, want %q", got, own)
	}
	for _, name := range own {
		if _, ok := system.ProcessRegistry.GetLocal(name); !ok {
			t.Errorf("%q is not found", name)
		}
	}

	props := actor.PropsFromFunc(func(ctx actor.Context) {
		if ctx.Message() == "who" {
			ctx.Respond(ctx.Self().Id)
		}
	})
	for range 1000 {
		pid := system.Root.Spawn(props)
		if _, err := system.Root.SpawnNamed(props, pid.Id); err != actor.ErrNameExists {
			t.Fatalf("%s again: got the error %v, want %v", pid.Id, err, actor.ErrNameExists)
		}
		answer, err := system.Root.RequestFuture(actor.NewPID("nonhost", pid.Id), "who", 10*time.Second).Result()
		if err != nil || answer != pid.Id {
			t.Fatalf("%s: got the answer %v, %v", pid.Id, answer, err)
		}
		if err := system.Root.StopFuture(pid).Wait(); err != nil {
			t.Fatal(err)
		}
		if _, ok := system.ProcessRegistry.GetLocal(pid.Id); ok {
			t.Fatalf("%s is still there", pid.Id)
		}
	}
}

// TestSmall shows what a system costs.
func TestSmall(t *testing.T) {
	const most = 120 << 10
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	system := System()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := int64(after.HeapAlloc - before.HeapAlloc); got > most {
		t.Errorf("a system takes %d bytes, want at most %d", got, most)
	}
	runtime.KeepAlive(system)
}

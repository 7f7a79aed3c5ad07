// This file makes actor systems for tests.

package wstest

import (
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/quiet"
)

// NewSystem makes an actor system that logs nothing, for one test. At its end the
// actors that are left are stopped. In a synctest bubble it has to be made inside,
// before what uses it: two seconds of fake time then pass at the end, for the timers
// of the actor system to run out.
func NewSystem(t TestingT) *actor.ActorSystem {
	system := quiet.System()
	t.Cleanup(func() {
		t.Helper()
		for end := time.Now().Add(DefaultTimeout); stopActors(system) > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("wstest: there are actors that do not stop")
				break
			}
		}
		if inBubble() {
			time.Sleep(2 * time.Second)
		}
	})
	return system
}

// stopActors stops all actors that have no parent, and returns how many actors
// there are.
func stopActors(system *actor.ActorSystem) (n int) {
	for _, bucket := range system.ProcessRegistry.LocalPIDs.LocalPIDs {
		for id, process := range bucket.Items() {
			if _, ok := process.(*actor.ActorProcess); !ok {
				continue
			}
			n++
			if !strings.Contains(id, "/") {
				system.Root.Stop(system.NewLocalPID(id))
			}
		}
	}
	return n
}

// programStart is without the reading of the monotonic clock, which is not
// comparable with that of a bubble.
var programStart = time.Now().Round(0)

// inBubble says whether the clock is that of a synctest bubble, which starts in
// the year 2000.
func inBubble() bool { return time.Now().Before(programStart) }

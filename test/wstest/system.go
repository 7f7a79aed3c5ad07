// This file makes actor systems for tests.

package wstest

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/quiet"
)

// NewSystem makes an actor system that logs nothing, for one test. In a synctest
// bubble it has to be made before the probes, mocks and clients that use it: at
// the end of the test, when those have gone, it lets two seconds of fake time pass
// for the timers of the actor system to run out, without which the bubble would
// find goroutines left over. Outside of a bubble nothing waits.
func NewSystem(t TestingT) *actor.ActorSystem {
	system := quiet.System()
	t.Cleanup(func() {
		if inBubble() {
			time.Sleep(2 * time.Second)
		}
	})
	return system
}

// programStart is without the reading of the monotonic clock, which is not
// comparable with that of a bubble.
var programStart = time.Now().Round(0)

// inBubble says whether the clock is that of a synctest bubble, which starts in
// the year 2000.
func inBubble() bool { return time.Now().Before(programStart) }

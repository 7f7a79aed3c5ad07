package wstest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/test/wstest"
)

// A dead letter starts a timer in the actor system, which must have run out when
// a bubble ends; outside of a bubble nobody waits for it.
func TestNewSystem(t *testing.T) {
	deadLetter := func(t *testing.T) {
		root := wstest.NewSystem(t).Root
		pid := root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
		check(t, root.StopFuture(pid).Wait())
		root.Send(pid, "nobody")
	}
	synctest.Test(t, deadLetter)
	start := time.Now()
	t.Run("real time", deadLetter)
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %v", d)
	}
}

package chaos_test

// This file tests that every Stop is answered.

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/quiet"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
)

// TestEveryStopIsAnswered asks for the end again and again while it is under way: each
// time the answer is Stopped, or a dead letter if the actor is gone.
func TestEveryStopIsAnswered(t *testing.T) {
	const (
		rounds  = 100
		askers  = 4
		timeout = 5 * time.Second
	)
	before := measure()
	defer func() { before.compare(t) }()
	echo, err := wstest.NewEchoServer("")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	root := quiet.System().Root
	for range rounds {
		f := &fleet{}
		pid := root.Spawn(supervisor.Props(supervisor.Config{
			URL:        echo.URL(),
			Handshaker: &handshake.Client{Adapter: &handshake.NetAdapter{Gate: &handshake.Gate{}}},
			Target:     f.target(root),
		}))
		await(t, f.until(func(f *fleet) bool { return f.open > 0 }), "Opened")
		var asking sync.WaitGroup
		for range askers {
			asking.Go(func() {
				for {
					answer, err := root.RequestFuture(pid, &messages.Stop{}, timeout).Result()
					if errors.Is(err, actor.ErrDeadLetter) {
						return
					}
					if _, ok := answer.(*messages.Stopped); !ok {
						t.Errorf("Stop was answered with %T, %v", answer, err)
						return
					}
				}
			})
		}
		asking.Wait()
		if t.Failed() {
			return
		}
	}
}

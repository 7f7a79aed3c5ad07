package pool_test

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/pool"
	"github.com/dandelionws/dandelion/test/wstest"
)

// fleet is the parent of a pool of three connections, which all send their events here.
type fleet struct {
	url  string
	pool *actor.PID
	open int
	done chan struct{}
}

func (f *fleet) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		self := ctx.Self()
		f.pool = ctx.Spawn(pool.Props(pool.Config{
			Size: 3,
			Member: func(i int) supervisor.Config {
				return supervisor.Config{
					URL:    fmt.Sprintf("%s/%d", f.url, i),
					Target: self,
				}
			},
			Target: self,
		}))
	case *messages.Opened:
		if i, ok := pool.IndexOf(ctx.Sender()); ok && msg.URL == fmt.Sprintf("%s/%d", f.url, i) {
			f.open++
		}
		if f.open == 3 {
			ctx.Request(f.pool, &messages.ToAll{Command: &messages.SendText{Text: "hello"}})
		}
	case *messages.ToAllDone:
		fmt.Println("sent on", msg.Sent, "connections")
		ctx.Request(f.pool, &messages.Stop{})
	case *messages.Stopped:
		if _, ok := pool.IndexOf(ctx.Sender()); !ok { // of the pool: all have ended
			fmt.Println("stopped:", msg.Cause)
			close(f.done)
		}
	}
}

func ExampleProps() {
	server, err := wstest.NewEchoServer("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	f := &fleet{url: server.URL(), done: make(chan struct{})}
	actor.NewActorSystem().Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return f }))
	select {
	case <-f.done:
	case <-time.After(time.Minute):
		fmt.Println("it takes too long")
	}
	// Output:
	// sent on 3 connections
	// stopped: <nil>
}

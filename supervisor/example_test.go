package supervisor_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
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
		f.pool = ctx.Spawn(supervisor.PoolProps(supervisor.PoolConfig{
			Size: 3,
			Member: func(i int) supervisor.Config {
				return supervisor.Config{
					Request: handshake.Request{URL: fmt.Sprintf("%s/%d", f.url, i)},
					Target:  self,
				}
			},
			Target: self,
		}))
	case *messages.Opened:
		if i, ok := supervisor.MemberOf(ctx.Sender()); ok && msg.URL == fmt.Sprintf("%s/%d", f.url, i) {
			f.open++
		}
		if f.open == 3 {
			ctx.Request(f.pool, &messages.ToAll{Command: &messages.SendText{Text: "hello"}})
		}
	case *messages.ToAllDone:
		fmt.Println("sent on", msg.Sent, "connections")
		ctx.Request(f.pool, &messages.Stop{})
	case *messages.Stopped:
		if _, ok := supervisor.MemberOf(ctx.Sender()); !ok { // of the pool: all have ended
			fmt.Println("stopped:", msg.Cause)
			close(f.done)
		}
	}
}

func ExamplePoolProps() {
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

// The table that applies, with an entry of one's own: a service that answers 404 while it
// is deployed is tried again.
func ExampleRetryPolicy_Table() {
	policy := supervisor.RetryPolicy{Verdicts: supervisor.Verdicts{
		supervisor.HTTPStatus(404): {Action: supervisor.Retry, Base: 10 * time.Second},
	}}
	for line := range strings.Lines(policy.Table().String()) {
		if strings.HasPrefix(line, "HTTP") {
			fmt.Print(line)
		}
	}
	// Output:
	// HTTP 401        refresh
	// HTTP 403        refresh
	// HTTP 404        retry, base 10s
	// HTTP 408        retry
	// HTTP 410        stop
	// HTTP 425        retry
	// HTTP 429        retry
	// HTTP 5xx        retry
	// HTTP, other     stop
}

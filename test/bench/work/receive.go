package work

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/payload"
	"github.com/dandelionws/dandelion/test/bench/server"
)

// receive takes what a server sends as fast as it can. The time ends when the
// last message was handled.
type receive struct {
	kind   payload.Kind
	sample payload.Sample
	size   int
}

func (w receive) run(env Env, lib client.Library) (Result, error) {
	failure := newFailure()
	counted := make(chan int64, 1)
	var got int64
	c, err := lib.Dial(env.url(server.FloodPath(w.kind, w.sample, w.size)), client.Config{
		Load: client.Receiving,
		Size: w.size,
		OnMessage: func(_ client.Conn, p []byte) {
			switch len(p) {
			case w.size:
				got++
			case server.CountsSize:
				if sent := server.ParseCounts(p).Messages; sent != got {
					failure.report(fmt.Errorf("got %d messages, want %d", got, sent))
				}
				n := got
				got = 0
				counted <- n
			default:
				failure.report(fmt.Errorf("message of %d bytes, want %d", len(p), w.size))
			}
		},
		OnError: failure.report,
	})
	if err != nil {
		return Result{}, err
	}
	defer c.Close()

	phase := func(d time.Duration) (int64, error) {
		ms := strconv.FormatInt(max(1, d.Milliseconds()), 10)
		if err := c.Send(payload.Text, []byte(ms)); err != nil {
			return 0, err
		}
		return await(counted, failure, "end of the messages")
	}
	if _, err := phase(env.Warmup); err != nil {
		return Result{}, err
	}
	m := startMeter()
	n, err := phase(env.Duration)
	return m.stop(n).sized(w.size), err
}

package work

import (
	"fmt"
	"time"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/payload"
	"github.com/dandelionws/dandelion/test/bench/server"
)

// send sends binary messages of size bytes to a sink. The time ends when the sink
// has said that all have arrived.
type send struct{ size int }

func (w send) run(env Env, lib client.Library) (Result, error) {
	failure := newFailure()
	counted := make(chan server.Counts, 1)
	c, err := lib.Dial(env.url(server.PathSink), client.Config{
		Load:      client.Sending,
		Size:      w.size,
		OnMessage: func(_ client.Conn, p []byte) { counted <- server.ParseCounts(p) },
		OnError:   failure.report,
	})
	if err != nil {
		return Result{}, err
	}
	defer c.Close()

	p := payload.Make(payload.ASCII, w.size)
	end := payload.Make(payload.ASCII, server.SinkEnd)
	phase := func(d time.Duration) (int64, error) {
		sent, err := w.flood(c, p, d)
		if err != nil {
			return 0, err
		}
		if err := c.Send(payload.Text, end); err != nil {
			return 0, err
		}
		got, err := await(counted, failure, "answer of the sink")
		if want := (server.Counts{Messages: sent, Bytes: sent * int64(w.size)}); err == nil && got != want {
			err = fmt.Errorf("the sink has got %+v, want %+v", got, want)
		}
		return sent, err
	}
	if _, err := phase(env.Warmup); err != nil {
		return Result{}, err
	}
	m := startMeter()
	n, err := phase(env.Duration)
	return m.stop(n).sized(w.size), err
}

// flood sends for d and returns how many messages.
func (w send) flood(c client.Conn, p []byte, d time.Duration) (sent int64, err error) {
	batch := int64(max(1, 8*kib/w.size)) // between two looks at the clock
	for end := time.Now().Add(d); time.Now().Before(end); sent += batch {
		for range batch {
			if err := c.Send(payload.Binary, p); err != nil {
				return sent, err
			}
		}
	}
	return sent, nil
}

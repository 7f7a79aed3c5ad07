package work

import (
	"time"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/server"
)

// handshakes connects and drops the connection, one after the other.
func handshakes(env Env, lib client.Library) (Result, error) {
	cfg := client.Config{
		Load:      client.Many,
		OnMessage: func(client.Conn, []byte) {},
		OnError:   func(error) {}, // a connection that is lost after the handshake does not count
	}
	phase := func(d time.Duration) (n int64, err error) {
		for end := time.Now().Add(d); time.Now().Before(end); n++ {
			c, err := lib.Dial(env.url(server.PathHold), cfg)
			if err != nil {
				return n, err
			}
			c.Close()
		}
		return n, nil
	}
	if _, err := phase(env.Warmup); err != nil {
		return Result{}, err
	}
	m := startMeter()
	n, err := phase(env.Duration)
	return m.stop(n).rate(), err
}

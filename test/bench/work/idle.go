package work

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/payload"
	"github.com/dandelionws/dandelion/test/bench/server"
)

// idleSize is the size of the message that each connection has echoed once, in bytes.
const idleSize = 128

// idle measures the memory of connections on which nothing happens any more. What
// a library needs once, for the first connection, does not count.
func idle(env Env, lib client.Library) (Result, error) {
	failure := newFailure()
	echoed := make(chan struct{}, 1)
	cfg := client.Config{
		Load:      client.Many,
		Size:      idleSize,
		OnMessage: func(client.Conn, []byte) { echoed <- struct{}{} },
		OnError:   failure.report,
	}
	p := payload.Make(payload.ASCII, idleSize)
	var conns []client.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	open := func(n int) error {
		for range n {
			c, err := lib.Dial(env.url(server.PathEcho), cfg)
			if err != nil {
				return err
			}
			conns = append(conns, c)
			if err := c.Send(payload.Text, p); err != nil {
				return err
			}
			if _, err := await(echoed, failure, "echo"); err != nil {
				return err
			}
		}
		return nil
	}

	if err := open(max(1, env.Connections/100)); err != nil {
		return Result{}, err
	}
	before := measureMemory()
	m := startMeter()
	if err := open(env.Connections); err != nil {
		return Result{}, err
	}
	r := m.stop(int64(env.Connections))
	after := measureMemory()
	r.Value = float64(after.heapAndStack-before.heapAndStack) / float64(env.Connections)
	r.RSS = float64(after.rss-before.rss) / float64(env.Connections)
	return r, nil
}

// memory is what this process holds, in bytes.
type memory struct{ heapAndStack, rss int64 }

// settling is long enough for goroutines that leave when they have nothing to do.
const settling = 300 * time.Millisecond

// measureMemory waits until nothing more can be given back.
func measureMemory() memory {
	time.Sleep(settling)
	for range 3 { // a pool gives its buffers back at the second collection
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{int64(m.HeapAlloc + m.StackInuse), rss()}
}

func rss() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize())
}

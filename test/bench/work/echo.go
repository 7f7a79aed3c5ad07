package work

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/payload"
	"github.com/dandelionws/dandelion/test/bench/server"
)

// echo sends text to an echo server, and each message again when it comes back.
type echo struct {
	load        client.Load
	size        int
	connections int
	inFlight    int // on each connection
}

// echoRun is one run of it.
type echoRun struct {
	echo
	payload []byte
	stop    atomic.Bool
	stopped chan int64 // what each connection has got back
	failure failure
}

func (w echo) run(env Env, lib client.Library) (Result, error) {
	r := &echoRun{
		echo:    w,
		payload: payload.Make(payload.ASCII, w.size),
		stopped: make(chan int64, w.connections),
		failure: newFailure(),
	}
	flows := make([]*flow, w.connections)
	for i := range flows {
		f := &flow{run: r, begun: make(chan struct{}, 1)}
		var err error
		f.conn, err = lib.Dial(env.url(server.PathEcho), client.Config{
			Load:      w.load,
			Size:      w.size,
			OnMessage: f.message,
			OnError:   r.failure.report,
		})
		if err != nil {
			return Result{}, err
		}
		defer f.conn.Close()
		flows[i] = f
	}
	if _, err := r.phase(flows, env.Warmup); err != nil {
		return Result{}, err
	}
	m := startMeter()
	n, err := r.phase(flows, env.Duration)
	return m.stop(n).rate(), err
}

// phase begins all flows and stops them after d.
func (r *echoRun) phase(flows []*flow, d time.Duration) (messages int64, err error) {
	r.stop.Store(false)
	for _, f := range flows {
		if err := f.begin(); err != nil {
			return 0, err
		}
	}
	time.Sleep(d)
	r.stop.Store(true)
	for range flows {
		n, err := await(r.stopped, r.failure, "echo")
		if err != nil {
			return 0, err
		}
		messages += n
	}
	return messages, nil
}

// flow is what goes over one connection.
type flow struct {
	run   *echoRun
	conn  client.Conn
	begun chan struct{} // the sender of the first message has returned

	got    int64
	flying int // messages that are still to come; 0 before the first one
}

// begin sends the first message; the rest follows when it is back.
func (f *flow) begin() error {
	if err := f.conn.Send(payload.Text, f.run.payload); err != nil {
		return err
	}
	f.begun <- struct{}{}
	return nil
}

func (f *flow) message(c client.Conn, p []byte) {
	r := f.run
	if len(p) != r.size {
		r.failure.report(fmt.Errorf("echo of %d bytes, want %d", len(p), r.size))
		return
	}
	f.got++
	again := 1
	if f.flying == 0 {
		<-f.begun // one goroutine at a time may send
		f.flying, again = 1, r.inFlight
	}
	if r.stop.Load() {
		again = 0
	}
	f.flying += again - 1
	if f.flying == 0 {
		n := f.got
		f.got = 0
		r.stopped <- n
		return
	}
	for range again {
		if err := c.Send(payload.Text, r.payload); err != nil {
			r.failure.report(err)
			return
		}
	}
}

package chaos_test

// This file tests a pool of many connections whose server dies and returns.

import (
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/quiet"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/pool"
	"github.com/dandelionws/dandelion/supervisor/retry"
)

const (
	// manyFiles is how many files the server's process may have open.
	manyFiles = 10_500
	// spare is how many files this process needs besides the connections.
	spare = 200
	// steps is the number of parts of the backoff window that are compared, and minStep
	// the shortest part: the scheduler of a busy machine makes its own waves.
	steps   = 16
	minStep = 750 * time.Millisecond
	// manyPatience bounds every wait.
	manyPatience = 3 * time.Minute
)

// TestManyConnections runs a pool of many connections, whose first attempts are spread
// over a time. Their server is killed and returns; they come back, spread over the backoff
// window.
func TestManyConnections(t *testing.T) {
	n := *connections
	if err := allowFiles(uint64(n + spare)); err != nil {
		t.Fatal(err)
	}
	defer watchdog(5*manyPatience, func() string { return "TestManyConnections" })()
	server, err := startServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { server.kill() }()
	before := measure()

	f := &fleet{}
	system := quiet.System()
	base := max(3*time.Second, time.Duration(n)*2*time.Millisecond) // what this machine can handle
	backoff := retry.Exponential{Base: base, Max: 2 * base}
	member := supervisor.Config{
		URL: "ws://" + server.addr,
		Handshaker: &handshake.Client{Adapter: &handshake.NetAdapter{
			Gate: &handshake.Gate{PerAddress: -1}, // one program that knows its server
		}},
		Target: f.target(system.Root),
		Retry:  retry.Policy{Backoff: backoff.New},
	}
	busy := watchScheduler()
	start := time.Now()
	pool := system.Root.Spawn(pool.Props(pool.Config{
		Size:       n,
		Member:     func(int) supervisor.Config { return member },
		SpreadOver: base,
	}))
	await(t, f.until(func(f *fleet) bool { return f.open == n }), "the last connection")
	took := time.Since(start)
	drawn(t, "moments of the first attempts", f.spread(base, steps))
	step := max(base/steps, minStep)
	herd(t, f.rates(start, step), step, int(base/step), busy.stop())
	f.forget()
	open := measure()
	t.Logf("%d connections open after %v: %.1f goroutines and %.1f KiB of heap for each", n, took.Round(time.Millisecond),
		float64(open.goroutines-before.goroutines)/float64(n), float64(int(open.heap)-int(before.heap))/1024/float64(n))

	busy = watchScheduler()
	died := time.Now()
	server.kill()
	await(t, f.until(func(f *fleet) bool { return f.open == 0 }), "the news that the server is dead")
	known := time.Since(died)
	pauseUntil(died.Add(base / 4))
	back := time.Now()
	if server, err = startServer(server.addr); err != nil {
		t.Fatal(err)
	}
	await(t, f.until(func(f *fleet) bool { return f.open*100 >= n*99 }), "99 % of the connections")
	most := time.Since(back)
	await(t, f.until(func(f *fleet) bool { return f.open == n }), "all connections")
	if st := poolStatus(t, system, pool); st.Open != n || st.Ended != 0 || st.Counters.Connections < uint64(2*n) {
		t.Errorf("the status of the pool is %+v", st)
	}
	t.Logf("the death was known everywhere after %v; it was back after %v; from then on 99 %% were open after %v, all after %v",
		known.Round(time.Millisecond), back.Sub(died).Round(time.Millisecond), most.Round(time.Millisecond), time.Since(back).Round(time.Millisecond))
	late := busy.stop()
	drawn(t, "first delays", f.spread(base, steps))
	herd(t, f.rates(died, step), step, int(base/step), max(late, known))

	busy = watchScheduler()
	answer, err := system.Root.RequestFuture(pool, &messages.Stop{}, manyPatience).Result()
	late = busy.stop()
	stopped, ok := answer.(*messages.Stopped)
	switch {
	case !ok:
		t.Errorf("the pool answers Stop with %+v, %v", answer, err)
	case stopped.Cause != nil && late > step/3: // the server, on the same machine, had CloseTimeout to answer in
		t.Logf("this process was late by %v when it stopped: %v", late.Round(time.Millisecond), stopped.Cause)
	case stopped.Cause != nil:
		t.Error(stopped.Cause)
	}
	await(t, f.until(func(f *fleet) bool { return f.stopped == n }), "the end of all")
	if gaveUp := f.forget(); gaveUp > 0 {
		t.Errorf("%d have given up", gaveUp)
	}
	before.compare(t)
}

func poolStatus(t *testing.T, system *actor.ActorSystem, pool *actor.PID) *messages.PoolStatus {
	t.Helper()
	answer, err := system.Root.RequestFuture(pool, &messages.GetStatus{}, manyPatience).Result()
	if err != nil {
		t.Fatal(err)
	}
	return answer.(*messages.PoolStatus)
}

// drawn fails unless the delays are spread evenly, however busy the machine is.
func drawn(t *testing.T, what string, counts []int) {
	t.Helper()
	sum := 0
	for _, c := range counts {
		sum += c
	}
	peak := float64(slices.Max(counts)) / (float64(sum) / float64(len(counts)))
	t.Logf("%d %s, in %d parts of the window: %v; the peak is %.2f times the mean", sum, what, len(counts), counts, peak)
	if peak > 2 {
		t.Errorf("the delays are not spread: the peak is %.2f times the mean", peak)
	}
}

// herd fails if the attempts come in a rush: RFC 6455 §7.2.3 wants them spread. The window
// is the time in which the first attempts, or the first delays, end. If this process did
// not run for a good part of a step (late), a rush is not the library's doing, and only
// drawn judges.
func herd(t *testing.T, counts []int, step time.Duration, steps int, late time.Duration) {
	t.Helper()
	window := counts[:min(len(counts), steps)]
	sum := 0
	for _, c := range window {
		sum += c
	}
	mean := float64(sum) / float64(steps)
	peak := slices.Max(counts)
	t.Logf("connection attempts per %v: %v; in the window of %v the mean is %.0f/s, the peak of all %.0f/s, %.2f times that",
		step, counts, time.Duration(steps)*step, mean/step.Seconds(), float64(peak)/step.Seconds(), float64(peak)/mean)
	if late > step/3 {
		t.Logf("this process was late by %v: the machine is too busy to judge by the clock", late.Round(time.Millisecond))
	} else if float64(peak) > 2*mean {
		t.Errorf("a herd: the peak is %.2f times the mean", float64(peak)/mean)
	}
}

// await waits for something that has to happen.
func await(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	timer := time.NewTimer(manyPatience)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
		t.Fatalf("%s did not come within %v", what, manyPatience)
	}
}

// schedulerWatch measures whether this process gets to run.
type schedulerWatch struct {
	quit chan struct{}
	most chan time.Duration
}

func watchScheduler() *schedulerWatch {
	const every = 20 * time.Millisecond
	w := &schedulerWatch{make(chan struct{}), make(chan time.Duration)}
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		last, most := time.Now(), time.Duration(0)
		for {
			select {
			case <-tick.C:
				now := time.Now()
				most, last = max(most, now.Sub(last)-every), now
			case <-w.quit:
				w.most <- most
				return
			}
		}
	}()
	return w
}

// stop returns the longest delay of this process.
func (w *schedulerWatch) stop() time.Duration {
	close(w.quit)
	return <-w.most
}

// pauseUntil waits while the server is away.
func pauseUntil(at time.Time) { time.Sleep(time.Until(at)) }

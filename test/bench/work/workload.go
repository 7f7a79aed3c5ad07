// Package work has the workloads of the benchmark. A workload is run in a process
// of its own, with one library, against a server in another process.
package work

import (
	"fmt"
	"time"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/payload"
)

// Unit is what the value of a workload is counted in.
type Unit string

const (
	PerSecond      Unit = "msg/s"
	BytesPerSecond Unit = "GB/s" // of payload
	Handshakes     Unit = "/s"
	BytesEach      Unit = "bytes"
)

// LessIsBetter reports whether a smaller value is the better one.
func (u Unit) LessIsBetter() bool { return u == BytesEach }

// Workload is one line of the tables.
type Workload struct {
	Name  string // for the command line
	Title string
	Unit  Unit
	// Pinned: client and server share one CPU.
	Pinned bool
	// Steady: it gives nearly the same in every round.
	Steady bool
	// Receives: many messages arrive.
	Receives bool
	// Checked: the library has to check text that arrives, if it does that at all.
	Checked bool

	run func(Env, client.Library) (Result, error)
}

// Env says where and how much to run.
type Env struct {
	Addr        string        // of the server, host:port
	Warmup      time.Duration // before what is measured
	Duration    time.Duration // of what is measured
	Connections int           // for the workload "idle"
}

// Result is what one run gave. Message stands for connection in the workloads
// that send none.
type Result struct {
	Value    float64 // in the unit of the workload
	Messages int64
	Elapsed  time.Duration
	// Per message, in the client's process.
	Allocs float64
	Bytes  float64
	CPU    float64 // ns
	// User is how much of CPU was in user mode. The client leaves it to its parent.
	User float64 `json:",omitempty"`
	// RSS is the resident memory for each connection, in bytes; only of "idle".
	RSS float64
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// Workloads are all of them, in the order of the tables.
var Workloads = []Workload{
	{Name: "pingpong-32-pinned", Title: "ping-pong 32 B, one CPU", Unit: PerSecond, Pinned: true, Receives: true, run: echo{client.Latency, 32, 1, 1}.run},
	{Name: "pingpong-1k-pinned", Title: "ping-pong 1 KiB, one CPU", Unit: PerSecond, Pinned: true, Receives: true, run: echo{client.Latency, kib, 1, 1}.run},
	{Name: "pingpong-64k-pinned", Title: "ping-pong 64 KiB, one CPU", Unit: PerSecond, Pinned: true, Receives: true, run: echo{client.Latency, 64 * kib, 1, 1}.run},
	{Name: "pingpong-32", Title: "ping-pong 32 B", Unit: PerSecond, Receives: true, run: echo{client.Latency, 32, 1, 1}.run},
	{Name: "pingpong-1k", Title: "ping-pong 1 KiB", Unit: PerSecond, Receives: true, run: echo{client.Latency, kib, 1, 1}.run},
	{Name: "pingpong-64k", Title: "ping-pong 64 KiB", Unit: PerSecond, Receives: true, run: echo{client.Latency, 64 * kib, 1, 1}.run},
	{Name: "echo-256", Title: "echo, 256 in flight, 128 B", Unit: PerSecond, Receives: true, run: echo{client.Pipelined, 128, 1, 256}.run},
	{Name: "send-128", Title: "send 128 B binary", Unit: PerSecond, run: send{128}.run},
	{Name: "send-64k", Title: "send 64 KiB binary", Unit: BytesPerSecond, run: send{64 * kib}.run},
	{Name: "send-16m", Title: "send 16 MiB binary", Unit: BytesPerSecond, run: send{16 * mib}.run},
	{Name: "receive-128", Title: "receive 128 B text", Unit: PerSecond, Receives: true, run: receive{payload.Text, payload.ASCII, 128}.run},
	{Name: "receive-64k-ascii", Title: "receive 64 KiB ASCII text", Unit: BytesPerSecond, Receives: true, run: receive{payload.Text, payload.ASCII, 64 * kib}.run},
	{Name: "receive-64k-mixed", Title: "receive 64 KiB mixed text", Unit: BytesPerSecond, Checked: true, Receives: true, run: receive{payload.Text, payload.Mixed, 64 * kib}.run},
	{Name: "receive-16m", Title: "receive 16 MiB binary", Unit: BytesPerSecond, Receives: true, run: receive{payload.Binary, payload.ASCII, 16 * mib}.run},
	{Name: "connections-200", Title: "200 connections, ping-pong 128 B", Unit: PerSecond, Receives: true, run: echo{client.Many, 128, 200, 1}.run},
	{Name: "idle", Title: "idle connection, heap + stack", Unit: BytesEach, Steady: true, run: idle},
	{Name: "handshakes", Title: "handshakes, one after the other", Unit: Handshakes, run: handshakes},
}

// Rounds returns how many of n rounds are worth while.
func (w Workload) Rounds(n int) int {
	if w.Steady {
		return (n + 2) / 3
	}
	return n
}

// Has reports whether the workload is worth while with the library.
func (w Workload) Has(lib client.Library) bool { return w.Receives || !lib.OnlyReceives }

// Run runs a workload.
func (w Workload) Run(env Env, lib client.Library) (Result, error) {
	r, err := w.run(env, lib)
	if err != nil {
		return r, fmt.Errorf("%s with %s: %w", w.Name, lib.Name, err)
	}
	return r, nil
}

func (e Env) url(path string) string { return "ws://" + e.Addr + path }

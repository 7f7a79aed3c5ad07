package work

import (
	"runtime"
	"syscall"
	"time"
)

// meter measures what this process uses up.
type meter struct {
	begin time.Time
	cpu   time.Duration
	mem   runtime.MemStats
}

func startMeter() *meter {
	m := &meter{}
	runtime.ReadMemStats(&m.mem)
	m.cpu = cpuTime()
	m.begin = time.Now()
	return m
}

// stop returns the use since the start; the caller sets the value.
func (m *meter) stop(messages int64) Result {
	elapsed := time.Since(m.begin)
	cpu := cpuTime() - m.cpu
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	n := float64(max(messages, 1))
	return Result{
		Messages: messages,
		Elapsed:  elapsed,
		Allocs:   float64(mem.Mallocs-m.mem.Mallocs) / n,
		Bytes:    float64(mem.TotalAlloc-m.mem.TotalAlloc) / n,
		CPU:      float64(cpu) / n,
	}
}

// cpuTime is the time that all threads of this process have run, in user and kernel mode.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rate sets the value to messages per second.
func (r Result) rate() Result {
	r.Value = float64(r.Messages) / r.Elapsed.Seconds()
	return r
}

// sized sets the value in the unit that suits messages of size bytes.
func (r Result) sized(size int) Result {
	r = r.rate()
	if size >= 64*kib {
		r.Value *= float64(size) / 1e9
	}
	return r
}

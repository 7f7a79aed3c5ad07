package chaos_test

// This file is the proxy's part in one connection: it carries the bytes between a client
// and a server, and causes the faults of the plan.

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// duplex is one side of a proxied connection: a TCP connection or a pipe.
type duplex interface {
	net.Conn
	CloseWrite() error
}

// resetConn ends c so that its peer sees a reset.
func resetConn(c net.Conn) {
	switch c := c.(type) {
	case interface{ Reset() error }: // a wstest.PipeConn
		_ = c.Reset()
	case *net.TCPConn:
		_ = c.SetLinger(0)
		_ = c.Close()
	default:
		_ = c.Close()
	}
}

// host is what a link needs of the network it belongs to.
type host interface {
	closeServer(code int)
	killServer(down time.Duration)
}

type link struct {
	unit time.Duration
	plan plan
	host host
	hit  func(f fault) // gets each fault

	flows [2]flow // by direction
	once  sync.Once
	done  chan struct{}
}

// flow is one direction.
type flow struct {
	src, dst duplex
	passed   int64
	faults   []fault // by bytes, still to come

	mu        sync.Mutex
	swallows  bool
	late      time.Duration // until lateUntil, for every read
	lateUntil time.Time
	rate      int // bytes per second until slowUntil
	slowUntil time.Time
	stalled   time.Time // until when
}

func newLink(client, server duplex, p plan, unit time.Duration, where host, hit func(fault)) *link {
	l := &link{unit: unit, plan: p, host: where, hit: hit, done: make(chan struct{})}
	l.flows[toServer].src, l.flows[toServer].dst = client, server
	l.flows[toClient].src, l.flows[toClient].dst = server, client
	for _, f := range p.faults {
		if f.at >= 0 {
			l.flows[f.dir].faults = append(l.flows[f.dir].faults, f)
		}
	}
	return l
}

// run returns when both sides have ended.
func (l *link) run() {
	for _, f := range l.plan.faults {
		if f.at < 0 {
			timer := time.AfterFunc(f.after, func() { l.strike(f) })
			defer timer.Stop()
		}
	}
	var pumps sync.WaitGroup
	for d := range l.flows {
		pumps.Go(func() { l.pump(&l.flows[d]) })
	}
	pumps.Wait()
	l.end(false)
}

// end closes both sides, once.
func (l *link) end(withReset bool) {
	l.once.Do(func() {
		close(l.done)
		for d := range l.flows {
			if withReset {
				resetConn(l.flows[d].src)
			} else {
				_ = l.flows[d].src.Close()
			}
		}
	})
}

func (l *link) pump(w *flow) {
	buf := make([]byte, 16<<10)
	for {
		w.mu.Lock()
		wait := time.Until(w.stalled)
		w.mu.Unlock()
		if wait > 0 && !l.sleep(wait) {
			return
		}
		n, err := w.src.Read(buf)
		if !l.pass(w, buf[:n]) {
			return
		}
		if err != nil {
			l.ended(w, err)
			return
		}
	}
}

// ended passes on how a side has ended its stream.
func (l *link) ended(w *flow, err error) {
	w.mu.Lock()
	swallows := w.swallows
	w.mu.Unlock()
	switch {
	case swallows: // the other side does not notice, but nothing stays for ever
		l.sleep(10 * l.unit)
		l.end(false)
	case errors.Is(err, io.EOF):
		_ = w.dst.CloseWrite()
	default:
		l.end(errors.Is(err, syscall.ECONNRESET))
	}
}

// pass forwards p, up to the faults that it reaches.
func (l *link) pass(w *flow, p []byte) bool {
	for len(w.faults) > 0 && w.faults[0].at < w.passed+int64(len(p)) {
		f := w.faults[0]
		w.faults = w.faults[1:]
		n := max(0, f.at-w.passed)
		if !l.write(w, p[:n]) {
			return false
		}
		w.passed += n
		p = p[n:]
		if f.kind == corrupt {
			p[0] ^= byte(f.amount)
		}
		l.strike(f)
	}
	w.passed += int64(len(p))
	return l.write(w, p)
}

// slowSteps is the number of writes in a throttled second.
const slowSteps = 20

// write returns false when the link has ended.
func (l *link) write(w *flow, p []byte) bool {
	for len(p) > 0 {
		w.mu.Lock()
		swallows, late, rate := w.swallows, w.late, w.rate
		now := time.Now()
		if now.After(w.lateUntil) {
			late = 0
		}
		if now.After(w.slowUntil) {
			rate = 0
		}
		w.mu.Unlock()
		part := p
		if rate > 0 {
			part = p[:min(len(p), max(1, rate/slowSteps))]
			late += time.Second / slowSteps
		}
		if late > 0 && !l.sleep(late) {
			return false
		}
		if !swallows {
			if _, err := w.dst.Write(part); err != nil {
				l.end(errors.Is(err, syscall.ECONNRESET))
				return false
			}
		}
		p = p[len(part):]
	}
	select {
	case <-l.done:
		return false
	default:
		return true
	}
}

// strike causes f.
func (l *link) strike(f fault) {
	select {
	case <-l.done:
		return
	default:
	}
	l.hit(f)
	w := &l.flows[f.dir]
	until := time.Now().Add(f.lasts)
	switch f.kind {
	case delay:
		w.set(func() { w.late, w.lateUntil = f.lasts/10, until })
	case throttle, slowHandshake:
		w.set(func() { w.rate, w.slowUntil = f.amount, until })
	case stall:
		w.set(func() { w.stalled = until })
	case blackhole:
		for d := range l.flows {
			l.flows[d].set(func() { l.flows[d].swallows = true })
		}
	case halfCut:
		w.set(func() { w.swallows = true })
		_ = w.dst.CloseWrite()
	case cut:
		l.end(false)
	case reset:
		l.end(true)
	case serverCloses:
		l.host.closeServer(f.amount)
	case serverDies:
		l.host.killServer(f.lasts)
	}
}

func (w *flow) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// sleep returns false if the link ends first.
func (l *link) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.done:
		return false
	}
}

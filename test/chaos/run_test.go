package chaos_test

// This file runs a schedule: one supervised connection from start to end.

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/handshake"
)

// run is the run of one schedule.
type run struct {
	*report
	schedule *schedule
	network  network
	tls      *tls.Config
	system   *actor.ActorSystem
	exact    bool // time is fake: nothing is late because the machine is slow

	chronicle *chronicle
	echoes    *echoes
	rng       *rand.Rand // of the driver
	figures   *figures
	faults    tally
}

// party is the user of the connection.
type party interface {
	// start begins it; when life ends, so does the connection.
	start(life context.Context) error
	// drive uses the connection in all ways until ctx ends or it has stopped.
	drive(ctx context.Context)
	// resume ends a pause.
	resume()
	// probe sends a message and returns its sender and number.
	probe(ctx context.Context) (sender int, number uint64)
	// end ends the connection in the schedule's way; cancel ends the life.
	end(ctx context.Context, cancel func())
	// audit checks the sums when the connection has stopped.
	audit(ctx context.Context)
}

func newRun(s *schedule, system *actor.ActorSystem, f *figures) *run {
	r := &run{
		report:   &report{start: time.Now()},
		schedule: s,
		system:   system,
		rng:      rand.New(rand.NewPCG(s.seed, 1<<33)),
		figures:  f,
	}
	r.chronicle = newChronicle(r.report, s)
	r.echoes = newEchoes(r.report, s.climate.corrupts, s.outbox.twice())
	return r
}

// adapter returns the adapter for the opening handshake, with its own Gate.
func (r *run) adapter() *handshake.NetAdapter {
	return &handshake.NetAdapter{DialContext: r.network.dial(), TLSConfig: r.tls, Gate: &handshake.Gate{}}
}

// hit records a fault.
func (r *run) hit(f fault) {
	r.note("  fault: %v", f)
	r.faults[f.kind].Add(1)
	r.figures.faults[f.kind].Add(1)
}

// play runs the schedule through a network and returns the violations.
func (r *run) play(n network) string {
	r.network, r.tls = n, n.clientTLS()
	s := r.schedule
	var p party
	if s.user == anActor {
		p = newActorParty(r)
	} else {
		p = newClientParty(r)
	}
	life, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := p.start(life); err != nil {
		r.violation("it did not start: %v", err)
		return r.verdict()
	}
	driven := make(chan struct{})
	driving, stopDriving := context.WithTimeout(context.Background(), s.length)
	defer stopDriving()
	go func() {
		defer close(driven)
		p.drive(driving)
	}()
	if s.storm {
		select {
		case <-r.chronicle.stopped:
		case <-driven:
		case <-time.After(s.length * 3 / 4): // the driver continues while it ends
		}
	} else {
		r.await(driven, "the driver")
		r.recover(p)
	}
	r.chronicle.tell()
	patience, enough := context.WithTimeout(context.Background(), s.patience())
	defer enough()
	p.end(patience, cancel)
	r.await(r.chronicle.stopped, "Stopped")
	stopDriving()
	r.await(driven, "the driver")
	p.audit(patience)
	r.clean()
	r.network.clear(false)
	if n := r.network.left(); n > 0 {
		r.violation("%d connections are not closed", n)
	}
	r.sum()
	return r.verdict()
}

// clean checks the end: it must be clean if the faults were over.
func (r *run) clean() {
	s := r.schedule
	calm := r.exact && !s.storm && !s.keepalive // then all connections from the storm were cut
	graceful := s.ending == byClose || s.ending == byStop || s.ending == byLifetime
	r.chronicle.mu.Lock()
	defer r.chronicle.mu.Unlock()
	if end := r.chronicle.ends[r.chronicle.epoch]; calm && graceful && end != nil && !end.Err.Clean && !r.chronicle.gaveUp {
		r.violation("the end by %v was not clean, although there were no faults: %v", s.ending, end.Err)
	}
}

// recover ends the faults and ensures that the connection comes up again.
func (r *run) recover(p party) {
	r.note("the faults end")
	p.resume()
	r.network.clear(!r.schedule.keepalive) // without Pings nobody notices that a peer is gone
	patience, enough := context.WithTimeout(context.Background(), r.schedule.patience())
	defer enough()
	for patience.Err() == nil {
		once, cancel := context.WithTimeout(patience, 3*r.schedule.unit)
		sender, number := p.probe(once)
		select {
		case <-r.echoes.await(sender, number):
			cancel()
			return
		case <-r.chronicle.stopped:
			cancel()
			return
		case <-once.Done():
		}
		cancel()
	}
	r.violation("the connection did not come back within %v:\n%s", r.schedule.patience(), stacks())
}

// await waits for something that has to happen.
func (r *run) await(c <-chan struct{}, what string) {
	timer := time.NewTimer(r.schedule.patience() + r.schedule.length)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
		r.violation("%s did not come within %v:\n%s", what, r.schedule.patience(), stacks())
	}
}

// slowDown delays some messages, as a slow user does.
func (r *run) slowDown(number int) {
	if r.schedule.slow && number%100 == 0 {
		time.Sleep(r.schedule.unit / 5)
	}
}

func (r *run) sum() {
	f := r.figures
	f.runs.Add(1)
	r.chronicle.mu.Lock()
	f.attempts.Add(int64(r.chronicle.attempts))
	f.opened.Add(int64(r.chronicle.opened))
	if r.chronicle.gaveUp {
		f.gaveUp.Add(1)
	}
	r.chronicle.mu.Unlock()
	r.echoes.mu.Lock()
	f.echos.Add(int64(r.echoes.got))
	f.garbled.Add(int64(r.echoes.garbled))
	r.echoes.mu.Unlock()
}

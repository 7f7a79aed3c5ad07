package supervisor_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/internal/quiet"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// The model test gives a supervisor random orders at random moments, with a server, a
// store and a handler that are played by dice, and checks what must always hold: in its
// fields after every message, and in what its user sees.

// play is one run.
type play struct {
	t      *testing.T
	seed   uint64
	dice   *rand.Rand // of the goroutine of the test
	system *actor.ActorSystem
	user   *actor.PID // gets events and answers
	pid    *actor.PID
	handle *handle.Handle

	mu      sync.Mutex
	random  *rand.Rand // of all other goroutines
	inside  *supervisor.Inside
	events  []any
	answers map[uint64]int // to commands with this Ref
	owed    map[uint64]any
	epoch   uint64
	rests   string // the order after which there is to be no attempt
	dies    bool   // the user's actor has terminated
	late    int    // orders behind the end that are still to come
	asked   int    // Stops with a sender
	stopped int    // answers to them
	dead    int    // dead letters
	servers []*wstest.PipeConn
	log     []string
}

func (p *play) logf(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf("%8v ", time.Since(epoch2000()).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// epoch2000 is when the clock of every bubble begins.
func epoch2000() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func (p *play) failf(format string, args ...any) {
	p.t.Errorf("seed %d: %s", p.seed, fmt.Sprintf(format, args...))
}

// chance is true once in n times, on any goroutine.
func (p *play) chance(n int) bool { return p.intN(n) == 0 }

func (p *play) intN(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.IntN(n)
}

// Posted implements actors.Observer.
func (p *play) Posted(actors.Role, uint64, any, *actor.PID) {}

// Handled implements actors.Observer. It is called on the goroutine that has handled the message.
func (p *play) Handled(by actors.Role, _ uint64, message any) {
	if by == actors.RoleSupervisor {
		p.check(message)
	}
}

// check is what must hold between two messages of the supervisor.
func (p *play) check(message any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logf("%T: %v", message, p.inside)
	switch m := message.(type) {
	case *messages.Pause:
		p.rest("Pause")
	case *messages.Stop:
		if m.Flush == 0 {
			p.rest("Stop")
		}
	case *handle.AbortCall:
		p.rest("Abort")
	case *messages.Close:
		if m.Code == wire.StatusNormal {
			p.rest("Close")
		}
	case *messages.Resume, *messages.Reconnect:
		p.goOn()
	default:
		if fmt.Sprintf("%T", m) == "*supervisor.due" {
			p.goOn()
		}
	}
	if epoch := p.inside.Epoch(); epoch > p.epoch {
		if p.rests != "" {
			p.failf("attempt %d after %s", epoch, p.rests)
		}
		p.epoch = epoch
	}
	for _, what := range p.inside.Violations() {
		p.failf("%s: after %T: %v", what, message, p.inside)
	}
}

// rest notes an order after which there is to be no attempt.
func (p *play) rest(order string) {
	if p.rests == "" || p.rests == "Pause" {
		p.rests = order
	}
}

// goOn notes an order that ends a pause.
func (p *play) goOn() {
	if p.rests == "Pause" {
		p.rests = ""
	}
}

// Handshake implements handshake.Handshaker.
func (p *play) Handshake(ctx context.Context, _ *handshake.Request) (*handshake.Result, error) {
	if !p.chance(3) {
		select {
		case <-time.After(time.Duration(p.intN(3000)) * time.Millisecond):
		case <-ctx.Done():
			if !p.chance(4) { // else it comes too late
				return nil, &handshake.Error{Stage: handshake.StageDial, Err: ctx.Err()}
			}
		}
	}
	switch n := p.intN(100); {
	case n < 30:
		return nil, &handshake.Error{Stage: handshake.StageHTTP, Status: 503, Err: errors.New("refused")}
	case n < 32:
		return nil, &handshake.Error{Stage: handshake.StageHTTP, Status: 404, Err: errors.New("refused")}
	case n < 34:
		runtime.Goexit()
	case n < 36:
		return nil, nil
	}
	client, server := wstest.Pipe(0)
	p.mu.Lock()
	p.servers = append(p.servers, server)
	p.mu.Unlock()
	go p.serve(server)
	return &handshake.Result{Stream: client}, nil
}

// serve is a server, good or bad.
func (p *play) serve(conn *wstest.PipeConn) {
	switch p.intN(4) {
	case 0: // it goes away
		time.AfterFunc(time.Duration(p.intN(20_000))*time.Millisecond, func() { conn.Close() })
	case 1: // it says that it goes away
		code := []wire.StatusCode{1000, 1001, 1011, 1013}[p.intN(4)]
		time.AfterFunc(time.Duration(p.intN(20_000))*time.Millisecond, func() {
			conn.Write(wire.AppendServerFrame(nil, true, 0, wire.OpClose, []byte{byte(code >> 8), byte(code)}))
		})
	}
	mute := p.chance(6) // answers no Close
	if !p.chance(3) {   // so that the connection was alive
		conn.Write(wire.AppendServerFrame(nil, true, 0, wire.OpText, []byte("hello")))
	}
	rec := wire.NewReceiver(wire.ReceiverConfig{Role: wire.Server})
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		items, _ := rec.Receive(nil, buf[:n])
		for i := range items {
			switch items[i].Opcode {
			case wire.OpText:
				if string(items[i].Payload) == "acknowledge" {
					conn.Write(wire.AppendServerFrame(nil, true, 0, wire.OpText, []byte("ack")))
				}
			case wire.OpPing:
				conn.Write(wire.AppendServerFrame(nil, true, 0, wire.OpPong, items[i].Payload))
			case wire.OpClose:
				if !mute {
					time.Sleep(time.Duration(p.intN(100)) * time.Millisecond)
					conn.Write(wire.AppendServerFrame(nil, true, 0, wire.OpClose, items[i].Payload))
					conn.Close()
					return
				}
			}
		}
		if err != nil {
			conn.Close()
			return
		}
	}
}

// receive is the user's actor.
func (p *play) receive(ctx actor.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m := ctx.Message().(type) {
	case actor.SystemMessage, actor.AutoReceiveMessage:
	case *messages.Sent:
		p.answers[m.Ref]++
	case *messages.SendFailed:
		p.answers[m.Ref]++
	case *messages.Stopped:
		p.stopped++
	case *actor.DeadLetterResponse: // the supervisor was gone already
		p.dead++
	}
}

// Batch and Event implement family.Sink.
func (p *play) Batch(b *family.Batch) {
	for {
		if _, _, more := b.Next(); !more {
			b.Release()
			return
		}
		if p.chance(40) {
			panic("the handler fails") // it may get the rest of b
		}
	}
}

func (p *play) Event(event any) {
	p.saw(event)
	if _, last := event.(*messages.Stopped); !last && p.chance(60) {
		panic("the handler fails")
	}
}

func (p *play) saw(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logf("event %T %+v", event, event)
	p.events = append(p.events, event)
}

// targetDies notes that no event comes from now on.
func (p *play) targetDies() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dies = true
}

func (*play) Ignores(any) bool { return false }

// Append, Ack and Replay implement outbox.Store, which is slow.
func (p *play) Append([]outbox.StoredMessage) error { return p.store() }
func (p *play) Ack([]uint64) error                  { return p.store() }
func (p *play) Replay(func(outbox.StoredMessage) error) error {
	return p.store()
}

func (p *play) store() error {
	time.Sleep(time.Duration(p.intN(1000)) * time.Millisecond)
	if p.chance(10) {
		return errors.New("disk is full")
	}
	return nil
}

func (p *play) config() supervisor.Config {
	cfg := supervisor.Config{
		URL:            "ws://server.test/",
		Handshaker:     p,
		ConnectTimeout: 10 * time.Second,
		CloseTimeout:   time.Second,
		Observer:       p,
		Retry: retry.Policy{
			Backoff:    retry.Exponential{Base: time.Second, Max: 4 * time.Second, Float64: func() float64 { return float64(p.intN(1000)) / 1000 }}.New,
			ResetAfter: 3 * time.Second,
		},
		OnPanic: []supervisor.PanicPolicy{supervisor.FailOnPanic, supervisor.ContinueOnPanic}[p.dice.IntN(2)],
	}
	if p.dice.IntN(3) == 0 {
		cfg.Retry.Verdicts = retry.Verdicts{retry.CauseHandler: {Action: retry.Retry}}
	}
	if p.dice.IntN(4) == 0 {
		cfg.StartDelay = time.Duration(p.dice.IntN(5000)) * time.Millisecond
	}
	if p.dice.IntN(3) > 0 {
		box := &outbox.Config{Messages: 10, Full: outbox.FullPolicy(p.dice.IntN(4))}
		if p.dice.IntN(2) == 0 {
			box.Store = p
		}
		if p.dice.IntN(2) == 0 {
			box.Acked = func(_ messages.Kind, data []byte) (outbox.Ack, bool) {
				return outbox.Ack{ID: "a", Through: true}, string(data) == "ack"
			}
		}
		cfg.Outbox = box
	}
	return cfg
}

// order gives the supervisor one order.
func (p *play) order(ref uint64) {
	var command any
	owed := true
	switch n := p.dice.IntN(100); {
	case n < 40:
		command = &messages.SendText{Text: "acknowledge", Ref: ref, Delivery: messages.Delivery{ID: "a"}}
	case n < 45:
		command = &messages.SendFragment{Data: []byte("x"), Final: true, Ref: ref}
	case n < 50:
		command = &messages.Ping{Ref: ref}
	case n < 65:
		command, owed = &messages.Pause{}, false
	case n < 76:
		command, owed = &messages.Resume{}, false
	case n < 87:
		command, owed = &messages.Reconnect{}, false
	case n < 92:
		command, owed = &handle.Later{Delay: time.Duration(p.dice.IntN(3000)) * time.Millisecond, Command: []any{&messages.Reconnect{}, &messages.Resume{}}[p.dice.IntN(2)]}, false
	case n < 94:
		command = &messages.Close{Code: wire.StatusNormal, Ref: ref}
	case n < 96:
		command = &messages.Close{Code: wire.StatusNoStatus, Ref: ref} // which cannot be sent
	case n < 98:
		command, owed = &messages.Stop{Flush: time.Duration(p.dice.IntN(20_000)) * time.Millisecond}, false
		p.asked++
	case n < 99:
		command, owed = &handle.AbortCall{Cause: errors.New("aborted")}, false
		p.asked++
	default:
		command, owed = &messages.FailConnection{Code: wire.StatusPolicyViolation}, false
	}
	p.mu.Lock()
	p.logf("order %T %+v", command, command)
	if owed {
		p.owed[ref] = command
	}
	p.mu.Unlock()
	p.system.Root.RequestWithCustomSender(p.pid, command, p.user)
}

func (p *play) run() {
	p.system = quiet.System()
	p.user = p.system.Root.Spawn(actor.PropsFromFunc(p.receive))
	p.handle = handle.New()
	cfg := p.config()
	if p.dice.IntN(3) > 0 {
		p.handle.Sink = p
	} else {
		cfg.Target = p.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
			switch event := ctx.Message().(type) {
			case actor.SystemMessage, actor.AutoReceiveMessage:
			default:
				p.saw(event)
				if p.chance(200) {
					p.targetDies()
					ctx.Stop(ctx.Self())
				}
			}
		}))
		defer p.system.Root.Stop(cfg.Target)
	}
	p.handle.Once = p.dice.IntN(10) == 0
	p.handle.Paused = p.dice.IntN(10) == 0
	p.inside = &supervisor.Inside{}
	p.pid = p.system.Root.Spawn(p.inside.Props(cfg).Configure(p.handle.Option()))
	for ref := range uint64(20 + p.dice.IntN(60)) {
		if p.dice.IntN(3) > 0 {
			time.Sleep(time.Duration(p.dice.IntN(3000)) * time.Millisecond)
			synctest.Wait()
		}
		select {
		case <-p.handle.Done():
			p.late--
		default:
		}
		if p.late < 0 {
			break
		}
		p.order(ref + 1)
	}
	// It ends, whatever has happened.
	p.system.Root.Send(p.pid, &messages.Stop{})
	start := time.Now()
	<-p.handle.Done()
	if took := time.Since(start); took > 20*time.Second { // CloseTimeout twice, a store that is slow
		p.failf("Stop took %v", took)
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	p.end()
}

// end checks what the user has seen.
func (p *play) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	missing := 0
	for ref, command := range p.owed {
		switch n := p.answers[ref]; {
		case n > 1:
			p.failf("command %d (%T) has got %d answers", ref, command, n)
		case n == 0:
			missing++
		}
	}
	if missing += p.asked - p.stopped; missing > p.dead || p.stopped > p.asked {
		p.failf("%d commands have got no answer, %d of %d Stops; %d dead letters", missing, p.asked-p.stopped, p.asked, p.dead)
	}
	stopped := 0
	for i, event := range p.events {
		if _, ok := event.(*messages.Stopped); ok {
			stopped++
			if i != len(p.events)-1 {
				p.failf("%T follows Stopped", p.events[i+1])
			}
		}
	}
	if stopped != 1 && !p.dies {
		p.failf("%d events Stopped", stopped)
	}
	for _, server := range p.servers {
		if _, err := server.Write([]byte{0}); err == nil {
			p.failf("a connection was left open")
		}
	}
	p.system.Root.Stop(p.user)
}

var (
	modelSeed = flag.Uint64("model.seed", 0, "the one run of the model test that is to be made")
	modelRuns = flag.Uint64("model.runs", 30, "how many runs the model test makes")
)

func TestModel(t *testing.T) {
	first, runs := rand.Uint64()>>16, *modelRuns
	if *modelSeed != 0 {
		first, runs = *modelSeed, 1
	}
	for i := range runs {
		seed := first + i
		synctest.Test(t, func(t *testing.T) {
			p := &play{t: t, seed: seed, dice: rand.New(rand.NewPCG(seed, 1)), random: rand.New(rand.NewPCG(seed, 2)),
				answers: map[uint64]int{}, owed: map[uint64]any{}, late: 3}
			p.run()
			time.Sleep(2 * time.Second)
			if t.Failed() {
				for _, line := range p.log {
					t.Log(line)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
}

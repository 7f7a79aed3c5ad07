package chaos_test

// This file is the user who uses a connection from an actor.

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/wire"
)

// actorParty is an actor that gets the events, and a driver that sends on its behalf.
type actorParty struct {
	*run
	ledger *ledger
	self   *actor.PID
	pid    *actor.PID // of the supervisor

	handled     int // by the actor
	stream      uint64
	deadLetters atomic.Int64
}

func newActorParty(r *run) *actorParty { return &actorParty{run: r, ledger: newLedger(r.report)} }

func (p *actorParty) start(life context.Context) error {
	s := p.schedule
	p.self = p.system.Root.Spawn(actor.PropsFromFunc(p.receive))
	set := s.settings()
	p.pid = p.system.Root.Spawn(supervisor.Props(supervisor.Config{
		URL:            p.network.url(),
		Handshaker:     &handshake.Client{Adapter: p.adapter()},
		ConnectTimeout: s.connectTimeout(),
		Lifetime:       life,
		MaxMessage:     set.MaxMessage,
		ReceiveWindow:  set.ReceiveWindow,
		QueueMessages:  set.QueueMessages,
		QueueBytes:     set.QueueBytes,
		CloseTimeout:   set.CloseTimeout,
		PingInterval:   set.PingInterval,
		PongTimeout:    set.PongTimeout,
		PingMisses:     set.PingMisses,
		Target:         p.self,
		Retry:          s.policy(),
		Outbox:         s.outboxConfig(),
	}))
	return nil
}

// receive is the user's actor.
func (p *actorParty) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.Sent:
		p.ledger.answer(m.Ref, m.Epoch, nil)
	case *messages.SendFailed:
		p.ledger.answer(m.Ref, m.Epoch, m.Err)
		if errors.Is(m.Err, messages.ErrQueueFull) && p.ledger.continues(m.Ref) {
			// The message can no longer be finished: nothing gets past it.
			p.reconnect()
		}
	case *messages.Status:
		p.ledger.told()
		if m.State < messages.StateConnecting || m.State > messages.StateStopped {
			p.violation("a status with the state %d", m.State)
		}
	case *messages.TextReceived:
		p.chronicle.see(m)
		p.echo(m.Epoch, messages.KindText, m.Text)
	case *messages.BinaryReceived:
		p.chronicle.see(m)
		p.echo(m.Epoch, messages.KindBinary, string(m.Data))
	case *actor.DeadLetterResponse:
		p.deadLetters.Add(1)
		p.ledger.told()
	case actor.AutoReceiveMessage, actor.SystemMessage, *actor.Touch:
	default:
		p.chronicle.see(m)
	}
}

func (p *actorParty) echo(epoch uint64, kind messages.Kind, data string) {
	p.handled++
	p.slowDown(p.handled)
	p.echoes.come(epoch, kind, data)
}

func (p *actorParty) request(m any) { p.system.Root.RequestWithCustomSender(p.pid, m, p.self) }

// send sends a message in one frame and returns its number.
func (p *actorParty) send() uint64 {
	ref := p.ledger.book(0, false)
	data := payload(1, ref, size(p.rng))
	if kindOf(ref) == messages.KindText {
		p.request(&messages.SendText{Ref: ref, Text: data, Delivery: p.schedule.delivery(ref)})
	} else {
		p.request(&messages.SendBinary{Ref: ref, Data: []byte(data), Delivery: p.schedule.delivery(ref)})
	}
	return ref
}

// fragmented sends a message in two frames, perhaps with another one in between, which
// must wait.
func (p *actorParty) fragmented(ctx context.Context) {
	p.stream++
	ref := p.ledger.book(0, false)
	data := []byte(payload(1, ref, size(p.rng)))
	cut := p.rng.IntN(len(data))
	f := messages.SendFragment{Ref: ref, Stream: p.stream, Kind: kindOf(ref), First: true, Data: data[:cut]}
	p.request(&f)
	if p.rng.IntN(2) == 0 {
		pause(ctx, span(p.rng, p.schedule.unit/10))
		p.send()
	}
	last := messages.SendFragment{Ref: p.ledger.book(ref, false), Stream: p.stream, Final: true, Data: data[cut:]}
	p.request(&last)
}

func (p *actorParty) reconnect() {
	p.chronicle.ask()
	p.system.Root.Send(p.pid, &messages.Reconnect{})
}

func (p *actorParty) drive(ctx context.Context) {
	for ctx.Err() == nil && !p.chronicle.isStopped() {
		switch x := p.rng.IntN(100); {
		case x < 75:
			for range 1 + p.rng.IntN(10) {
				p.send()
			}
		case x < 85 && p.schedule.outbox == noOutbox: // fragments bypass the outbox, and so are out of order
			p.fragmented(ctx)
		case x < 92:
			p.request(&messages.Ping{Ref: p.ledger.book(0, true), Data: []byte("chaos")})
		case x < 94:
			p.request(&messages.Pong{Ref: p.ledger.book(0, true)})
		case x < 98:
			p.ledger.ask()
			p.request(&messages.GetStatus{})
		case x < 99 && p.schedule.reconnects:
			p.reconnect()
		case p.schedule.pauses:
			p.chronicle.pause()
			p.system.Root.Send(p.pid, &messages.Pause{})
			pause(ctx, span(p.rng, p.schedule.unit))
			p.resume()
		}
		pause(ctx, span(p.rng, p.schedule.unit/5))
	}
}

func (p *actorParty) resume() {
	p.chronicle.ask()
	p.system.Root.Send(p.pid, &messages.Resume{})
}

func (p *actorParty) probe(context.Context) (int, uint64) { return 1, p.send() }

func (p *actorParty) end(ctx context.Context, cancel func()) {
	root := p.system.Root
	switch p.schedule.ending {
	case byClose:
		p.request(&messages.Close{Ref: p.ledger.book(0, true), Code: wire.StatusNormal, Reason: "chaos ends"})
	case byStop:
		answer, err := root.RequestFuture(p.pid, &messages.Stop{Flush: p.flush()}, p.schedule.patience()).Result()
		if _, ok := answer.(*messages.Stopped); !ok && !errors.Is(err, actor.ErrDeadLetter) {
			p.violation("Stop was answered with %T, %v", answer, err)
		}
	case byLifetime:
		cancel()
	case byAbort:
		root.Send(p.pid, &messages.FailConnection{Cause: errors.New("chaos ends")})
		root.Send(p.pid, &messages.Stop{})
	case byKill:
		// A kill overtakes the messages in the mailbox: they count as not sent.
		_, _ = root.RequestFuture(p.pid, &messages.GetStatus{}, p.schedule.patience()).Result()
		root.Stop(p.pid)
	}
}

// flush is how long the supervisor may go on to empty its outbox. Nothing disturbs it
// during that time, so it must succeed.
func (p *actorParty) flush() time.Duration {
	s := p.schedule
	if s.outbox.twice() && p.exact && !s.storm && !s.climate.corrupts {
		return s.patience() / 2
	}
	return 0
}

func (p *actorParty) audit(ctx context.Context) {
	patience := p.schedule.patience()
	killed := p.schedule.ending == byKill && p.schedule.storm
	if killed {
		patience = p.schedule.unit
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.ledger.settle():
	case <-timer.C:
		if !killed { // messages to an actor that is being killed are lost
			p.violation("%s", p.ledger.lost())
		}
	}
	_ = p.system.Root.StopFuture(p.self).Wait() // waits, so that the actor handles messages that came twice
	if p.schedule.outbox.twice() {
		p.ledger.auditResent(p.echoes, p.schedule.outbox == acked)
	} else {
		p.ledger.audit(p.echoes, p.chronicle.ends, p.faults[serverCloses].Load() > 0)
	}
	if gone := p.ledger.gone(); p.flush() > 0 && !p.chronicle.gaveUp && len(gone) > 0 {
		p.violation("the outbox was flushed, but %d messages were not sent, the first: %v", len(gone), gone[0])
	}
	ok, failed := p.ledger.figures()
	p.figures.sent.Add(int64(ok))
	p.figures.failed.Add(int64(failed))
	p.figures.deadLetters.Add(p.deadLetters.Load())
}

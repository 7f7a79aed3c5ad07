package pool

// This file is how commands get from a pool to its members.

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
)

// toNext gives a command to the next member, or answers that there is none.
func (p *pool) toNext(ctx actor.Context, command any) {
	var (
		ref uint64
		err error
	)
	switch c := command.(type) {
	case *messages.SendText:
		ref = c.Ref
	case *messages.SendBinary:
		ref = c.Ref
	case *messages.Ping:
		ref = c.Ref
	case *messages.Pong:
		ref = c.Ref
	case *messages.SendFragment: // all of a message belong on one connection
		ref, err = c.Ref, messages.ErrNotForPool
	case *messages.Close:
		ref, err = c.Ref, fmt.Errorf("%w; use Stop, or ToAll", messages.ErrNotForPool)
	case *family.PingCall:
		c.Err <- messages.ErrNotForPool
		return
	}
	var m *member
	if err == nil {
		if m = p.pick(); m == nil {
			err = p.noneLives()
		}
	}
	if err != nil {
		p.respond(ctx, &messages.SendFailed{Ref: ref, Err: err})
		return
	}
	ctx.RequestWithCustomSender(m.pid, command, ctx.Sender())
}

// noneLives is the error for a command that finds no member.
func (p *pool) noneLives() error {
	return fmt.Errorf("%w: none of %d is alive", messages.ErrNoMember, p.size)
}

// pick returns the next member that is open. If none is, it returns the next living one, whose
// outbox may hold the message; nil if there is none either.
func (p *pool) pick() *member {
	var living *member
	for range p.members {
		p.next %= len(p.members)
		m := p.members[p.next]
		p.next++
		switch {
		case m.pid == nil:
		case m.view.Open():
			return m
		case living == nil:
			living = m
		}
	}
	if living != nil {
		p.next = living.index + 1
	}
	return living
}

// toAll gives a command to every member.
func (p *pool) toAll(ctx actor.Context, msg *messages.ToAll) {
	switch msg.Command.(type) {
	case *messages.SendText, *messages.SendBinary, *messages.Ping, *messages.Pong, *messages.Close:
	default:
		p.respond(ctx, &messages.ToAllDone{Err: fmt.Errorf("%w: %T", messages.ErrNotForPool, msg.Command)})
		return
	}
	n := 0
	p.each(func(*member) { n++ })
	if n == 0 {
		p.respond(ctx, &messages.ToAllDone{Err: p.noneLives()})
		return
	}
	var answers *actor.PID
	if from := ctx.Sender(); from != nil {
		// Not a child: a pool that stops would stop it before the last answers.
		answers = p.system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return &tally{due: n, asked: from} }))
	}
	p.each(func(m *member) { ctx.RequestWithCustomSender(m.pid, msg.Command, answers) })
}

// tally counts the answers to one ToAll. Each member gives one; for a member that has ended, a
// dead letter does.
type tally struct {
	messages.ToAllDone
	due   int
	asked *actor.PID
}

func (t *tally) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *messages.Sent:
		t.Sent++
	case *messages.SendFailed:
		t.failed(msg.Err)
	case *actor.DeadLetterResponse:
		t.failed(messages.ErrStopped)
	default:
		return
	}
	if t.due--; t.due == 0 {
		ctx.Send(t.asked, &t.ToAllDone)
		ctx.Stop(ctx.Self())
	}
}

func (t *tally) failed(err error) {
	t.Failed++
	if t.Err == nil {
		t.Err = err
	}
}

package mailbox

// This file spawns actors that share their Props.

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// Spawn spawns a with the mailbox m as a child of parent. Props made for one actor would be,
// for each actor, a twentieth of the memory of an idle connection; here many actors share
// them (BenchmarkFamily). So a cannot be restarted: its parent has to stop it when it has
// failed.
func (m *Mailbox) Spawn(parent actor.SpawnerContext, a actor.Actor) *actor.PID {
	s := seats.Get().(*seat)
	s.actor, s.mailbox = a, m
	pid := parent.Spawn(s.props)
	s.actor, s.mailbox = nil, nil
	seats.Put(s)
	return pid
}

// seat holds Props for one actor after the other. An actor keeps its Props, but asks them for
// the actor and the mailbox only while it is spawned.
type seat struct {
	props   *actor.Props
	actor   actor.Actor
	mailbox *Mailbox
}

var seats = sync.Pool{New: func() any {
	s := &seat{}
	s.props = actor.PropsFromProducer(func() actor.Actor { return s.actor },
		actor.WithMailbox(func() actor.Mailbox { return s.mailbox }))
	return s
}}

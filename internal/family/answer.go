package family

// This file tells senders what became of their messages.

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/protocol"
)

// tell sends message to an actor outside the family.
func (c *Conn) tell(pid *actor.PID, message any) { c.System.Root.Send(pid, message) }

// Settler is told what became of a message; err is nil if it was written. Settled is called
// once, on any goroutine, and must not block.
type Settler interface {
	Settled(epoch, ref uint64, err error)
}

// ReplyTo returns the Reply to an actor, which gets *messages.Sent or *messages.SendFailed. If
// pid is nil nobody is told.
func ReplyTo(pid *actor.PID, ref uint64) protocol.Reply {
	if pid == nil {
		return protocol.Reply{Ref: ref}
	}
	return protocol.Reply{To: pid, Ref: ref}
}

// reply tells an outcome to the one who asked for it.
func (c *Conn) reply(o protocol.Outcome) { Answer(c.System.Root, c.Epoch, o.Reply, o.Err) }

// Answer tells an actor, a Settler or a waiting goroutine what became of a send; err is nil if
// it was sent. A channel needs room for one value.
func Answer(root *actor.RootContext, epoch uint64, reply protocol.Reply, err error) {
	switch to := reply.To.(type) {
	case chan<- error:
		to <- err
	case *actor.PID:
		if err == nil {
			root.Send(to, sent(epoch, reply.Ref))
		} else {
			root.Send(to, sendFailed(epoch, reply.Ref, err))
		}
	case Settler:
		to.Settled(epoch, reply.Ref, err)
	}
}

package family

// This file tells senders what became of their messages.

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

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

// Answer tells an actor, a Settler or a waiting goroutine what became of a send; err is nil if
// it was sent. A channel needs room for one value.
func Answer(root *actor.RootContext, epoch uint64, reply protocol.Reply, err error) {
	switch to := reply.To.(type) {
	case chan<- error:
		to <- err
	case *actor.PID:
		if err == nil {
			root.Send(to, &messages.Sent{Epoch: epoch, Ref: reply.Ref})
		} else {
			root.Send(to, &messages.SendFailed{Epoch: epoch, Ref: reply.Ref, Err: err})
		}
	case Settler:
		to.Settled(epoch, reply.Ref, err)
	}
}

package actors

// This file shows the messages of an actor to an Observer.

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/mailbox"
)

// Observed returns an observer that shows the messages of one actor to o; nil if o is nil.
func Observed(o Observer, role Role, epoch uint64) mailbox.Observer {
	if o == nil {
		return nil
	}
	return &observed{o, role, epoch}
}

type observed struct {
	to    Observer
	role  Role
	epoch uint64
}

func (o *observed) Posted(message any, sender *actor.PID) {
	o.to.Posted(o.role, o.epoch, message, sender)
}
func (o *observed) Handled(message any) { o.to.Handled(o.role, o.epoch, message) }

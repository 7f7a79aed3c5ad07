package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/protocol"
)

// Role names an actor of the library.
type Role uint8

const (
	RoleSupervisor Role = iota + 1
	RoleReader
	RoleProtocol
	RoleWriter
	RoleCallback
	RolePool
)

var roleNames = [...]string{"unknown", "supervisor", "reader", "protocol", "writer", "callback", "pool"}

// String returns the name in lower case.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return roleNames[0]
}

// Observer sees every message that an actor of the library gets, system messages
// included, but for the actor that counts the answers to a messages.ToAll. It is put in
// when the actors are spawned; where there is none, nothing is paid for it.
//
// Both methods are called on the goroutine that sends or handles the message and
// so have to be quick and safe for concurrent use. A message must not be changed
// nor kept: what it refers to may be reused after Handled. They must not panic.
type Observer interface {
	// Posted: message was put into the mailbox of the actor. An envelope was
	// taken off; sender is nil if there is none.
	Posted(to Role, epoch uint64, message any, sender *actor.PID)
	// Handled: the actor has handled message.
	Handled(by Role, epoch uint64, message any)
}

// Observed returns what shows the messages of one actor to o; nil if o is nil.
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

// tell sends message to an actor outside of the family.
func (c *Conn) tell(pid *actor.PID, message any) { c.System.Root.Send(pid, message) }

// Settler is told what became of a message: err is nil if it was written. It is
// called once, on any goroutine, and must not block.
type Settler interface {
	Settled(epoch, ref uint64, err error)
}

// ReplyTo is the Reply to an actor, which gets *messages.Sent or *messages.SendFailed.
// Nobody is told if pid is nil.
func ReplyTo(pid *actor.PID, ref uint64) protocol.Reply {
	if pid == nil {
		return protocol.Reply{Ref: ref}
	}
	return protocol.Reply{To: pid, Ref: ref}
}

// reply reports an outcome to where it was asked for.
func (c *Conn) reply(o protocol.Outcome) { Answer(c.System.Root, c.Epoch, o.Reply, o.Err) }

// Answer reports what became of a send to an actor, a Settler or a waiting goroutine;
// err is nil if it was sent. A channel needs room for one value.
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

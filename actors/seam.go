package actors

import (
	"github.com/asynkron/protoactor-go/actor"
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

// post sends message to the actor behind m, from any goroutine. Within the family
// messages do not go by PID: the way through its process costs as much as the rest
// when many connections are busy and none of it is in the cache (workload
// connections-200 of test/bench).
func (m *mailbox) post(message any) { m.PostUserMessage(message) }

// tell sends message to an actor outside of the family.
func (c *Conn) tell(pid *actor.PID, message any) { c.System.Root.Send(pid, message) }

// reply reports an outcome to where it was asked for.
func (c *Conn) reply(o outcome) { Answer(c.System.Root, c.Epoch, o.reply, o.err) }

// Answer reports what became of a send; err is nil if it was sent.
func Answer(root *actor.RootContext, epoch uint64, reply Reply, err error) {
	o := outcome{reply, err}
	if o.reply.Owner != nil {
		o.reply.Owner.Settled(epoch, o.reply.Ref, o.err)
		return
	}
	if o.reply.Done != nil {
		o.reply.Done <- o.err
	}
	if o.reply.PID == nil {
		return
	}
	if o.err == nil {
		root.Send(o.reply.PID, sent(epoch, o.reply.Ref))
	} else {
		root.Send(o.reply.PID, sendFailed(epoch, o.reply.Ref, o.err))
	}
}

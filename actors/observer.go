package actors

import "github.com/asynkron/protoactor-go/actor"

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

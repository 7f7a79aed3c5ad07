package actors

// This file is the interface through which others watch the actors.

import "github.com/asynkron/protoactor-go/actor"

// Observer sees every message that an actor of the library gets, system messages included.
// (The one exception is the actor that counts the answers to a messages.ToAll.) It is
// installed when the actors are spawned; without one, it costs nothing.
//
// Both methods are called on the goroutine that sends or handles the message. They must be
// quick and safe for concurrent use, and must not panic. A message must not be changed or
// kept: what it refers to may be reused after Handled.
type Observer interface {
	// Posted is called when message was put into the mailbox of the actor, without its
	// envelope. sender is nil if there is none.
	Posted(to Role, epoch uint64, message any, sender *actor.PID)
	// Handled is called when the actor has handled message.
	Handled(by Role, epoch uint64, message any)
}

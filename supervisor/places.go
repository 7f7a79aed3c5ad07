package supervisor

// This file says where a supervisor handles its messages.

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/mailbox"
)

// place says on which goroutine a supervisor handles a message that finds it idle.
// actors/places.go has the table for the actors of a connection.
//
//	dialed           sender       it is the goroutine of the attempt, which has nothing else to do, or
//	                              that of Dial, which waits for it anyway: handshakes
//	system messages  sender, one  they only compute, and this saves a goroutine at the end: handshakes
//	else             lane         the commands of an actor come in rows: send-128, dandelion-actor
func place(message any) mailbox.Place {
	switch message.(type) {
	case *dialed:
		return mailbox.OnSender
	case actor.SystemMessage:
		return mailbox.OneOnSender
	}
	return mailbox.OnLane
}

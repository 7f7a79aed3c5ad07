package supervisor

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/mailbox"
)

// place says on which goroutine a supervisor handles what finds it idle. The table in
// internal/family/places.go says the same of the actors of a connection.
//
//	dialed           sender       it is the goroutine of the attempt, which has nothing else to do, or
//	                              that of Dial, which waits for it anyway: handshakes
//	system messages  sender, one  they compute only, and it saves a goroutine at the end: handshakes
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

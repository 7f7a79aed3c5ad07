package family

// This file is the messages that a connection exchanges with its supervisor and with code
// without actors, besides the commands and events of package messages. Package actors shows
// who sends them to whom.

import (
	"fmt"
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// PingCall is a Ping from code without actors.
type PingCall struct {
	// Data is what the Ping carries. With RTT the protocol chooses it.
	Data []byte
	// RTT gets the round-trip time when the Pong has come; it needs room for one value. Nil
	// means that nobody waits for it.
	RTT chan time.Duration
	// Err gets one value, for which it needs room: the error if the Ping is
	// refused; else, with RTT, the error if the connection ends before the Pong;
	// else nil as soon as the Ping is accepted.
	Err chan error
}

// Ended is the last message of a connection to its owner.
type Ended struct {
	Epoch uint64
	Err   *messages.CloseError
	// Alive is set if a message or a Pong was received: there was a working server.
	Alive bool
}

// CallbackFailed tells the supervisor that the user's handler has panicked or the user's actor
// has terminated.
type CallbackFailed struct{ Event *messages.HandlerFailed }

// Finish tells the callback that no event follows.
type Finish struct{}

// CallbackDone answers Finish when every event was handled.
type CallbackDone struct{}

// Describe says how the connection has ended.
func (e *Ended) Describe() string {
	return fmt.Sprintf("Ended code %d clean %v", e.Err.Code, e.Err.Clean)
}

// Messages that come late need no log entry: the actor is gone because its connection has
// ended.

func (*Ended) IgnoreDeadLetterLogging()    {}
func (*PingCall) IgnoreDeadLetterLogging() {}

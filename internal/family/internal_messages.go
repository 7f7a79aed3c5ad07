package family

// This file is the messages that the actors send each other, besides the commands and events
// of package messages. Package actors shows who sends them to whom.

import (
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// credit returns bytes of the receive window to the reader.
type credit struct{ bytes int }

// discard tells the reader to throw away what comes until the stream ends.
type discard struct{}

// unthrottle tells the reader that perhaps nobody handles messages any longer: it reads on
// without credit, and drops data messages that exceed the window.
type unthrottle struct{}

// flush tells the writer that the Outbound holds something.
type flush struct {
	why   protocol.Wake
	reply bool // it is probably a reply to the last message that was read
}

var (
	flushes = [...]flush{
		{why: protocol.WakeMessage},
		{why: protocol.WakeAwaited},
		{why: protocol.WakeLarge},
		{why: protocol.WakeControl},
	}
	flushReply = &flush{reply: true}
)

// halfClose tells the writer to end its side of the stream when everything is written.
type halfClose struct{}

// writeDone comes from the goroutine of a blocking write, on which the writer then continues.
type writeDone struct{ err error }

// written tells the protocol actor what the writer has achieved: the Close is written, its
// side of the stream has ended, or nothing more can be written.
type written struct{ news protocol.Input }

// timeout comes from a timer. If the timer was stopped or set again since, the generation
// differs.
type timeout struct {
	timer      protocol.Timer
	generation uint64
}

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

// Messages that come late need no log entry: the actor is gone because its connection has
// ended.

func (*Batch) IgnoreDeadLetterLogging()      {}
func (*credit) IgnoreDeadLetterLogging()     {}
func (*discard) IgnoreDeadLetterLogging()    {}
func (*unthrottle) IgnoreDeadLetterLogging() {}
func (*flush) IgnoreDeadLetterLogging()      {}
func (*halfClose) IgnoreDeadLetterLogging()  {}
func (*writeDone) IgnoreDeadLetterLogging()  {}
func (*written) IgnoreDeadLetterLogging()    {}
func (*timeout) IgnoreDeadLetterLogging()    {}
func (*Ended) IgnoreDeadLetterLogging()      {}
func (*PingCall) IgnoreDeadLetterLogging()   {}

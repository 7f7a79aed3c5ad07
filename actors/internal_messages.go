package actors

// This file is the messages that the actors of a connection send each other, besides the
// commands and events of package messages. doc.go shows who sends them to whom.

import "github.com/dandelionws/dandelion/protocol"

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

// Messages that come late need no log entry: the actor is gone because its connection has
// ended.

func (*batch) IgnoreDeadLetterLogging()      {}
func (*credit) IgnoreDeadLetterLogging()     {}
func (*discard) IgnoreDeadLetterLogging()    {}
func (*unthrottle) IgnoreDeadLetterLogging() {}
func (*flush) IgnoreDeadLetterLogging()      {}
func (*halfClose) IgnoreDeadLetterLogging()  {}
func (*writeDone) IgnoreDeadLetterLogging()  {}
func (*written) IgnoreDeadLetterLogging()    {}
func (*timeout) IgnoreDeadLetterLogging()    {}

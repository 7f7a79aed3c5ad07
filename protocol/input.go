package protocol

// This file lists what can happen to a connection: the inputs of the Machine.

import (
	"errors"
	"time"

	"github.com/dandelionws/dandelion/wire"
)

// Input is one of the types below.
type Input interface{ input() }

// Read is what one read brought. The machine answers with one EffectDeliver.
type Read struct {
	// Items are messages and control frames in the order in which they arrived. The
	// machine leaves those that are for the user.
	Items []wire.Item
	// RTTs gets one entry for each Pong that is left in Items: the round-trip time, or 0 if
	// it answers no Ping.
	RTTs []time.Duration
	// Control says that there are control frames among Items.
	Control bool
}

// Violation says that the server has broken the protocol or exceeded a limit.
type Violation struct{ Err error }

// EndOfStream says that nothing more can be read.
type EndOfStream struct{ Err error }

// Close is the user's wish to close (§7.1.2). If it is refused the Reply is told; else it
// is told what became of the Close frame.
type Close struct {
	Code   wire.StatusCode // 0: a Close without a body
	Reason string
	Reply  Reply
}

// Fail is the order to fail the connection (§7.1.7).
type Fail struct {
	Code  wire.StatusCode // 0: drop the stream without a Close; one that may not be sent counts as 1011
	Cause error           // nil: on demand
}

// CloseWritten is the writer's news that our Close was written.
type CloseWritten struct{}

// WriteEnded is the writer's answer to EffectHalfClose.
type WriteEnded struct {
	Whole bool // it could not: the stream ends as a whole or not at all
}

// WriteFailed says that nothing more can be written.
type WriteFailed struct{ Err error }

// TimedOut says that a timer has fired. One that was stopped, or set again, must not.
type TimedOut struct {
	Timer   Timer
	Traffic Traffic
}

func (*Read) input()        {}
func (Violation) input()    {}
func (EndOfStream) input()  {}
func (Close) input()        {}
func (Fail) input()         {}
func (CloseWritten) input() {}
func (WriteEnded) input()   {}
func (WriteFailed) input()  {}
func (TimedOut) input()     {}

// code is what our Close says of the violation.
func (v Violation) code() wire.StatusCode {
	var coded interface{ CloseCode() wire.StatusCode }
	if errors.As(v.Err, &coded) {
		return coded.CloseCode()
	}
	return wire.StatusProtocolError
}

func (f Fail) code() wire.StatusCode {
	if !f.Code.OnWire() {
		return wire.StatusInternalError
	}
	return f.Code
}

func (f Fail) cause() error {
	if f.Cause == nil {
		return errors.New("failed on demand")
	}
	return f.Cause
}

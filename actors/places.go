package actors

// This file says on which goroutine each actor of a connection handles a message that finds
// it idle, and why (the names are workloads of test/bench):
//
//	reader    everything              sender        it only computes (BenchmarkHop)
//	protocol  everything              sender        it only computes (BenchmarkHop)
//	writer    flush, awaited          sender        the waiting sender has nothing else to do:
//	                                                pingpong-*, dandelion-pull
//	          flush, large message    sender        crossing to another CPU costs more than a shared
//	                                                write saves: send-64k, send-16m
//	          flush, control frame    sender        it is urgent
//	          flush, after the last   sender        it is probably the reply, and none follows to share
//	          message of a read                     the write: pingpong-32
//	          flush, else             lane          messages that follow soon share the write:
//	                                                send-128, echo-256
//	          writeDone               sender        that goroutine has nothing else to do
//	          system messages         sender, one   saves waking a goroutine at the end: handshakes
//	          halfClose               lane          it is rare
//	callback  Batch                   after reader  the data stays on its CPU: pingpong-32
//	          events that the user    sender, one   nothing of the user's runs: handshakes
//	          ignores, Finish
//	          other events            lane          the user's code may take as long as it likes
//	          system messages         as Stopped    a Stop makes that event
//
// "sender" and "sender, one" are mailbox.OnSender and OneOnSender; "after reader" is After of
// the loop that reads. supervisor/places.go and supervisor/pool/places.go have the rest;
// ARCHITECTURE.md shows all of them.

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

func placeInReader(any) mailbox.Place { return mailbox.OnSender }

func placeInProtocol(any) mailbox.Place { return mailbox.OnSender }

func placeInWriter(message any) mailbox.Place {
	switch message := message.(type) {
	case *flush:
		if message.why != protocol.WakeMessage || message.reply {
			return mailbox.OnSender
		}
	case *writeDone:
		return mailbox.OnSender
	case actor.SystemMessage:
		return mailbox.OneOnSender
	}
	return mailbox.OnLane
}

// stopped stands for the event that a Stop makes.
var stopped = &messages.Stopped{}

// placeInCallback returns the places of a callback with this Sink; without a Sink no event
// is ignored.
func placeInCallback(sink family.Sink) func(message any) mailbox.Place {
	return func(message any) mailbox.Place {
		switch m := message.(type) {
		case *batch:
			return m.conn.loop.After()
		case *family.Finish:
			return mailbox.OneOnSender
		case actor.SystemMessage:
			message = stopped
		}
		if sink != nil && sink.Ignores(message) {
			return mailbox.OneOnSender
		}
		return mailbox.OnLane
	}
}

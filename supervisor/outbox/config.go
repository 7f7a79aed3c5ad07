package outbox

// This file is the configuration of an outbox, and the interface of its stores.

import (
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// FullPolicy says what happens to a message for which the outbox has no room.
type FullPolicy uint8

const (
	// Reject refuses the new one with ErrQueueFull.
	Reject FullPolicy = iota
	// DropOldest drops the oldest messages that are not with the writer yet, to make room. If
	// all are with the writer, it drops the new one.
	DropOldest
	// DropNewest drops the new one.
	DropNewest
	// Block makes the new one wait for room: the answer to an actor comes later, and Write and
	// Queue of the root package wait. Only the number of senders bounds how many messages
	// wait. Client.Send, which cannot wait, refuses the message.
	Block
)

// String returns "reject", "drop oldest", "drop newest" or "block".
func (p FullPolicy) String() string {
	switch p {
	case Reject:
		return "reject"
	case DropOldest:
		return "drop oldest"
	case DropNewest:
		return "drop newest"
	case Block:
		return "block"
	}
	return "unknown"
}

// Config makes a supervisor hold messages while no connection is open. Every text and binary
// message then goes through the outbox, so that their order is kept, and stays there until it
// is written. Fragments, Pings and Pongs do not: they belong to one connection.
//
// When a connection ends, messages that its writer had not taken stay in the outbox, in
// order. A message that the writer had taken may or may not have arrived: it fails with
// messages.ErrUnconfirmed, or is sent again if it says Resend.
//
// A Close by the user first waits, for CloseTimeout at most, until the outbox is empty; Stop
// does so if it has a Flush. Messages that are left at the end fail with messages.ErrStopped;
// with a Store they stay there (messages.ErrStored).
type Config struct {
	// Messages and Bytes bound what is held, in messages and in bytes of payload, including
	// what is being written. Defaults 16384 and 4 MiB. One message is always accepted when
	// nothing is held.
	Messages int
	Bytes    int
	// Full says what happens beyond these limits. Default Reject.
	Full FullPolicy
	// TTL is how long a message is held that has no TTL of its own. 0 means for ever.
	TTL time.Duration
	// Resend is Delivery.Resend for all messages.
	Resend bool
	// Acked, if set, recognises acknowledgements: it returns what a message of the server
	// acknowledges. A message with an ID is then sent at least once: it is Sent when its
	// acknowledgement has arrived, and sent again on the next connection if the connection
	// ends first. Acked gets whole messages only (none with Streaming), before the handler
	// does. It must not block or keep data.
	Acked func(kind messages.Kind, data []byte) (Ack, bool)
	// Store, if set, keeps the messages across the end of the program.
	Store Store
}

// Ack is what a message of the server acknowledges.
type Ack struct {
	// ID is that of the acknowledged message.
	ID string
	// Through acknowledges all messages with an ID that were sent before it, too.
	Through bool
}

// Store keeps the messages of one supervisor. Its methods are called one at a time, on a
// goroutine of the outbox, and may block. A panic counts as an error. Module
// supervisor/outbox/bboltstore has a Store that writes a file.
//
// If the program is killed after a message was written and before the Store has forgotten
// it, the next program sends it again, even without Resend: the Store cannot know that it
// was written.
type Store interface {
	// Append adds messages after all others. When it returns nil they are safe. If it fails
	// their senders are told, and the Store does its best to keep none of them.
	Append(messages []StoredMessage) error
	// Ack forgets messages that were sent or given up. If it fails a later program may send
	// them again.
	Ack(seqs []uint64) error
	// Replay calls f with every message that was appended and not forgotten, in order. It is
	// called once, before the other methods, and again if it fails. If f fails so does
	// Replay.
	Replay(f func(m StoredMessage) error) error
}

// StoredMessage is a message in a Store.
type StoredMessage struct {
	// Seq is larger than that of every earlier message.
	Seq uint64
	messages.Outgoing
	// Expires is when the message is no longer worth sending; zero means never.
	Expires time.Time
}

func (c Config) withDefaults() Config {
	if c.Messages <= 0 {
		c.Messages = 16384
	}
	if c.Bytes <= 0 {
		c.Bytes = 4 << 20
	}
	return c
}

package outbox

import (
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// FullPolicy says what happens to a message for which the outbox has no room.
type FullPolicy uint8

const (
	// Reject refuses it with ErrQueueFull.
	Reject FullPolicy = iota
	// DropOldest drops the oldest messages that are not with the writer yet, in
	// its favour. If all are, it is dropped itself.
	DropOldest
	// DropNewest drops it.
	DropNewest
	// Block lets it wait for room: the answer to an actor comes later, and the
	// Write of the root package waits. What waits for room is bounded by nothing but its
	// senders. Client.Send, which cannot wait, refuses it.
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

// Config makes a supervisor hold what is sent while no connection is open.
// Every text and binary message then goes through the outbox, so that their order
// is kept, and stays there until it is written. Fragments, Pings and Pongs do not:
// they belong to one connection.
//
// When a connection ends, messages that its writer had not taken stay in the
// outbox, in order. One that the writer had taken may or may not have arrived: it
// fails with messages.ErrUnconfirmed, or is sent again if it says Resend.
//
// A Close of the user first waits, for CloseTimeout at most, until the outbox is
// empty; Stop does so if it has a Flush. What is left at the end fails with
// messages.ErrStopped; with a Store it stays there (messages.ErrStored).
type Config struct {
	// Messages and Bytes bound what is held, in messages and in bytes of payload,
	// what is being written included. Defaults 16384 and 4 MiB. One message is
	// always accepted when nothing is held.
	Messages int
	Bytes    int
	// Full says what happens past these bounds. Default Reject.
	Full FullPolicy
	// TTL is for how long a message is held that does not say so itself. 0 means for ever.
	TTL time.Duration
	// Resend is Delivery.Resend for all messages.
	Resend bool
	// Acked, if set, recognises acknowledgements in what is received: it returns
	// what a message of the server acknowledges. A message with an ID is then sent
	// at least once: it is Sent when its acknowledgement has arrived, and sent
	// again on the next connection if that ends first. Acked gets whole messages
	// only (nothing with Streaming), before the handler does; it must not block nor keep data.
	Acked func(kind messages.Kind, data []byte) (Ack, bool)
	// Store, if set, keeps the messages across the end of the program.
	Store Store
}

// Ack is what a message of the server acknowledges.
type Ack struct {
	// ID is that of the message which has arrived.
	ID string
	// Through: so have all with an ID that were sent before it.
	Through bool
}

// Store keeps the messages of one supervisor. Its methods are called one at
// a time, on a goroutine of the outbox's own, and may block. A panic counts as an error.
// Module supervisor/outbox/bboltstore has one that keeps them in a file.
//
// What was written, but not forgotten in time because the program was killed, is
// sent again by the next program, whether it says Resend or not: the store
// cannot know that it was written.
type Store interface {
	// Append adds messages behind all others. When it returns nil they are safe. If
	// it fails their senders are told, and the store does its best that none of
	// them is there later.
	Append(messages []StoredMessage) error
	// Ack forgets messages: they were sent, or given up. If it fails they may be
	// sent again by a later program.
	Ack(seqs []uint64) error
	// Replay calls f with every message that was appended and not forgotten, in
	// order. It is called once, before the others, and again if it failed. If f
	// fails so does Replay.
	Replay(f func(m StoredMessage) error) error
}

// StoredMessage is a message in a Store.
type StoredMessage struct {
	// Seq is larger than that of every message before.
	Seq uint64
	messages.Outgoing
	// Expires is when it is not worth being sent any more; zero for never.
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

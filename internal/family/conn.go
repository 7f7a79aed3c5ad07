package family

// This file is one live connection: what it is made of, and what is seen of it from
// outside.

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/wire"
)

// Settings are the limits and times of a connection. A zero field means its default.
type Settings struct {
	// Limits bound what is received; see wire.Limits.
	Limits wire.Limits
	// Streaming delivers the parts of a message as they arrive
	// (messages.FragmentReceived) instead of whole messages.
	Streaming bool
	// ReceiveWindow is how many bytes may be read and not yet handled before
	// reading stops. A read that brings messages counts 64 KiB, larger messages
	// their size. Reading continues when half of it is free again. Default 1 MiB.
	ReceiveWindow int
	// BehindAfter is for how long reading has to stand still, because the receive
	// window is full, for that to be an event (messages.HandlerBehind). Default 1 s.
	BehindAfter time.Duration
	// QueueMessages and QueueBytes bound what is accepted for sending and not
	// yet written, in data frames and in bytes of payload. Defaults 16384 and 4 MiB.
	// One message is always accepted when all before it are being written.
	QueueMessages int
	QueueBytes    int
	// CloseTimeout bounds the closing handshake, and then how long the server
	// may take to end the stream. Default 5 s.
	CloseTimeout time.Duration
	// PingInterval is the time between two keepalive Pings. 0 means none.
	PingInterval time.Duration
	// PongTimeout is how long the Pong may take. Any bytes from the server count
	// as its answer. Default 20 s; only used with PingInterval.
	PongTimeout time.Duration
	// PingMisses is how many Pings in a row may stay unanswered. The next one
	// is sent when PongTimeout has passed; the connection is failed when
	// PingMisses+1 have passed. Default 0.
	PingMisses int
}

// WithDefaults returns s with the default in each field that is zero.
func (s Settings) WithDefaults() Settings {
	setDefault(&s.ReceiveWindow, 1<<20)
	setDefault(&s.BehindAfter, time.Second)
	setDefault(&s.QueueMessages, 16384)
	setDefault(&s.QueueBytes, 4<<20)
	setDefault(&s.CloseTimeout, 5*time.Second)
	setDefault(&s.PongTimeout, 20*time.Second)
	return s
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Config configures a connection.
type Config struct {
	Settings
	// Stream is the open stream after the opening handshake. The connection owns it from now
	// on. Its Close has to make a blocked Read and Write return.
	Stream io.ReadWriteCloser
	// Buffered holds bytes of the stream that were read already.
	Buffered []byte
	Epoch    uint64
	Server   string // for errors
	// Opened, if not nil, is given to the callback when the connection can send, before
	// anything is read.
	Opened *messages.Opened
	// Borrowed says that nobody keeps the payload of an item after Release, even if it is
	// Owned. The buffers are then reused.
	Borrowed bool
	Callback Callback   // gets batches and events
	Owner    *actor.PID // gets Ended
	System   *actor.ActorSystem
	Logger   *slog.Logger // never nil
	// FirstPing seeds the data of Pings.
	FirstPing uint64
}

// Conn is one live connection, as seen from outside. Package actors makes it.
type Conn struct {
	Config
	// Out takes what is to be sent, from any goroutine.
	Out *protocol.Outbound
	// Shown is what the actors show of it.
	Shown Shown
}

// Shown holds what the actors of a connection show to other goroutines.
type Shown struct {
	State            atomic.Uint32 // a messages.State
	RTT, SmoothedRTT atomic.Int64  // in ns
	Received         atomic.Uint64 // data messages
	Throttled        atomic.Bool   // reading waits for credit
	Throttles        atomic.Uint64 // how often it did
	StoodStill       atomic.Int64  // for how long, in ns
}

// State returns OPEN, CLOSING or CLOSED.
func (c *Conn) State() messages.State { return messages.State(c.Shown.State.Load()) }

// RTT returns the round-trip time of the last answered Ping; 0 before the first.
func (c *Conn) RTT() time.Duration { return time.Duration(c.Shown.RTT.Load()) }

// SmoothedRTT returns the average of the round-trip times by RFC 6298, to which each new one
// contributes an eighth; 0 before the first.
func (c *Conn) SmoothedRTT() time.Duration { return time.Duration(c.Shown.SmoothedRTT.Load()) }

// Throttled reports whether reading has stopped because the handler is behind by the whole
// receive window.
func (c *Conn) Throttled() bool { return c.Shown.Throttled.Load() }

// Throttles returns how often that happened, and for how long in total.
func (c *Conn) Throttles() (times uint64, d time.Duration) {
	return c.Shown.Throttles.Load(), time.Duration(c.Shown.StoodStill.Load())
}

// Received returns how many messages (parts of them, with Streaming) have arrived.
func (c *Conn) Received() uint64 { return c.Shown.Received.Load() }

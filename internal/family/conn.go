package family

// This file is one live connection: what it is made of, and what is seen of it from
// outside.

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/internal/mailbox"
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

func (s Settings) withDefaults() Settings {
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
	Observer actors.Observer // nil: none
	Logger   *slog.Logger    // never nil
	// FirstPing seeds the data of Pings.
	FirstPing uint64
}

// Conn is one live connection, as seen from outside.
type Conn struct {
	Config
	// Out takes what is to be sent, from any goroutine.
	Out *protocol.Outbound

	window window
	loop   *mailbox.Loop // reads; the callback may work on its goroutine
	// The actors of the family; each is spawned on its mailbox.
	protocol, reader, writer *mailbox.Mailbox

	rtt   atomic.Int64
	srtt  atomic.Int64
	state atomic.Uint32

	received atomic.Uint64 // data messages
	replyDue atomic.Bool   // see Batch.ExpectReply
}

// NewConn prepares a connection. It lives once it is spawned.
func NewConn(cfg Config) *Conn {
	cfg.Settings = cfg.Settings.withDefaults()
	c := &Conn{
		Config:   cfg,
		Out:      protocol.NewOutbound(cfg.QueueMessages, cfg.QueueBytes),
		loop:     mailbox.NewLoop(cfg.System),
		protocol: mailbox.New(placeInProtocol, Observed(cfg.Observer, actors.RoleProtocol, cfg.Epoch)),
		reader:   mailbox.New(placeInReader, Observed(cfg.Observer, actors.RoleReader, cfg.Epoch)),
		writer:   mailbox.New(placeInWriter, Observed(cfg.Observer, actors.RoleWriter, cfg.Epoch)),
	}
	c.window.init(cfg.ReceiveWindow)
	c.window.patience = cfg.BehindAfter
	c.state.Store(uint32(messages.StateOpen))
	return c
}

// Spawn spawns the protocol actor, the head of the family. It takes the commands of package
// messages and PingCall, sends *Ended to the owner when the connection is over, and then waits
// to be stopped.
func (c *Conn) Spawn(owner actor.SpawnerContext) *actor.PID {
	return c.protocol.Spawn(owner, &protocolActor{conn: c})
}

// State returns OPEN, CLOSING or CLOSED.
func (c *Conn) State() messages.State { return messages.State(c.state.Load()) }

// RTT returns the round-trip time of the last answered Ping; 0 before the first.
func (c *Conn) RTT() time.Duration { return time.Duration(c.rtt.Load()) }

// SmoothedRTT returns the average of the round-trip times by RFC 6298, to which each new one
// contributes an eighth; 0 before the first.
func (c *Conn) SmoothedRTT() time.Duration { return time.Duration(c.srtt.Load()) }

// Throttled reports whether reading has stopped because the handler is behind by the whole
// receive window.
func (c *Conn) Throttled() bool { return c.window.throttled.Load() }

// Throttles returns how often that happened, and for how long in total.
func (c *Conn) Throttles() (times uint64, d time.Duration) {
	return c.window.throttles.Load(), time.Duration(c.window.stoodStill.Load())
}

// Received returns how many messages (parts of them, with Streaming) have arrived.
func (c *Conn) Received() uint64 { return c.received.Load() }

func sent(epoch, ref uint64) *messages.Sent { return &messages.Sent{Epoch: epoch, Ref: ref} }

func sendFailed(epoch, ref uint64, err error) *messages.SendFailed {
	return &messages.SendFailed{Epoch: epoch, Ref: ref, Err: err}
}

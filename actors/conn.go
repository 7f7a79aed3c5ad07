package actors

// This file is one live connection: what its actors share.

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// conn is a family.Conn with what only the actors of the connection use.
type conn struct {
	family.Conn

	window window
	loop   *mailbox.Loop // reads; the callback may work on its goroutine
	// The actors of the family; each is spawned on its mailbox.
	protocol, reader, writer *mailbox.Mailbox

	replyDue atomic.Bool // see family.Batch.ExpectReply
}

// NewConn prepares a connection, for package supervisor. It lives once spawn has spawned the
// protocol actor, the head of the family. That takes the commands of package messages and
// family.PingCall, sends *family.Ended to the owner when the connection is over, and then
// waits to be stopped. observer may be nil.
func NewConn(cfg family.Config, observer Observer) (c *family.Conn, spawn func(parent actor.SpawnerContext) *actor.PID) {
	cfg.Settings = cfg.Settings.WithDefaults()
	all := &conn{
		Conn:     family.Conn{Config: cfg, Out: protocol.NewOutbound(cfg.QueueMessages, cfg.QueueBytes)},
		loop:     mailbox.NewLoop(cfg.System),
		protocol: mailbox.New(placeInProtocol, Observed(observer, RoleProtocol, cfg.Epoch)),
		reader:   mailbox.New(placeInReader, Observed(observer, RoleReader, cfg.Epoch)),
		writer:   mailbox.New(placeInWriter, Observed(observer, RoleWriter, cfg.Epoch)),
	}
	all.window.init(cfg.ReceiveWindow, &all.Shown)
	all.window.patience = cfg.BehindAfter
	all.Shown.State.Store(uint32(messages.StateOpen))
	return &all.Conn, func(parent actor.SpawnerContext) *actor.PID {
		return all.protocol.Spawn(parent, &protocolActor{conn: all})
	}
}

// tell sends message to an actor outside the family.
func (c *conn) tell(pid *actor.PID, message any) { c.System.Root.Send(pid, message) }

// reply tells an outcome to the one who asked for it.
func (c *conn) reply(o protocol.Outcome) {
	family.Answer(c.System.Root, c.Epoch, o.Reply, o.Err)
}

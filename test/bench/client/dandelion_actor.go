package client

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/quiet"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/bench/payload"
)

// dandelionActor uses the supervisor's PID: sends are messages to it, and the
// events go to an actor of the user with default Props.
var dandelionActor = Library{Name: "dandelion-actor", Ours: true, Checks: true, Module: ourModule, Dial: dialActor}

const (
	// actorUnsent bounds about what is sent and not answered, in bytes of payload
	// and actorCost for each message; the connection's own queue holds more.
	actorUnsent = 2 << 20
	actorCost   = 256
)

var actorSystem = sync.OnceValue(quiet.System)

type actorConn struct {
	supervisor, user *actor.PID
	closed           atomic.Bool

	unsent *backlog
	asked  int // cost of the sends since the last one whose answer was asked for
}

func dialActor(url string, cfg Config) (Conn, error) {
	root := actorSystem().Root
	c := &actorConn{unsent: newBacklog(actorUnsent)}
	u := &userActor{cfg: cfg, conn: c, opened: make(chan error, 1)}
	c.user = root.Spawn(actor.PropsFromProducer(func() actor.Actor { return u }))
	c.supervisor = root.Spawn(supervisor.Props(supervisor.Config{
		URL:    url,
		Target: c.user,
		Retry:  retry.Policy{MaxAttempts: 1},
	}))
	if err := <-u.opened; err != nil {
		root.Stop(c.user)
		return nil, err
	}
	return c, nil
}

// Send asks for an answer now and then, for which it can wait.
func (c *actorConn) Send(kind payload.Kind, p []byte) error {
	ask := 0
	if c.asked += len(p) + actorCost; c.asked >= actorUnsent/8 {
		ask, c.asked = c.asked, 0
	}
	c.unsent.add(ask)
	if ask == 0 {
		actorSystem().Root.Send(c.supervisor, sendCommand(kind, p, ask))
	} else {
		actorSystem().Root.RequestWithCustomSender(c.supervisor, sendCommand(kind, p, ask), c.user)
	}
	return nil
}

func sendCommand(kind payload.Kind, p []byte, ref int) any {
	if kind == payload.Text {
		return &messages.SendText{Ref: uint64(ref), Text: textOf(p)}
	}
	return &messages.SendBinary{Ref: uint64(ref), Data: p}
}

func (c *actorConn) Close() {
	c.closed.Store(true)
	root := actorSystem().Root
	root.Send(c.supervisor, &messages.FailConnection{Cause: errClosed})
	root.Stop(c.supervisor)
}

// userActor gets the events.
type userActor struct {
	cfg    Config
	conn   *actorConn
	opened chan error
}

func (u *userActor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *messages.TextReceived:
		u.cfg.OnMessage(u.conn, bytesOf(msg.Text))
	case *messages.BinaryReceived:
		u.cfg.OnMessage(u.conn, msg.Data)
	case *messages.Sent:
		u.conn.unsent.done(int(msg.Ref))
	case *messages.SendFailed:
		u.cfg.OnError(fmt.Errorf("send: %w", msg.Err))
	case *messages.Opened:
		u.opened <- nil
	case *messages.Stopped:
		select {
		case u.opened <- msg.Cause: // it never opened
		default:
		}
		if !u.conn.closed.Load() {
			u.cfg.OnError(msg.Cause)
		}
		ctx.Stop(ctx.Self())
	}
}

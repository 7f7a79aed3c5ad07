// How to test an actor that embeds a connection.

package wstest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// The messages of the feed, which is the code under test.
type (
	follow   struct{ topic string } // the sender gets every headline
	headline struct{ text string }
	stalled  struct{} // nothing can be followed at the moment
)

// feed follows topics on one connection, and follows them again on the next.
type feed struct {
	connect func(supervisor.Config) *actor.Props // supervisor.Props but in tests

	conn    *actor.PID
	open    bool
	topics  []string
	readers []*actor.PID
}

func (f *feed) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		f.conn = ctx.Spawn(f.connect(supervisor.Config{
			Request: handshake.Request{URL: "wss://news.example/feed", Subprotocols: []string{"news.v1"}},
			Target:  ctx.Self(),
		}))
	case *follow:
		f.topics = append(f.topics, msg.topic)
		f.readers = append(f.readers, ctx.Sender())
		if f.open {
			f.ask(ctx, msg.topic)
		}
	case *messages.Opened:
		f.open = true
		for _, topic := range f.topics {
			f.ask(ctx, topic)
		}
	case *messages.TextReceived:
		f.tell(ctx, &headline{msg.Text})
	case *messages.SendFailed:
		f.tell(ctx, &stalled{})
	case *messages.Closed:
		f.open = false
	case *messages.Stopped:
		ctx.Stop(ctx.Self())
	}
}

func (f *feed) ask(ctx actor.Context, topic string) {
	ctx.Request(f.conn, &messages.SendText{Text: "follow " + topic})
}

func (f *feed) tell(ctx actor.Context, msg any) {
	for _, reader := range f.readers {
		ctx.Send(reader, msg)
	}
}

// A mock takes the place of the connection, and a probe that of a reader.
func TestFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := wstest.NewSystem(t)
		conn := wstest.NewMockActor(t)
		reader := wstest.NewProbe(t, system)
		feed := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return &feed{connect: conn.Props} }))
		reader.Watch(feed)
		wstest.AssertMatch(t, wstest.Like(handshake.Request{URL: "wss://news.example/feed"}), conn.Config().Request)

		// What was asked for too early is asked when the connection is open, and
		// again on the next one.
		reader.Send(feed, &follow{"chess"})
		conn.Expect(wstest.Text("follow chess")).Accept().Delay(time.Second).ReplyText("Black to move")
		conn.EmitOpen(nil)
		reader.Expect(&headline{"Black to move"})

		conn.EmitLost(nil)
		conn.Expect(wstest.Text("follow chess"))
		conn.EmitOpen(nil)
		conn.Wait()

		// A send that fails is no secret.
		conn.Expect(wstest.Text("follow go")).Fail(messages.ErrQueueFull)
		reader.Send(feed, &follow{"go"})
		reader.Expect(&stalled{})
		reader.Expect(&stalled{}) // it reads two topics

		// The end of the connection is the end of the feed.
		conn.EmitClose(wire.StatusPolicyViolation, "banned")
		conn.Emit(&messages.GaveUp{Reason: "banned"}, &messages.Stopped{})
		reader.Expect(&actor.Terminated{Who: feed})
	})
}

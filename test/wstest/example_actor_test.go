// How to test an actor that embeds a connection.

package wstest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

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
	config supervisor.Config

	conn    *actor.PID
	open    bool
	topics  []string
	readers []*actor.PID
}

func (f *feed) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		f.config.Target = ctx.Self()
		f.conn = ctx.Spawn(supervisor.Props(f.config))
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

// The feed's own connection leads to a mock, and a probe takes the place of a reader.
func TestFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock := wstest.NewMock(t)
		reader := wstest.NewProbe(t, mock.System())
		config := mock.Config(supervisor.Config{QueueMessages: 1})
		feed := mock.System().Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return &feed{config: config} }))
		reader.Watch(feed)

		// What was asked for too early is asked when the connection is open, and
		// again on the next one.
		mock.Expect(wstest.Text("follow chess")).Delay(time.Second).Reply("Black to move")
		reader.Send(feed, &follow{"chess"})
		reader.Expect(&headline{"Black to move"})

		mock.Expect(wstest.Text("follow chess"))
		mock.Lose()
		mock.Wait()

		// A send that fails is no secret.
		mock.Stall()
		large := strings.Repeat("x", 1<<20)
		reader.Send(feed, &follow{large}) // fills the buffers
		reader.Send(feed, &follow{"go"})  // waits for its turn
		reader.Send(feed, &follow{"tennis"})
		reader.Expect(&stalled{})

		// The end of the connection is the end of the feed.
		mock.Expect(wstest.Text(wstest.Anything())).AnyTimes()
		mock.Resume()
		mock.Close(wire.StatusPolicyViolation, "banned")
		reader.Await(&actor.Terminated{Who: feed})
	})
}

package wstest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

func TestMockActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := wstest.NewSystem(t)
		user := wstest.NewProbe(t, system)
		conn := wstest.NewMockActor(t)
		pid := conn.Spawn(system, user.PID())
		if !conn.PID().Equal(pid) {
			t.Errorf("PID is %v, want %v", conn.PID(), pid)
		}

		conn.EmitOpen(&messages.Opened{Subprotocol: "chat"})
		user.Expect(wstest.Like(&messages.Connecting{Epoch: 1}))
		user.Expect(wstest.Like(&messages.Opened{Epoch: 1, Subprotocol: "chat"}))
		if !user.LastSender().Equal(pid) {
			t.Errorf("sender %v, want %v", user.LastSender(), pid)
		}

		conn.Expect(&messages.SendText{Ref: 7, Text: "hello"}).ReplyText("yourself")
		user.Send(pid, &messages.SendText{Ref: 7, Text: "hello"})
		user.Expect(&messages.Sent{Epoch: 1, Ref: 7})
		user.Expect(&messages.TextReceived{Epoch: 1, Text: "yourself"})

		conn.Expect(wstest.Binary(wstest.Anything())).Delay(time.Second).Fail(messages.ErrQueueFull)
		start := time.Now()
		user.Send(pid, &messages.SendBinary{Ref: 8})
		user.Expect(&messages.SendFailed{Epoch: 1, Ref: 8, Err: messages.ErrQueueFull})
		if d := time.Since(start); d != time.Second {
			t.Errorf("answered after %v", d)
		}

		conn.Expect(wstest.OfType[*messages.Ping]())
		user.Send(pid, &messages.Ping{Ref: 9, Data: []byte("p")})
		user.Expect(&messages.Sent{Epoch: 1, Ref: 9})
		user.Expect(&messages.PongReceived{Epoch: 1, Data: []byte("p")})

		conn.Expect(wstest.OfType[*messages.SendFragment]()).Times(2)
		conn.Expect(wstest.OfType[*messages.Pong]())
		user.Send(pid, &messages.SendFragment{Ref: 1, Stream: 1, Kind: messages.KindText, First: true})
		user.Send(pid, &messages.SendFragment{Ref: 2, Stream: 1, Final: true})
		user.Send(pid, &messages.Pong{Ref: 3})
		for ref := range uint64(3) {
			user.Expect(&messages.Sent{Epoch: 1, Ref: ref + 1})
		}

		user.Send(pid, &messages.GetStatus{})
		user.Expect(&messages.Status{State: messages.StateOpen, Epoch: 1, Attempt: 1, URL: "ws://mock.test/", Subprotocol: "chat"})

		user.Send(pid, &messages.Reconnect{})
		user.Expect(wstest.Like(&messages.Closing{Epoch: 1, Code: 1001}))
		user.Expect(wstest.Like(&messages.Closed{Epoch: 1}))
		user.Expect(wstest.Like(&messages.Connecting{Epoch: 2}))
		user.Expect(wstest.Like(&messages.Opened{Epoch: 2}))

		user.Send(pid, &messages.FailConnection{Code: 1008, Cause: errors.New("no")})
		user.Expect(wstest.Like(&messages.Closing{Epoch: 2, By: messages.Local, Code: 1008}))
		user.Expect(wstest.Like(&messages.Closed{Epoch: 2, Err: &messages.CloseError{Code: 1006, SentCode: 1008}}))
		user.Send(pid, &messages.SendText{Ref: 10, Text: "x"})
		user.Expect(wstest.Like(&messages.SendFailed{Ref: 10, Err: messages.ErrNotOpen}))
		user.Send(pid, &messages.FailConnection{}) // there is nothing to fail
		conn.Emit(&messages.ReconnectScheduled{})
		user.Expect(wstest.OfType[*messages.ReconnectScheduled]())

		user.Watch(pid)
		user.Send(pid, &messages.Stop{})
		user.Expect(&messages.Stopped{Epoch: 2})
		user.Expect(&messages.Stopped{Epoch: 2}) // the answer to Stop
		user.Expect(wstest.Like(&actor.Terminated{Who: pid}))
	})
}

func TestMockActorClose(t *testing.T) {
	system := wstest.NewSystem(t)
	user := wstest.NewProbe(t, system)
	conn := wstest.NewMockActor(t)
	pid := conn.Spawn(system, user.PID())
	user.Watch(pid)
	user.Send(pid, &messages.Close{Ref: 1, Code: 1})
	user.Expect(wstest.Like(&messages.SendFailed{Ref: 1, Err: messages.ErrInvalidCloseCode}))
	user.Send(pid, &messages.Close{Ref: 2, Code: 1000, Reason: "bye"})
	user.Expect(&messages.Sent{Epoch: 1, Ref: 2})
	user.Expect(wstest.Like(&messages.Closing{By: messages.Local, Code: 1000}))
	user.Expect(wstest.Like(&messages.Closed{Err: &messages.CloseError{Code: 1000, Clean: true}}))
	user.Expect(&messages.Stopped{Epoch: 1})
	user.Expect(wstest.OfType[*actor.Terminated]())
}

// The actor takes the place of that of package supervisor also where that is spawned.
func TestMockActorProps(t *testing.T) {
	system := wstest.NewSystem(t)
	conn := wstest.NewMockActor(t)
	props := func(cfg supervisor.Config) *actor.Props { return conn.Props(cfg) }
	got := wstest.NewRecorder(t)
	parent := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch msg := ctx.Message().(type) {
		case *actor.Started:
			ctx.Spawn(props(supervisor.Config{
				URL: "wss://example.test/feed", Target: ctx.Self(),
				Retry: retry.Policy{MaxAttempts: 1},
			}))
		case *messages.Stopped: // a target that is gone keeps nobody waiting
			got.Record(msg)
			ctx.Stop(ctx.Self())
		}
	}))
	if url := conn.Config().URL; url != "wss://example.test/feed" {
		t.Errorf("URL %s", url)
	}
	conn.EmitLost(nil)
	got.Expect(wstest.Like(&messages.Stopped{Cause: &messages.CloseError{Code: 1006}}))
	check(t, system.Root.StopFuture(parent).Wait())
}

// Spawned again it begins again.
func TestMockActorAgain(t *testing.T) {
	system := wstest.NewSystem(t)
	user := wstest.NewProbe(t, system)
	conn := wstest.NewMockActor(t)
	for range 2 {
		pid := conn.Spawn(system, user.PID())
		user.Watch(pid)
		user.Send(pid, &messages.GetStatus{})
		user.Expect(wstest.Like(&messages.Status{State: messages.StateOpen}))
		conn.EmitClose(wire.StatusNormal, "")
		conn.Emit(&messages.GaveUp{}, &messages.Stopped{})
		user.Await(wstest.OfType[*actor.Terminated]())
	}
}

func TestMockActorFailures(t *testing.T) {
	r := newFailingT(t)
	system := wstest.NewSystem(t)
	user := wstest.NewProbe(t, system)
	conn := wstest.NewMockActor(r)
	r.run(func() { conn.Within(time.Millisecond).Emit(&messages.Opened{}) })
	r.expect("an event was not handled within 1ms")
	pid := conn.Spawn(system, user.PID())
	user.Expect(wstest.OfType[*messages.Opened]())
	user.Send(pid, &messages.SendText{Ref: 1, Text: "a"})
	user.Expect(wstest.OfType[*messages.SendFailed](wstest.Satisfies("unexpected", func(m *messages.SendFailed) bool {
		return m.Err.Error() == `wstest: unexpected command &SendText{Ref: 1, Text: "a"}`
	})))
	r.expect("unexpected command &SendText{Ref: 1, Text: \"a\"}")
	user.Send(pid, "nonsense")
	user.Send(pid, &messages.GetStatus{})
	user.Expect(wstest.OfType[*messages.Status]())
	r.expect(`the connection was sent string "nonsense", which is no command`)
	r.end()
}

// A mocked client has an actor, too.
func TestPIDOfMockClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := wstest.NewSystem(t)
		user := wstest.NewProbe(t, system)
		c := wstest.NewMockClient(t, &wstest.MockOptions{System: system})
		c.Expect(wstest.Text("a")).ReplyText("b")
		user.Watch(c.PID())
		user.Send(c.PID(), &messages.SendText{Ref: 1, Text: "a"})
		user.Expect(&messages.Sent{Epoch: 1, Ref: 1})
		msg, err := c.Read(background)
		check(t, err)
		wstest.AssertMatch(t, wstest.Text("b"), msg)
		user.Send(c.PID(), &messages.Stop{})
		user.Expect(&messages.Stopped{Epoch: 1})
		user.Expect(wstest.OfType[*actor.Terminated]())
		<-c.Done()
	})
}

package wstest_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

var background = context.Background()

// wantErrorIs checks that err is target in the sense of errors.Is.
func wantErrorIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got error %v, want %v", err, target)
	}
}

func wantEvents(t testing.TB, got []any, want ...any) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		wstest.AssertMatch(t, want[i], got[i])
	}
}

func TestExpectationsAndReplies(t *testing.T) {
	c := wstest.NewMockClient(t, nil)
	c.Expect(wstest.Text(wstest.PartialJSON(`{"op": "subscribe"}`))).ReplyText(`{"op": "ack"}`).ReplyText("first")
	c.Expect(wstest.Binary(wstest.Anything())).Times(2).ReplyFunc(func(command any) []any {
		return []any{&messages.BinaryReceived{Data: command.(*messages.SendBinary).Data}}
	})
	check(t, c.Write(background, dandelion.Text(`{"op": "subscribe", "topic": "news"}`)))
	check(t, c.Send(dandelion.Binary([]byte{1})))
	check(t, c.Write(background, dandelion.Binary([]byte{2})))
	for _, want := range []any{wstest.Text(wstest.JSON(`{"op":"ack"}`)), wstest.Text("first"), wstest.Binary([]byte{1}), wstest.Binary([]byte{2})} {
		got, err := c.Read(background)
		check(t, err)
		wstest.AssertMatch(t, want, got)
	}
	wantEvents(t, c.Commands(), wstest.OfType[*messages.SendText](), &messages.SendBinary{Data: []byte{1}}, &messages.SendBinary{Data: []byte{2}})
}

// Every method of a client is a command.
func TestCommandsOfMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wstest.NewMockClient(t, nil)
		c.Expect(wstest.Anything()).AnyTimes()
		check(t, c.Send(dandelion.Text("a")))
		check(t, c.Write(background, dandelion.Text("b")))
		check(t, c.Send(dandelion.TextBytes([]byte("c"))))
		check(t, c.Write(background, dandelion.Binary([]byte("d"))))
		check(t, c.Queue(background, dandelion.Binary([]byte("d2"))))
		check(t, c.SendPing([]byte("e")))
		check(t, c.SendPong([]byte("f")))
		_, err := c.Ping(background)
		check(t, err)
		w := c.Writer(background, messages.KindText)
		_, err = w.Write([]byte("g"))
		check(t, err)
		check(t, w.Close())
		check(t, c.Writer(background, messages.KindBinary).WriteFinal([]byte("h")))
		synctest.Wait()
		wantEvents(t, c.Commands(),
			&messages.SendText{Text: "a"},
			&messages.SendText{Text: "b"},
			&messages.SendText{Text: "c"},
			&messages.SendBinary{Data: []byte("d")},
			&messages.SendBinary{Data: []byte("d2")},
			&messages.Ping{Data: []byte("e")},
			&messages.Pong{Data: []byte("f")},
			wstest.OfType[*messages.Ping](),
			&messages.SendFragment{Stream: 1, Kind: messages.KindText, First: true, Data: []byte("g")},
			&messages.SendFragment{Stream: 1, Kind: messages.KindText, Final: true, Data: []byte{}},
			&messages.SendBinary{Data: []byte("h")},
		)
	})
}

func TestUnexpectedCommands(t *testing.T) {
	r := newFailingT(t)
	c := wstest.NewMockClient(r, nil)
	if err := c.Send(dandelion.Text("a")); err == nil || err.Error() != `wstest: unexpected command &SendText{Text: "a"}` {
		t.Errorf("error %v", err)
	}
	r.expect("unexpected command &SendText{Text: \"a\"}\n  nothing was expected")

	c.Expect(wstest.Text("b"))
	c.Expect(wstest.Text(wstest.Regexp("^c"))).Times(0)
	check(t, c.Send(dandelion.Text("b")))
	for text, want := range map[string]string{
		"b": "  not text \"b\", once (mock_test.go):\n    it matches, but came once already\n  not text a match of \"^c\", never (mock_test.go):\n    got \"b\", want a match of \"^c\"",
		"c": "it matches, but must not come",
		"d": "  not text \"b\", once (mock_test.go):\n    got \"d\", want \"b\"",
	} {
		if c.Write(background, dandelion.Text(text)) == nil {
			t.Error("no error")
		}
		r.expect(want)
	}
	r.end()
	r.expect()
}

func TestVerification(t *testing.T) {
	r := newFailingT(t)
	c := wstest.NewMockClient(r, nil)
	c.Expect("never").Times(0)
	c.Expect("maybe").AtMost(1)
	c.Expect(wstest.Text("twice")).Times(2)
	c.Expect(wstest.Text("often")).AtLeast(2)
	c.Expect(wstest.Text("often too")).AtLeast(2)
	check(t, c.Send(dandelion.Text("twice")))
	for range 3 {
		check(t, c.Send(dandelion.Text("often too")))
	}
	r.run(func() { c.Within(time.Millisecond).Wait() })
	const want = "not everything has come that was expected:\n" +
		"  text \"twice\", twice (mock_test.go): came once\n" +
		"  text \"often\", at least twice (mock_test.go): never came\n" +
		"  what has happened (→ to the connection, ← from it):\n"
	r.expect("wstest: after 1ms " + want)
	r.end()
	r.expect(want)
	// The test has ended: nothing can fail it any more.
	if c.Send(dandelion.Text("x")) == nil {
		t.Error("no error")
	}
	r.expect()
}

func TestWaitForCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wstest.NewMockClient(t, nil)
		c.Expect(wstest.Text("late"))
		start := time.Now()
		go func() {
			time.Sleep(3 * time.Second)
			c.Send(dandelion.Text("late"))
		}()
		c.Wait()
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("waited for %v", d)
		}
	})
}

func TestInOrder(t *testing.T) {
	r := newFailingT(t)
	c := wstest.NewMockClient(r, nil)
	wstest.InOrder(
		c.Expect(wstest.Text("a")),
		c.Expect(wstest.Text("b")).AnyTimes(),
		c.Expect(wstest.Text("c")).Times(2),
		c.Expect(wstest.Text("d")),
	)
	c.Expect(wstest.Text("anywhere")).AnyTimes()
	check(t, c.Send(dandelion.Text("anywhere")))
	c.Send(dandelion.Text("b"))
	r.expect("it matches, but has to come behind text \"a\", once (mock_test.go), which never came")
	for _, text := range []string{"a", "b", "b", "c"} {
		check(t, c.Send(dandelion.Text(text)))
	}
	c.Send(dandelion.Text("b"))
	r.expect("it matches, but what had to come behind it has come already")
	c.Send(dandelion.Text("d"))
	r.expect("it matches, but has to come behind text \"c\", twice (mock_test.go), which came once")
	check(t, c.Send(dandelion.Text("c")))
	check(t, c.Send(dandelion.Text("d")))
	r.end()
	r.expect()
}

// Expectations for the same command are met one after the other.
func TestFirstFailsThenSucceeds(t *testing.T) {
	c := wstest.NewMockClient(t, nil)
	c.Expect(wstest.Text("a")).Fail(messages.ErrQueueFull)
	c.Expect(wstest.Text("a"))
	wantErrorIs(t, c.Send(dandelion.Text("a")), messages.ErrQueueFull)
	check(t, c.Send(dandelion.Text("a")))
}

func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wstest.NewMockClient(t, nil)
		start := time.Now()
		at := func(want time.Duration) {
			t.Helper()
			if got := time.Since(start); got != want {
				t.Errorf("after %v, want %v", got, want)
			}
		}
		read := func() {
			t.Helper()
			if _, err := c.Read(background); err != nil {
				t.Error(err)
			}
		}

		c.Expect(wstest.Text("slow write")).Delay(time.Second).ReplyText("x")
		check(t, c.Write(background, dandelion.Text("slow write")))
		at(time.Second)
		read()
		at(time.Second)

		c.Expect(wstest.Text("slow reply")).Accept().Delay(time.Second).ReplyText("x").Delay(time.Second).ReplyText("y")
		check(t, c.Write(background, dandelion.Text("slow reply")))
		at(time.Second)
		read()
		at(2 * time.Second)
		read()
		at(3 * time.Second)

		// What does not wait does not wait for a delay.
		c.Expect(wstest.Text("queued")).Delay(time.Second).ReplyText("x")
		check(t, c.Send(dandelion.Text("queued")))
		at(3 * time.Second)
		read()
		at(4 * time.Second)

		// A context ends the waiting.
		c.Expect(wstest.Text("too slow")).Delay(time.Hour)
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		wantErrorIs(t, c.Write(ctx, dandelion.Text("too slow")), context.DeadlineExceeded)
		at(5 * time.Second)

		// So does the end of the connection.
		c.Expect(wstest.Text("too late")).Delay(time.Hour).ReplyText("never")
		time.AfterFunc(time.Second, func() { c.EmitClose(wire.StatusGoingAway, "restart") })
		err := c.Write(background, dandelion.Text("too late"))
		wstest.AssertMatch(t, wstest.Like(&messages.CloseError{Code: 1001, Reason: "restart", By: messages.Remote, Clean: true}), err)
		at(6 * time.Second)
		time.Sleep(2 * time.Hour)
		if _, err := c.Read(background); !errors.Is(err, messages.ErrClosed) {
			t.Errorf("read something or failed with %v", err)
		}
	})
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := wstest.NewRecorder(t)
		c := wstest.NewMockClient(t, &wstest.MockOptions{Handler: rec.Handler()})
		ping := wstest.OfType[*messages.Ping]()

		c.Expect(ping).Delay(70 * time.Millisecond)
		rtt, err := c.Ping(background)
		check(t, err)
		if rtt != 70*time.Millisecond {
			t.Errorf("rtt %v", rtt)
		}
		rec.Expect(wstest.Like(&messages.PongReceived{RTT: 70 * time.Millisecond}))

		c.Expect(ping).Reply(&messages.PongReceived{RTT: time.Minute})
		rtt, err = c.Ping(background)
		check(t, err)
		if rtt != time.Minute {
			t.Errorf("rtt %v", rtt)
		}

		c.Expect(ping).Fail(messages.ErrQueueFull)
		_, err = c.Ping(background)
		wantErrorIs(t, err, messages.ErrQueueFull)

		c.Expect(ping).Reply() // no Pong
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		_, err = c.Ping(ctx)
		wantErrorIs(t, err, context.DeadlineExceeded)

		c.Expect(ping).Lose(errors.New("cable cut"))
		_, err = c.Ping(background)
		wstest.AssertMatch(t, wstest.Regexp("cable cut"), err)
		_, err = c.Ping(background)
		wstest.AssertMatch(t, wstest.Regexp("cable cut"), err)
	})
}

func TestCloseByClient(t *testing.T) {
	rec := wstest.NewRecorder(t)
	c := wstest.NewMockClient(t, &wstest.MockOptions{Handler: rec.Handler()})
	check(t, c.Close(background, wire.StatusNormal, "bye")) // needs no expectation
	rec.Expect(&messages.Closing{Epoch: 1, By: messages.Local, Code: 1000, Reason: "bye"})
	rec.Expect(wstest.Like(&messages.Closed{Epoch: 1, Err: &messages.CloseError{Code: 1000, Clean: true, SentCode: 1000, SentReason: "bye"}}))
	rec.Expect(&messages.Stopped{Epoch: 1})
	check(t, c.Close(background, wire.StatusNormal, "again"))
	if len(c.Commands()) != 1 {
		t.Errorf("commands %v", c.Commands())
	}
	<-c.Done()
	if c.State() != messages.StateStopped {
		t.Errorf("state %v", c.State())
	}
	wstest.AssertMatch(t, wstest.Like(&messages.CloseError{Code: 1000}), c.Err())
	wantErrorIs(t, c.Send(dandelion.Text("a")), messages.ErrClosed)
	wstest.AssertMatch(t, wstest.Like(&messages.CloseError{Code: 1000}), c.Write(background, dandelion.Text("a")))
	wantErrorIs(t, c.Close(background, 1005, ""), messages.ErrInvalidCloseCode)
}

func TestCloseGoesWrong(t *testing.T) {
	c := wstest.NewMockClient(t, nil)
	c.Expect(wstest.Like(&messages.Close{Code: 1000})).Lose(messages.ErrCloseTimeout)
	wantErrorIs(t, c.Close(background, wire.StatusNormal, ""), messages.ErrCloseTimeout)

	c = wstest.NewMockClient(t, nil)
	c.Expect(wstest.OfType[*messages.Close]()).Fail(messages.ErrQueueFull)
	wantErrorIs(t, c.Close(background, wire.StatusNormal, ""), messages.ErrQueueFull)
	if c.State() != messages.StateOpen || c.Err() != nil {
		t.Errorf("state %v, error %v", c.State(), c.Err())
	}

	r := newFailingT(t)
	c = wstest.NewMockClient(r, nil)
	c.Expect(wstest.OfType[*messages.Close]()).Times(0)
	if c.Close(background, wire.StatusNormal, "") == nil {
		t.Error("no error")
	}
	r.expect("it matches, but must not come")
}

func TestAbort(t *testing.T) {
	for _, supervised := range []bool{false, true} {
		c := wstest.NewMockClient(t, &wstest.MockOptions{Supervised: supervised})
		c.Expect(wstest.Like(&messages.FailConnection{}))
		c.Abort()
		<-c.Done()
		wstest.AssertMatch(t, wstest.Like(&messages.CloseError{Code: 1006, By: messages.Local}), c.Err())
		c.Abort()
	}
}

// A client made by Dial ends with its connection.
func TestEndOfConnection(t *testing.T) {
	c := wstest.NewMockClient(t, nil)
	c.Expect(wstest.Text("quit")).ReplyText("bye").Close(wire.StatusNormal, "")
	check(t, c.Write(background, dandelion.Text("quit")))
	var got []string
	for msg, err := range c.Messages(background) {
		check(t, err)
		got = append(got, msg.Text())
	}
	if !reflect.DeepEqual(got, []string{"bye"}) {
		t.Errorf("read %q", got)
	}
	_, err := c.Read(background)
	wstest.AssertMatch(t, wstest.Like(&messages.CloseError{Code: 1000, By: messages.Remote}), err)

	c = wstest.NewMockClient(t, nil)
	c.EmitLost(errors.New("cable cut"))
	for _, err := range c.Messages(background) {
		wstest.AssertMatch(t, wstest.Regexp("1006.*cable cut"), err)
	}
	wantErrorIs(t, c.Write(background, dandelion.Text("a")), messages.ErrClosed)
}

// A supervised client lives through the end of a connection; the test says what
// comes next.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := wstest.NewRecorder(t)
		c := wstest.NewMockClient(t, &wstest.MockOptions{Supervised: true, Handler: rec.Handler()})
		c.EmitOpen(&messages.Opened{Subprotocol: "chat"})
		c.EmitLost(nil)
		c.Emit(&messages.ReconnectScheduled{Delay: time.Second})
		wantErrorIs(t, c.Send(dandelion.Text("a")), messages.ErrNotOpen)
		if c.State() != messages.StateWaiting {
			t.Errorf("state %v", c.State())
		}
		written := make(chan error)
		go func() { written <- c.Write(background, dandelion.Text("waits")) }()
		synctest.Wait()
		c.Expect(wstest.Text("waits"))
		c.Emit(&messages.Connecting{})
		if c.State() != messages.StateConnecting {
			t.Errorf("state %v", c.State())
		}
		c.EmitOpen(nil)
		check(t, <-written)
		c.Emit(&messages.Closing{By: messages.Remote, Code: 1001})
		if c.State() != messages.StateClosing {
			t.Errorf("state %v", c.State())
		}
		wantErrorIs(t, c.Send(dandelion.Text("a")), messages.ErrClosed)
		c.Emit(&messages.Closed{})
		c.EmitOpen(nil)
		c.Emit(&messages.GaveUp{}, &messages.Stopped{Cause: errors.New("enough")})
		wstest.AssertMatch(t, wstest.Regexp("enough"), c.Err())
		wantEvents(t, rec.Events(),
			&messages.Connecting{Epoch: 1, Attempt: 1, URL: "ws://mock.test/"},
			&messages.Opened{Epoch: 1, URL: "ws://mock.test/", Subprotocol: "chat"},
			wstest.Like(&messages.Closed{Epoch: 1, Err: &messages.CloseError{Code: 1006}}),
			&messages.ReconnectScheduled{Epoch: 1, Delay: time.Second},
			wstest.Like(&messages.Connecting{Epoch: 2}),
			wstest.Like(&messages.Opened{Epoch: 2}),
			wstest.Like(&messages.Closing{Epoch: 2}),
			wstest.Like(&messages.Closed{Epoch: 2, Err: &messages.CloseError{Code: 1006}}),
			wstest.Like(&messages.Connecting{Epoch: 3}),
			wstest.Like(&messages.Opened{Epoch: 3}),
			wstest.Like(&messages.GaveUp{Epoch: 3}),
			wstest.Like(&messages.Stopped{Epoch: 3}),
		)
	})
}

// A reply of one connection does not come on the next one.
func TestDelayedReplyOfLostConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wstest.NewMockClient(t, &wstest.MockOptions{Supervised: true})
		c.Expect(wstest.Text("a")).Accept().Delay(time.Second).ReplyText("of the first")
		c.Expect(wstest.Text("b")).Lose(nil).Delay(time.Second).Reply(&messages.Connecting{}, &messages.Opened{}).ReplyText("of the second")
		check(t, c.Send(dandelion.Text("a")))
		check(t, c.Send(dandelion.Text("b")))
		msg, err := c.Read(background)
		check(t, err)
		wstest.AssertMatch(t, wstest.Text("of the second"), msg)
		if c.Opened().Epoch != 2 {
			t.Errorf("epoch %d", c.Opened().Epoch)
		}
	})
}

// The mock refuses what a connection refuses, whatever is expected.
func TestRefusedCommands(t *testing.T) {
	c := wstest.NewMockClient(t, nil)
	c.Expect(wstest.Anything()).AnyTimes()
	wantErrorIs(t, c.Send(dandelion.Text("\xff")), messages.ErrInvalidUTF8)
	wantErrorIs(t, c.Write(background, dandelion.Text("\xff")), messages.ErrInvalidUTF8)
	wantErrorIs(t, c.SendPing(make([]byte, 126)), messages.ErrControlTooLong)
	wantErrorIs(t, c.SendPong(make([]byte, 126)), messages.ErrControlTooLong)
	wantErrorIs(t, c.Close(background, 1, ""), messages.ErrInvalidCloseCode)
	if c.Send(dandelion.NewMessage(0, nil)) == nil {
		t.Error("sent a message of no kind")
	}
	if len(c.Commands()) != 0 {
		t.Errorf("commands %v", c.Commands())
	}
}

func TestEmitBehindTheEnd(t *testing.T) {
	r := newFailingT(t)
	c := wstest.NewMockClient(r, nil)
	c.EmitClose(wire.StatusNormal, "")
	c.Emit(&messages.TextReceived{Text: "a"})
	r.expect("the connection is STOPPED, nothing can follow")
}

func TestReadEndsWithContext(t *testing.T) {
	c := wstest.NewMockClient(t, nil)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err := c.Read(ctx)
	wantErrorIs(t, err, context.Canceled)

	c = wstest.NewMockClient(t, &wstest.MockOptions{Handler: wstest.NewRecorder(t).Handler()})
	if _, err := c.Read(background); err == nil {
		t.Error("read past a handler")
	}
}

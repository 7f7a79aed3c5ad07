package wstest_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
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

func wantRead(t testing.TB, c *wstest.MockClient, wants ...any) {
	t.Helper()
	for _, want := range wants {
		got, err := c.Read(background)
		check(t, err)
		wstest.AssertMatch(t, want, got)
	}
}

func wantAfter(t testing.TB, start time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(start); got != want {
		t.Errorf("after %v, want %v", got, want)
	}
}

func TestExpectationsAndReplies(t *testing.T) {
	mock := wstest.NewMock(t)
	mock.Expect(wstest.Text(wstest.PartialJSON(`{"op": "subscribe"}`))).Reply(`{"op": "ack"}`, "first")
	mock.Expect(wstest.Binary(wstest.Anything())).Times(2).Do(func(c *wstest.Conn, got any) {
		c.SendBinary(got.(*messages.SendBinary).Data)
	})
	c := mock.Dial(nil)
	check(t, c.Write(background, dandelion.Text(`{"op": "subscribe", "topic": "news"}`)))
	check(t, c.Send(dandelion.Binary([]byte{1})))
	check(t, c.Write(background, dandelion.Binary([]byte{2})))
	wantRead(t, c, wstest.Text(wstest.JSON(`{"op":"ack"}`)), wstest.Text("first"), wstest.Binary([]byte{1}), wstest.Binary([]byte{2}))
	wantEvents(t, mock.Received(), wstest.OfType[*messages.SendText](), &messages.SendBinary{Data: []byte{1}}, &messages.SendBinary{Data: []byte{2}})
}

// What the client's methods send is seen as commands, with fragments joined.
func TestReceived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock := wstest.NewMock(t)
		mock.Expect(wstest.Anything()).AnyTimes()
		c := mock.Dial(nil)
		check(t, c.Send(dandelion.Text("a")))
		check(t, c.Queue(background, dandelion.Binary([]byte("b"))))
		synctest.Wait() // or control frames overtake
		check(t, c.SendPing([]byte("c")))
		check(t, c.SendPong([]byte("d")))
		_, err := c.Ping(background)
		check(t, err)
		w := c.Writer(background, messages.KindText)
		_, err = w.Write([]byte("\xC3"))
		check(t, err)
		check(t, c.SendPong([]byte("between")))
		check(t, w.WriteFinal([]byte("\xA4")))
		check(t, c.Close(background, 4000, "bye"))
		wantEvents(t, mock.Received(),
			&messages.SendText{Text: "a"},
			&messages.SendBinary{Data: []byte("b")},
			&messages.Ping{Data: []byte("c")},
			&messages.Pong{Data: []byte("d")},
			wstest.OfType[*messages.Ping](),
			&messages.Pong{Data: []byte("between")},
			&messages.SendText{Text: "ä"},
			&messages.Close{Code: 4000, Reason: "bye"},
		)
	})
}

func TestMockSends(t *testing.T) {
	mock, rec := wstest.NewMock(t), wstest.NewRecorder(t)
	mock.Dial(&dandelion.Options{Handler: rec.Handler()})
	rec.Await(wstest.OfType[*messages.Opened]())
	mock.Send("text", []byte("bytes"), dandelion.TextBytes([]byte("ä")), dandelion.Binary(nil), &messages.Ping{Data: []byte("p")}, &messages.Pong{Data: []byte("q")})
	mock.Conn().WriteSplit(wstest.Hex("01 01 78 80 01 79"), 1, 1)
	rec.Ignore(wstest.OfType[*messages.PongReceived]()) // nobody asked for it
	rec.Expect(wstest.Text("text"))
	rec.Expect(wstest.Binary([]byte("bytes")))
	rec.Expect(wstest.Text("ä"))
	rec.Expect(wstest.Binary([]byte{}))
	rec.Expect(wstest.Like(&messages.PingReceived{Data: []byte("p")}))
	rec.Expect(wstest.Text("xy"))
	defer func() {
		if r := recover(); r == nil || r.(string)[:28] != "wstest: a int cannot be sent" {
			t.Errorf("recovered %v", r)
		}
	}()
	mock.Expect("x").AnyTimes().Reply(7)
}

func TestUnexpected(t *testing.T) {
	r := newFailingT(t)
	mock := wstest.NewMock(r)
	c := mock.Dial(nil)
	check(t, c.Send(dandelion.Text("a")))
	<-c.Done()
	wstest.AssertMatch(t, wstest.Like(&messages.CloseError{Code: 1008, Reason: "wstest: not expected"}), c.Err())
	r.expect("unexpected &SendText{Text: \"a\"}\n  nothing was expected\n  what has happened (→ to the server, ← from it):\n")

	mock.Expect(wstest.Text("b"))
	mock.Expect(wstest.Text(wstest.Regexp("^c"))).Times(0)
	c = mock.Dial(nil)
	check(t, c.Write(background, dandelion.Text("b")))
	for text, want := range map[string]string{
		"b": "  not text \"b\", once (mock_test.go):\n    it matches, but came once already\n  not text a match of \"^c\", never (mock_test.go):\n    got \"b\", want a match of \"^c\"",
		"c": "it matches, but must not come",
		"d": "  not text \"b\", once (mock_test.go):\n    got \"d\", want \"b\"",
	} {
		check(t, c.Send(dandelion.Text(text)))
		<-c.Done()
		r.expect(want)
		c = mock.Dial(nil)
	}
	r.end()
	r.expect()
}

func TestVerification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFailingT(t)
		mock := wstest.NewMock(r, wstest.WithTimeout(time.Second))
		mock.Expect("never").Times(0)
		mock.Expect("maybe").AtMost(1)
		mock.Expect(wstest.Text("twice")).Times(2)
		mock.Expect(wstest.Text("often")).AtLeast(2)
		mock.Expect(wstest.Text("often too")).AtLeast(2)
		c := mock.Dial(nil)
		check(t, c.Send(dandelion.Text("twice")))
		for range 3 {
			check(t, c.Send(dandelion.Text("often too")))
		}
		var line string
		r.run(func() {
			line = nextLine()
			mock.Wait()
		})
		const want = "not everything has come that was expected:\n" +
			"  text \"twice\", twice (mock_test.go): came once\n" +
			"  text \"often\", at least twice (mock_test.go): never came\n" +
			"  what has happened (→ to the server, ← from it):\n"
		r.expectAt(line, "wstest: after 1s "+want)
		r.end()
		r.expect(want)
	})
}

// What comes late is waited for, by Wait and at the end of the test.
func TestWhatComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFailingT(t)
		mock := wstest.NewMock(r)
		mock.Expect(wstest.Text("late"))
		c, start := mock.Dial(nil), time.Now()
		sendAfter := func(text string) {
			time.AfterFunc(3*time.Second, func() { _ = c.Send(dandelion.Text(text)) })
		}
		sendAfter("late")
		mock.Wait()
		wantAfter(t, start, 3*time.Second)
		mock.Expect(wstest.Text("later"))
		sendAfter("later")
		r.end()
		r.expect()
	})
}

func TestInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFailingT(t)
		mock := wstest.NewMock(r)
		wstest.InOrder(
			mock.Expect(wstest.Text("a")),
			mock.Expect(wstest.Text("b")).AnyTimes(),
			mock.Expect(wstest.Text("c")).Times(2),
			mock.Expect(wstest.Text("d")),
		)
		wstest.InOrder()
		mock.Expect(wstest.Text("anywhere")).AnyTimes()
		send := func(texts ...string) {
			c := mock.Dial(nil)
			for _, text := range texts {
				check(t, c.Send(dandelion.Text(text)))
			}
			synctest.Wait()
		}
		send("anywhere", "b")
		r.expect("it matches, but has to come behind text \"a\", once (mock_test.go), which never came")
		send("a", "b", "b", "c", "b")
		r.expect("it matches, but what had to come behind it has come already")
		send("d")
		r.expect("it matches, but has to come behind text \"c\", twice (mock_test.go), which came once")
		send("c", "d")
		r.end()
		r.expect()
	})
}

func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock := wstest.NewMock(t)
		mock.Expect(wstest.Text("slow")).Delay(time.Second).Reply("x").Delay(time.Second).Reply("y")
		mock.Expect(wstest.Text("fast")).Reply("z")
		c, start := mock.Supervise(nil), time.Now()
		check(t, c.Write(background, dandelion.Text("slow")))
		check(t, c.Write(background, dandelion.Text("fast")))
		wantRead(t, c, wstest.Text("z"))
		wantAfter(t, start, 0)
		wantRead(t, c, wstest.Text("x"))
		wantAfter(t, start, time.Second)
		wantRead(t, c, wstest.Text("y"))
		wantAfter(t, start, 2*time.Second)

		// A reply of one connection does not come on the next.
		mock.Expect(wstest.Text("a")).Delay(time.Minute).Reply("of the first")
		mock.Expect(wstest.Text("b")).Lose()
		check(t, c.Write(background, dandelion.Text("a")))
		check(t, c.Write(background, dandelion.Text("b")))
		mock.Wait()
		time.Sleep(time.Hour)
		mock.Send("of the second")
		wantRead(t, c, wstest.Text("of the second"))
	})
}

func TestMockAndPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock := wstest.NewMock(t)
		ping := wstest.OfType[*messages.Ping]()
		c := mock.Dial(&dandelion.Options{PingInterval: time.Hour, PongTimeout: 10 * time.Second})
		_, err := c.Ping(background)
		check(t, err)

		mock.Expect(ping).Delay(70 * time.Millisecond)
		rtt, err := c.Ping(background)
		check(t, err)
		if rtt != 70*time.Millisecond {
			t.Errorf("rtt %v", rtt)
		}

		mock.Expect(ping).Ignore()
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		_, err = c.Ping(ctx)
		wantErrorIs(t, err, context.DeadlineExceeded)

		mock.Expect(ping).Ignore()
		<-c.Done()
		wstest.AssertMatch(t, wstest.Regexp("no pong in time"), c.Err())
	})
}

// Each end of a connection that a server can make.
func TestMockEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(m *wstest.Mock, c *wstest.MockClient)
		want *messages.CloseError
	}{
		{"server closes", func(m *wstest.Mock, _ *wstest.MockClient) { m.Close(wire.StatusGoingAway, "restart") },
			&messages.CloseError{Code: 1001, Reason: "restart", By: messages.Remote, Clean: true}},
		{"lost", func(m *wstest.Mock, _ *wstest.MockClient) { m.Lose() }, &messages.CloseError{Code: 1006}},
		{"client closes", func(_ *wstest.Mock, c *wstest.MockClient) { _ = c.Close(background, wire.StatusNormal, "bye") },
			&messages.CloseError{Code: 1000, Reason: "bye", By: messages.Local, Clean: true}},
		{"close without a code", func(_ *wstest.Mock, c *wstest.MockClient) { _ = c.Close(background, 0, "") },
			&messages.CloseError{Code: wire.StatusNoStatus, Clean: true}},
		{"close after a while", func(m *wstest.Mock, c *wstest.MockClient) {
			m.Expect(wstest.OfType[*messages.Close]()).Delay(time.Second)
			_ = c.Close(background, wire.StatusNormal, "")
		}, &messages.CloseError{Code: 1000, Clean: true}},
		{"close ignored", func(m *wstest.Mock, c *wstest.MockClient) {
			m.Expect(wstest.OfType[*messages.Close]()).Ignore()
			_ = c.Close(background, wire.StatusNormal, "")
		}, &messages.CloseError{Code: 1006, SentCode: 1000, Cause: messages.ErrCloseTimeout}},
		{"close answered by a reset", func(m *wstest.Mock, c *wstest.MockClient) {
			m.Expect(wstest.OfType[*messages.Close]()).Lose()
			_ = c.Close(background, wire.StatusNormal, "")
		}, &messages.CloseError{Code: 1006, SentCode: 1000}},
		{"server stalls", func(m *wstest.Mock, c *wstest.MockClient) {
			m.Stall()
			_ = c.Close(background, wire.StatusNormal, "")
		}, &messages.CloseError{Code: 1006, SentCode: 1000, Cause: messages.ErrCloseTimeout}},
		{"server breaks the protocol", func(m *wstest.Mock, _ *wstest.MockClient) { m.Conn().WriteRaw(wstest.Hex("83 00")) },
			&messages.CloseError{Code: 1006, SentCode: 1002, By: messages.Local}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := wstest.NewMock(t)
				c := m.Dial(nil)
				test.end(m, c)
				<-c.Done()
				wstest.AssertMatch(t, wstest.Like(test.want), c.Err())
			})
		})
	}
}

func TestMockStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock := wstest.NewMock(t, wstest.WithBuffer(1<<10))
		mock.Expect(wstest.Anything()).AnyTimes()
		c := mock.Dial(&dandelion.Options{QueueMessages: 1})
		mock.Stall()
		check(t, c.Send(dandelion.Text(string(make([]byte, 64<<10)))))
		var err error
		for range 3 {
			err = errors.Join(err, c.Send(dandelion.Text("a")))
		}
		wantErrorIs(t, err, messages.ErrQueueFull)
		mock.Resume()
		check(t, c.Write(background, dandelion.Text("b")))
	})
}

func TestMockRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock, rec := wstest.NewMock(t), wstest.NewRecorder(t)
		mock.Accept(wstest.Subprotocol("chat"))
		mock.Refuse(503, "Retry-After: 7")
		mock.Refuse(429)
		mock.Server.Refuse()
		c := mock.Supervise(&dandelion.Options{
			Handler: rec.Handler(), Subprotocols: []string{"chat"},
			Retry: retry.Policy{Backoff: retry.Exponential{Base: time.Second, Float64: func() float64 { return 1 }}.New},
		})
		rec.Await(wstest.Like(&messages.ReconnectScheduled{Epoch: 1, Reason: "dial failed"}))
		mock.Server.Resume()
		rec.Await(wstest.Like(&messages.ReconnectScheduled{Epoch: 2, Reason: "HTTP status 503"}))
		rec.Await(wstest.Like(&messages.ReconnectScheduled{Epoch: 3, Reason: "HTTP status 429"}))
		opened := wstest.AwaitType[*messages.Opened](rec)
		if opened.Epoch != 4 || opened.Subprotocol != "chat" || c.Opened().Epoch != 4 {
			t.Errorf("opened %+v", opened)
		}
		if n := len(mock.Requests()); n != 3 {
			t.Errorf("%d requests", n)
		}
	})
	r := newFailingT(t)
	mock := wstest.NewMock(r)
	mock.Refuse(http.StatusForbidden)
	var line string
	r.run(func() {
		line = nextLine()
		mock.Dial(nil)
	})
	r.expectAt(line, "answered 403 Forbidden")
	r.end()
}

func TestNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFailingT(t)
		mock := wstest.NewMock(r)
		c := mock.Dial(nil)
		c.Abort()
		<-c.Done()
		synctest.Wait()
		var line string
		r.run(func() {
			line = nextLine()
			mock.Send("x")
		})
		r.expectAt(line, "wstest: no connection is open after 1h0m0s, 1 have come")
		r.end()
	})
}

// The ways for code that connects by itself.
func TestWaysToTheMock(t *testing.T) {
	for _, opts := range [][]wstest.Option{nil, {wstest.WithTLS()}} {
		synctest.Test(t, func(t *testing.T) {
			mock := wstest.NewMock(t, opts...)
			mock.Expect(wstest.Text("hello")).Times(2)
			client, err := dandelion.Dial(background, mock.URL(), mock.Options(&dandelion.Options{Origin: "o"}))
			check(t, err)
			check(t, client.Write(background, dandelion.Text("hello")))
			client.Abort()
			<-client.Done()

			probe := wstest.NewProbe(t, mock.System())
			pid := mock.Spawn(supervisor.Config{Target: probe.PID(), Request: handshake.Request{Origin: "p"}})
			probe.Await(wstest.OfType[*messages.Opened]())
			probe.Send(pid, &messages.SendText{Text: "hello", Ref: 7})
			probe.Expect(&messages.Sent{Epoch: 1, Ref: 7})
			mock.Wait()
			for i, want := range []string{"o", "p"} {
				wstest.AssertMatch(t, want, mock.Requests()[i].Value("Origin"))
			}
			// The actor is stopped with its system.
		})
	}
}

// What fails in Do marks the test as failed, with the line in it.
func TestDoFails(t *testing.T) {
	r := newFailingT(t)
	mock := wstest.NewMock(r)
	var line string
	mock.Expect(wstest.Text("a")).Do(func(c *wstest.Conn, _ any) {
		line = nextLine()
		c.ExpectText("b")
	})
	c := mock.Dial(nil)
	check(t, c.Send(dandelion.Text("a")))
	check(t, c.Send(dandelion.Text("c")))
	<-c.Done()
	r.expectAt(line, `wstest: connection 1: expected Text "b", got Text "c"`)
	r.end()
	r.expect()
}

// Every method of a client can be replaced: each has a field that it calls.
func TestEveryMethodCanBeMocked(t *testing.T) {
	client := reflect.ValueOf(&dandelion.Client{})
	for i := range client.NumMethod() {
		name := client.Type().Method(i).Name
		var mocked wstest.MockClient
		field := reflect.ValueOf(&mocked).Elem().FieldByName(name + "Func")
		method := reflect.ValueOf(&mocked).MethodByName(name)
		if !field.IsValid() || !method.IsValid() {
			t.Errorf("%s: a MockClient has no such method, or no field for it", name)
			continue
		}
		if want := client.Method(i).Type(); method.Type() != want || field.Type() != want {
			t.Errorf("%s is %v, and its field %v, want %v", name, method.Type(), field.Type(), want)
			continue
		}
		called := false
		field.Set(reflect.MakeFunc(field.Type(), func([]reflect.Value) (out []reflect.Value) {
			called = true
			for i := range field.Type().NumOut() {
				out = append(out, reflect.Zero(field.Type().Out(i)))
			}
			return out
		}))
		var args []reflect.Value
		for i := range field.Type().NumIn() {
			args = append(args, reflect.Zero(field.Type().In(i)))
		}
		method.Call(args)
		if !called {
			t.Errorf("%s does not call its field", name)
		}
	}
	if got, want := reflect.TypeFor[wstest.MockClient]().NumField(), client.NumMethod()+1; got != want {
		t.Errorf("a MockClient has %d fields, want %d: those of the methods, and Client", got, want)
	}
}

// The methods of a mocked client are those of the true one, until they are replaced.
func TestMockClient(t *testing.T) {
	mock := wstest.NewMock(t)
	mock.Expect(wstest.Text("a")).Reply("b")
	c := mock.Dial(nil)
	c.WriteFunc = func(ctx context.Context, m dandelion.Message) error {
		if m.Text() == "x" {
			return messages.ErrMessageTooBig
		}
		return c.Client.Write(ctx, m)
	}
	wantErrorIs(t, c.Write(background, dandelion.Text("x")), messages.ErrMessageTooBig)
	check(t, c.Write(background, dandelion.Text("a")))
	wantRead(t, c, wstest.Text("b"))
	if c.State() != messages.StateOpen || c.PID() != c.Client.PID() {
		t.Errorf("state %v, PID %v", c.State(), c.PID())
	}
}

package wstest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

func TestRecorder(t *testing.T) {
	rec := wstest.NewRecorder(t)
	if rec.LastSender() != nil {
		t.Error("a sender of nothing")
	}
	for ref := range uint64(7) {
		rec.Record(&messages.Sent{Ref: ref})
	}
	rec.Expect(&messages.Sent{Ref: 0})
	if got := rec.Await(wstest.Like(&messages.Sent{Ref: 2})); got.(*messages.Sent).Ref != 2 {
		t.Errorf("got %v", got)
	}
	rec.Await(&messages.Sent{Ref: 4})
	rec.Ignore(&messages.Sent{Ref: 5})
	if sent := wstest.ExpectType[*messages.Sent](rec); sent.Ref != 6 {
		t.Errorf("got %v", sent)
	}
	rec.ExpectNothing(0)
	rec.Record("x")
	rec.Record(errors.New("y"))
	if err := wstest.AwaitType[error](rec, wstest.Regexp("y")); err.Error() != "y" {
		t.Errorf("got %v", err)
	}
	if n := len(rec.Events()); n != 9 {
		t.Errorf("%d events", n)
	}
}

func TestRecorderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := wstest.NewRecorder(t)
		start := time.Now()
		at := func(want time.Duration) {
			t.Helper()
			if got := time.Since(start); got != want {
				t.Errorf("after %v, want %v", got, want)
			}
		}
		go func() {
			for _, s := range []string{"a", "b", "c"} {
				time.Sleep(time.Second)
				rec.Record(s)
			}
		}()
		rec.Expect("a")
		at(time.Second)
		rec.Await("c")
		at(3 * time.Second)
		rec.ExpectNothing(time.Minute)
		at(63 * time.Second)
		time.AfterFunc(time.Hour, func() { rec.Record("d") })
		rec.Within(2 * time.Hour).Expect("d")
	})
}

func TestRecorderFailures(t *testing.T) {
	for _, test := range []struct {
		name string
		part func(rec *wstest.Recorder)
		want string
	}{
		{"expect", func(rec *wstest.Recorder) { rec.Expect("x") }, "expected \"x\", got \"a\":\n    got \"a\", want \"x\"\n  what was recorded (·: read by the test):\n          0s · \"a\"\n          0s   \"b\""},
		{"expect, none", func(rec *wstest.Recorder) { rec.Await("b"); rec.Expect("x") }, `expected "x", nothing came within 1ms`},
		{"await", func(rec *wstest.Recorder) { rec.Await("x") }, "expected \"x\", it did not come within 1ms, but:\n  \"a\":\n    got \"a\", want \"x\"\n  \"b\":\n    got \"b\", want \"x\""},
		{"nothing", func(rec *wstest.Recorder) { rec.ExpectNothing(time.Millisecond) }, `expected nothing for 1ms, got "a"`},
		{"type", func(rec *wstest.Recorder) { wstest.ExpectType[int](rec) }, `expected of type int, got "a"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newFailingT(t)
				rec := wstest.NewRecorder(r)
				rec.Record("a")
				rec.Record("b")
				r.run(func() { test.part(rec.Within(time.Millisecond)) })
				r.expect(test.want)
			})
		})
	}
	r := newFailingT(t)
	rec := wstest.NewRecorder(r)
	r.run(func() { rec.Within(time.Millisecond).Expect("x") })
	r.expect("nothing was recorded")
}

// The recording handler and a real client.
func TestRecordingHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := wstest.NewSystem(t)
		srv := wstest.NewPipe(t)
		rec := wstest.NewRecorder(t)
		script := srv.Script(func(c *wstest.Conn) {
			c.Upgrade()
			c.SendText("a")
			c.SendBinary([]byte{1})
			c.SendPing([]byte("p"))
			c.Expect(&messages.Pong{Data: []byte("p")})
			c.Expect(wstest.Text(wstest.JSON(`{"op": "hello"}`)))
			c.AnswerClose(wire.StatusNormal)
		})
		c, err := dandelion.Dial(t.Context(), srv.URL(), &dandelion.Options{DialContext: srv.DialContext, System: system, Handler: rec.Handler()})
		check(t, err)
		rec.Expect(wstest.Like(&messages.Connecting{Epoch: 1}))
		rec.Expect(wstest.Like(&messages.Opened{Epoch: 1}))
		rec.Expect(wstest.Text("a"))
		rec.Expect(wstest.Binary([]byte{1}))
		rec.Expect(&messages.PingReceived{Data: []byte("p")})
		check(t, c.Send(dandelion.Text(`{ "op" : "hello" }`)))
		check(t, c.Close(t.Context(), wire.StatusNormal, ""))
		rec.Expect(wstest.OfType[*messages.Closing]())
		rec.Expect(wstest.OfType[*messages.Closed]())
		rec.Expect(wstest.OfType[*messages.Stopped]())
		rec.ExpectNothing(time.Hour)
		script.Wait()
	})
}

// A probe as the target of a real connection, and as the sender of commands.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := wstest.NewSystem(t)
		srv := wstest.NewPipe(t)
		probe := wstest.NewProbe(t, system)
		other := wstest.NewProbe(t, system)
		script := srv.Script(func(c *wstest.Conn) {
			c.Upgrade()
			c.Expect(wstest.Text("a"))
			c.SendText("b")
			c.CloseHandshake(wire.StatusNormal, "")
		})
		pid := system.Root.Spawn(supervisor.Props(supervisor.Config{
			URL:        srv.URL(),
			Handshaker: &handshake.Client{Adapter: &handshake.NetAdapter{DialContext: srv.DialContext}},
			Target:     probe.PID(),
		}))
		probe.Watch(pid)
		probe.Await(wstest.OfType[*messages.Opened]())
		if !probe.LastSender().Equal(pid) {
			t.Errorf("sender %v, want %v", probe.LastSender(), pid)
		}
		probe.Ignore(wstest.OfType[*messages.Closing]())
		other.Send(pid, &messages.SendText{Ref: 7, Text: "a"})
		other.Expect(&messages.Sent{Epoch: 1, Ref: 7})
		probe.Expect(wstest.Text("b"))
		closed := wstest.ExpectType[*messages.Closed](probe)
		if !closed.Err.Clean {
			t.Errorf("end %v", closed.Err)
		}
		probe.Expect(wstest.OfType[*messages.GaveUp]())
		probe.Expect(wstest.Like(&messages.Stopped{Cause: closed.Err}))
		probe.Expect(&actor.Terminated{Who: pid})
		other.ExpectNothing(time.Hour)
		script.Wait()
	})
}

func TestProbeReplies(t *testing.T) {
	system := wstest.NewSystem(t)
	r := newFailingT(t)
	a, b := wstest.NewProbe(t, system), wstest.NewProbe(r, system)
	a.Send(b.PID(), "ping")
	b.Expect("ping")
	b.Reply("pong")
	a.Expect("pong")
	system.Root.Send(b.PID(), "anonymous")
	b.Expect("anonymous")
	r.run(func() { b.Reply("nobody") })
	r.expect("there is nobody to reply to")
	r.end()
}

func TestConnExpect(t *testing.T) {
	for _, test := range []struct {
		name string
		hex  string
		want any
		fail string // "" if it matches
	}{
		{"text", "81 82 00000000 6869", wstest.Text("hi"), ""},
		{"fragments", "01 81 00000000 68, 00 80 00000000, 80 81 00000000 69", wstest.Text("hi"), ""},
		{"binary", "82 81 00000000 01", wstest.Binary([]byte{1}), ""},
		{"close", "88 85 00000000 03E8 627965", &messages.Close{Code: 1000, Reason: "bye"}, ""},
		{"close without a status", "88 80 00000000", &messages.Close{}, ""},
		{"other text", "81 82 00000000 6869", wstest.Text("ho"), "expected text \"ho\", got &SendText{Text: \"hi\"}:\n    got \"hi\", want \"ho\""},
		{"no UTF-8", "81 81 00000000 FF", wstest.Text("ho"), "not valid UTF-8"},
		{"continuation", "80 81 00000000 61", wstest.Anything(), "messages are mixed up"},
		{"text between fragments", "01 81 00000000 68, 81 81 00000000 69", wstest.Anything(), "messages are mixed up"},
		{"ping between fragments", "01 81 00000000 68, 89 80 00000000", wstest.OfType[*messages.Ping](), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := wstest.NewPipe(t)
			client, err := srv.DialContext(t.Context(), "tcp", "x")
			check(t, err)
			defer client.Close()
			_, err = client.Write(wstest.Hex(test.hex))
			check(t, err)
			err = srv.Accept(t.Context()).Try(func(c *wstest.Conn) { c.Expect(test.want) })
			if test.fail == "" {
				check(t, err)
			} else {
				wantError(t, err, nil, test.fail)
			}
		})
	}
}

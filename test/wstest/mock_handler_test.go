package wstest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// Every event calls its callback.
func TestEventsOfHandler(t *testing.T) {
	rec := wstest.NewRecorder(t)
	c := wstest.NewMockClient(t, &wstest.MockOptions{Handler: rec.Handler(), Supervised: true})
	events := []any{
		&messages.Connecting{Epoch: 1, Attempt: 1, URL: "ws://example.test/"},
		&messages.Opened{Epoch: 1, URL: "ws://example.test/"},
		&messages.TextReceived{Text: "a"},
		&messages.BinaryReceived{Data: []byte{1}},
		&messages.FragmentReceived{Epoch: 1, Kind: messages.KindText, First: true, Data: []byte("b")},
		&messages.PingReceived{Data: []byte("c")},
		&messages.PongReceived{Epoch: 1, Data: []byte("d"), RTT: time.Second},
		&messages.Closing{Epoch: 1, By: messages.Remote, Code: 1001},
		&messages.Closed{Epoch: 1, Err: &messages.CloseError{Code: 1001}},
		&messages.ReconnectScheduled{Epoch: 1, Attempt: 2},
		&messages.HandlerFailed{Epoch: 1, Value: "x"},
		&messages.GaveUp{Epoch: 1},
		&messages.Stopped{Epoch: 1},
	}
	c.Emit(events...)
	wantEvents(t, rec.Events(), events...)
}

// A handler that takes data keeps it from Read; one that does not leaves it there.
func TestHandlerWithoutData(t *testing.T) {
	rec := wstest.NewRecorder(t)
	c := wstest.NewMockClient(t, &wstest.MockOptions{Handler: rec.Wrap(&dandelion.Handler{})})
	c.EmitOpen(nil)
	c.Emit(&messages.TextReceived{Text: "a"}, &messages.FragmentReceived{Kind: messages.KindBinary, First: true, Data: []byte{1}})
	rec.Expect(wstest.OfType[*messages.Connecting]())
	rec.Expect(wstest.OfType[*messages.Opened]())
	rec.ExpectNothing(0)
	msg, err := c.Read(background)
	check(t, err)
	wstest.AssertMatch(t, wstest.Text("a"), msg)
	msg, err = c.Read(background)
	check(t, err)
	wstest.AssertMatch(t, dandelion.Binary([]byte{1}).Part(true, false), msg)
}

// OnBorrowed takes the place of OnText and OnBinary, and what it was given is no
// good afterwards.
func TestHandlerThatBorrows(t *testing.T) {
	var kept [][]byte
	rec := wstest.NewRecorder(t)
	h := rec.Wrap(&dandelion.Handler{
		OnText:     func(*dandelion.Client, string) { t.Error("OnText was called") },
		OnBorrowed: func(_ *dandelion.Client, _ messages.Kind, data []byte) { kept = append(kept, data) },
	})
	c := wstest.NewMockClient(t, &wstest.MockOptions{Handler: h})
	c.Emit(&messages.TextReceived{Text: "ab"}, &messages.BinaryReceived{Data: []byte{1}})
	rec.Expect(&messages.TextReceived{Text: "ab"})
	rec.Expect(&messages.BinaryReceived{Data: []byte{1}})
	wstest.AssertMatch(t, [][]byte{[]byte("??"), []byte("?")}, kept)
	if _, err := c.Read(background); err == nil {
		t.Error("read past the handler")
	}
}

// What a callback does with the client that it is given are commands.
func TestClientOfCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rtt time.Duration
		var closed error
		h := &dandelion.Handler{
			OnOpen: func(c *dandelion.Client, _ *messages.Opened) {
				check(t, c.Write(context.Background(), dandelion.Text("hello")))
			},
			OnText: func(c *dandelion.Client, text string) {
				switch text {
				case "ping":
					var err error
					rtt, err = c.Ping(context.Background())
					check(t, err)
				case "fragments":
					w := c.Writer(context.Background(), messages.KindText)
					fmt.Fprint(w, "a")
					check(t, w.WriteFinal([]byte("b")))
				case "close":
					closed = c.Close(context.Background(), wire.StatusNormal, "enough")
				}
			},
		}
		rec := wstest.NewRecorder(t)
		c := wstest.NewMockClient(t, &wstest.MockOptions{Handler: rec.Wrap(h)})
		wstest.InOrder(
			c.Expect(wstest.Text("hello")),
			c.Expect(wstest.OfType[*messages.Ping]()).Delay(30*time.Millisecond),
			c.Expect(wstest.Like(&messages.SendFragment{First: true, Data: []byte("a")})),
			c.Expect(wstest.Like(&messages.SendFragment{Final: true, Data: []byte("b")})),
			c.Expect(&messages.Close{Code: 1000, Reason: "enough"}),
		)
		c.EmitOpen(nil)
		for _, text := range []string{"ping", "fragments", "close"} {
			c.Emit(&messages.TextReceived{Text: text})
		}
		c.Wait()
		rec.Await(wstest.OfType[*messages.Stopped]())
		if rtt != 30*time.Millisecond {
			t.Errorf("rtt %v", rtt)
		}
		check(t, closed)
	})
}

// To fail a command of the client of a callback drops its connection.
func TestFailClientOfCallback(t *testing.T) {
	got := make(chan error, 1)
	h := &dandelion.Handler{OnText: func(c *dandelion.Client, text string) {
		_, err := c.Ping(context.Background())
		got <- err
	}}
	c := wstest.NewMockClient(t, &wstest.MockOptions{Handler: h})
	c.Expect(wstest.OfType[*messages.Ping]()).Fail(errors.New("x"))
	c.Emit(&messages.TextReceived{Text: "a"})
	wantErrorIs(t, <-got, messages.ErrClosed)
}

// Callbacks are called one at a time and never on the goroutine that sends.
func TestRepliesComeOnAGoroutineOfTheirOwn(t *testing.T) {
	var mu sync.Mutex
	rec := wstest.NewRecorder(t)
	h := rec.Wrap(&dandelion.Handler{OnText: func(*dandelion.Client, string) {
		mu.Lock()
		defer mu.Unlock()
	}})
	c := wstest.NewMockClient(t, &wstest.MockOptions{Handler: h})
	c.Expect(wstest.Text("a")).ReplyText("b")
	mu.Lock()
	check(t, c.Send(dandelion.Text("a"))) // would hang if it called OnText
	mu.Unlock()
	rec.Expect(wstest.Text("b"))
}

func TestPanicOfHandler(t *testing.T) {
	r := newFailingT(t)
	rec := wstest.NewRecorder(t)
	h := rec.Wrap(&dandelion.Handler{OnText: func(_ *dandelion.Client, text string) {
		switch text {
		case "panic":
			panic("oh")
		case "goexit":
			r.FailNow()
		}
	}})
	c := wstest.NewMockClient(r, &wstest.MockOptions{Handler: h})
	c.Emit(&messages.TextReceived{Text: "panic"}, &messages.TextReceived{Text: "goexit"}, &messages.TextReceived{Text: "go on"})
	rec.Expect(wstest.Text("go on"))
	r.end()
	r.expect("the handler of &TextReceived{Epoch: 1, Text: \"panic\"} panicked: oh")
}

func TestHandlerThatHangs(t *testing.T) {
	r := newFailingT(t)
	release := make(chan struct{})
	h := &dandelion.Handler{OnText: func(_ *dandelion.Client, text string) { <-release }}
	c := wstest.NewMockClient(r, &wstest.MockOptions{Handler: h})
	r.run(func() { c.Within(time.Millisecond).Emit(&messages.TextReceived{}) })
	r.expect("an event was not handled within 1ms")
	close(release)
	r.end()
}

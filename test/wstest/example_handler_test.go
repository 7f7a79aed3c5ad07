// How to test the callbacks of a Handler: alone with a mock, and with a real
// client and a scripted server.

package wstest_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// bot is the code under test. It answers those who call it by its name.
type bot struct {
	name string

	mu     sync.Mutex
	online bool
}

func (b *bot) handler() *dandelion.Handler {
	return &dandelion.Handler{
		OnOpen: func(c *dandelion.Client, _ *messages.Opened) {
			b.setOnline(true)
			_ = c.Send(dandelion.Text(`{"op": "join", "name": "` + b.name + `"}`)) // OnClosed tells if it was lost
		},
		OnText: func(c *dandelion.Client, text string) {
			if strings.Contains(text, b.name) {
				_ = c.Send(dandelion.Text(`{"op": "say", "text": "at your service"}`))
			}
		},
		OnClosed: func(*dandelion.Client, *messages.Closed) { b.setOnline(false) },
	}
}

func (b *bot) setOnline(online bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.online = online
}

func (b *bot) isOnline() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.online
}

// Events are emitted, and what the callbacks send is expected. No network, no
// server, no waiting: Emit returns when the callback has.
func TestBotAlone(t *testing.T) {
	b := &bot{name: "Dora"}
	client := wstest.NewMockClient(t, &wstest.MockOptions{Handler: b.handler()})

	client.Expect(wstest.Text(wstest.JSON(`{"op": "join", "name": "Dora"}`)))
	client.EmitOpen(nil)
	if !b.isOnline() {
		t.Error("not online when open")
	}

	client.Expect(wstest.Text(wstest.PartialJSON(`{"op": "say"}`)))
	client.Emit(&messages.TextReceived{Text: "nobody is meant"})
	client.Emit(&messages.TextReceived{Text: "Dora, are you there?"})
	client.Wait() // for what was sent

	client.EmitClose(wire.StatusGoingAway, "restart")
	if b.isOnline() {
		t.Error("online when closed")
	}
}

// The same with a real client: the callbacks are wrapped so that the test can
// await them, the server is a script, and an hour of silence takes no time.
func TestBotAndServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bot{name: "Dora"}
		system, server, rec := wstest.NewSystem(t), wstest.NewPipe(t), wstest.NewRecorder(t)
		script := server.Script(func(c *wstest.Conn) {
			c.Upgrade()
			c.Expect(wstest.Text(wstest.PartialJSON(`{"op": "join"}`)))
			c.ExpectSilence(time.Hour)
			c.SendText("Dora?")
			c.Expect(wstest.Text(wstest.PartialJSON(`{"op": "say"}`)))
			c.CloseHandshake(wire.StatusGoingAway, "restart")
		})

		_, err := dandelion.Dial(t.Context(), server.URL(), &dandelion.Options{
			DialContext: server.DialContext,
			System:      system,
			Handler:     rec.Wrap(b.handler()),
		})
		if err != nil {
			t.Fatal(err)
		}
		rec.Within(2 * time.Hour).Await(wstest.Text("Dora?"))
		rec.Await(wstest.Like(&messages.Closed{Err: &messages.CloseError{Code: wire.StatusGoingAway, Clean: true}}))
		if b.isOnline() {
			t.Error("online when closed")
		}
		rec.Await(wstest.OfType[*messages.Stopped]())
		script.Wait()
	})
}

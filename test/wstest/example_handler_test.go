// How to test the callbacks of a Handler.

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

// The server is a mock. In a synctest bubble time is fake: synctest.Wait returns when
// everything that was sent has been handled, and an hour of silence takes no time.
func TestBot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bot{name: "Dora"}
		mock := wstest.NewMock(t)
		mock.Expect(wstest.Text(wstest.JSON(`{"op": "join", "name": "Dora"}`)))
		mock.Dial(&dandelion.Options{Handler: b.handler()})
		mock.Wait()
		if !b.isOnline() {
			t.Error("not online when open")
		}

		mock.Send("nobody is meant")
		time.Sleep(time.Hour)
		mock.Expect(wstest.Text(wstest.PartialJSON(`{"op": "say"}`)))
		mock.Send("Dora, are you there?")
		mock.Wait()

		mock.Close(wire.StatusGoingAway, "restart")
		synctest.Wait()
		if b.isOnline() {
			t.Error("online when closed")
		}
	})
}

// Without a bubble a recorder tells when a callback has returned.
func TestBotInRealTime(t *testing.T) {
	b := &bot{name: "Dora"}
	mock, rec := wstest.NewMock(t), wstest.NewRecorder(t)
	mock.Expect(wstest.Text(wstest.PartialJSON(`{"op": "join"}`)))
	mock.Dial(&dandelion.Options{Handler: rec.Wrap(b.handler())})
	mock.Wait()

	mock.Lose()
	rec.Await(wstest.Like(&messages.Closed{Err: &messages.CloseError{Code: wire.StatusAbnormal}}))
	if b.isOnline() {
		t.Error("online when lost")
	}
}

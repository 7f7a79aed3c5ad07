// This file lets Client.Ping of a mocked client wait for its Pong.

package wstest

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// pongWaiter waits for the next Pong, or for the end of the connection.
type pongWaiter struct {
	data []byte
	rtt  chan time.Duration // room for one
	lost chan error         // room for one
}

// nextPing returns data for a Ping that no other Ping has.
func (c *mockCore) nextPing() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pings++
	return binary.BigEndian.AppendUint64(nil, c.pings)
}

func (c *mockCore) awaitPong(data []byte) *pongWaiter {
	w := &pongWaiter{data: data, rtt: make(chan time.Duration, 1), lost: make(chan error, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pongs = append(c.pongs, w)
	return w
}

func (c *mockCore) forgetPong(w *pongWaiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pongs = slices.DeleteFunc(c.pongs, func(other *pongWaiter) bool { return other == w })
}

// pong tells those who wait for a Pong of an event. A Pong without data is for
// all, since a test cannot know the data. It is called with mu held.
func (c *mockCore) pong(event any) {
	e, isPong := event.(*messages.PongReceived)
	err := c.life.ended()
	if !isPong && err == nil {
		return
	}
	c.pongs = slices.DeleteFunc(c.pongs, func(w *pongWaiter) bool {
		switch {
		case err != nil:
			w.lost <- err
		case len(e.Data) == 0 || string(e.Data) == string(w.data):
			w.rtt <- e.RTT
		default:
			return false
		}
		return true
	})
}

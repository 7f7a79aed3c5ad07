//go:build !race

package protocol

import (
	"strings"
	"testing"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Under the race detector pools lose what is in them.

// Sending and receiving a message allocates nothing.
func TestHotPathDoesNotAllocate(t *testing.T) {
	c := open(t, Config{})
	done := make(chan error, 1)
	waits := Reply{To: (chan<- error)(done), Awaited: true}
	data := make([]byte, 100)
	text := strings.Repeat("x", 100)
	var bufs [][]byte
	var due []Outcome
	c.out.Attach(func(Wake) {})
	write := func() {
		for {
			if bufs = c.out.Take(bufs[:0]); len(bufs) == 0 {
				return
			}
			due = c.out.Wrote(due[:0])
		}
	}
	items := []wire.Item{{Opcode: wire.OpText, First: true, Final: true, Payload: data}}
	r := &Read{}
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"send and write", func() { c.out.Send(messages.KindBinary, data, Reply{}); write() }},
		{"send a text and write", func() { c.out.SendText(text, Reply{}); write() }},
		{"receive", func() {
			r.Items = items
			c.m.Step(r, c.now)
			c.m.Effects()
		}},
		{"answer a Ping", func() {
			c.out.answerPing(data)
			write()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(1000, test.do); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
		})
	}
	t.Run("send for whoever waits", func(t *testing.T) {
		if n := testing.AllocsPerRun(1000, func() { c.out.Send(messages.KindBinary, data, waits); write() }); n > 1 {
			t.Errorf("%v allocations, want at most that of the list of replies", n)
		}
	})
}

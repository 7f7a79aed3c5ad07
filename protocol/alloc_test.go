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
	c.out = NewOutbound(10, 1<<20)
	done := make(chan error, 1)
	waits := Reply{To: (chan<- error)(done), Awaited: true}
	data := make([]byte, 100)
	large := make([]byte, 256<<10)
	larger := make([]byte, 64<<10+chunkSlack-2-8-4+1)
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
		{"send a large message and write", func() { c.out.Send(messages.KindBinary, large, Reply{}); write() }},
		{"send what needs a larger buffer with its header", func() { c.out.Send(messages.KindBinary, larger, Reply{}); write() }},
		{"send two and write", func() {
			c.out.Send(messages.KindBinary, data, Reply{})
			c.out.Send(messages.KindBinary, data, Reply{})
			write()
		}},
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

// A buffer that was written is used again, unless it is not of a size that is kept.
func TestChunkBuffersAreKept(t *testing.T) {
	for size, kept := range map[int]bool{
		1: true, 32<<10 + chunkSlack: true, 1 << 20: true, 1<<maxChunkClass + chunkSlack: true, 1<<maxChunkClass + chunkSlack + 1: false,
		1<<(maxChunkClass+1) + chunkSlack: false,
	} {
		b := newChunkBuffer(size)[:1]
		freeChunkBuffer(b)
		if again := newChunkBuffer(size)[:1]; (&again[0] == &b[0]) != kept {
			t.Errorf("buffer for %d bytes: used again %v, want %v", size, !kept, kept)
		}
	}
	b := newChunkBuffer(1 << 20)[:1]
	if err := NewOutbound(0, 0).queueFrame(b, wire.OpText, nil, Reply{}); err == nil {
		t.Error("a queue without room accepts a frame")
	}
	if again := newChunkBuffer(1 << 20)[:1]; &again[0] != &b[0] {
		t.Error("the buffer of a frame that was refused is not kept")
	}
	o := NewOutbound(10, 1000)
	o.sending = true
	if err := o.queueFrame(b, wire.OpText, nil, Reply{}); err != nil {
		t.Error(err)
	}
	if again := newChunkBuffer(1 << 20)[:1]; &again[0] != &b[0] {
		t.Error("the buffer of a frame that waits is not kept")
	}
	freeChunkBuffer(make([]byte, 0, 40<<10)) // is none of these
	if got, want := cap(newChunkBuffer(60<<10)), 64<<10+chunkSlack; got != want {
		t.Errorf("buffer for 60 KiB has %d bytes, want %d", got, want)
	}
}

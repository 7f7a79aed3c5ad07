package actors

// This file is the actor that owns the receiving side of the stream.

import (
	"github.com/asynkron/protoactor-go/actor"
)

// reader owns the receiving side of the stream. A readLoop does the reading.
type reader struct {
	conn *conn
}

// Receive never blocks.
func (r *reader) Receive(ctx actor.Context) {
	w := &r.conn.window
	switch msg := ctx.Message().(type) {
	case *credit:
		w.used.Add(int64(-msg.bytes))
	case *unthrottle:
		w.free.Store(true)
	case *discard:
		w.discard.Store(true)
	case *actor.Started:
		l := newReadLoop(r.conn)
		w.tell = l.tell
		go r.conn.loop.Run(l.run, l.end)
		return
	case *actor.Stopping:
		w.stop.Store(true)
	default:
		return
	}
	w.signal()
}

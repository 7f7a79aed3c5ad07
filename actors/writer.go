package actors

// This file is the actor that owns the sending side of the stream.

import (
	"fmt"
	"net"
	"runtime/debug"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/protocol"
)

// inlineRounds is how many writes one flush does before it leaves its goroutine, which may be
// that of a sender.
const inlineRounds = 16

// writer takes everything that the Outbound has queued and tries to write it without
// blocking. What the socket does not take at once is written on the goroutine for blocking
// calls.
type writer struct {
	conn     *conn
	try      func(p []byte) (n int, err error) // nil if the stream cannot write without blocking
	blocking mailbox.Lane                      // where blocking calls go

	bufs     [][]byte
	out      []protocol.Outcome
	busy     bool // a blocking call is under way
	failed   bool
	closing  bool // end the write side when nothing is left
	ended    bool
	reported bool // that the Close was written
}

// Receive never blocks.
func (w *writer) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *flush:
		w.pump()
	case *writeDone:
		w.busy = false
		if msg.err != nil {
			w.fail(msg.err)
			return
		}
		w.settle()
		w.pump()
	case *halfClose:
		w.closing = true
		w.pump()
	case *actor.Started:
		w.try = nonblockingWrite(w.conn.Stream)
		w.conn.Out.Attach(w.wake)
	case *actor.Stopped:
		w.blocking.Close()
	}
}

// wake is called when something was queued.
func (w *writer) wake(why protocol.Wake) {
	message := &flushes[why]
	if w.conn.replyDue.Load() && w.conn.replyDue.Swap(false) && why == protocol.WakeMessage {
		message = flushReply
	}
	w.conn.writer.Post(message)
}

// pump writes until nothing is queued, or until the socket takes no more.
func (w *writer) pump() {
	for round := 0; !w.busy && !w.failed; round++ {
		w.bufs = w.conn.Out.Take(w.bufs[:0])
		if len(w.bufs) == 0 {
			w.endWriteSide()
			return
		}
		rest, err := w.writeNow(w.bufs)
		if err != nil {
			w.fail(err)
			return
		}
		if len(rest) > 0 || round >= inlineRounds {
			w.writeLater(rest)
			return
		}
		w.settle()
	}
}

// writeNow writes what the socket takes without blocking and returns the rest.
func (w *writer) writeNow(bufs [][]byte) ([][]byte, error) {
	if w.try == nil {
		return bufs, nil
	}
	for len(bufs) > 0 {
		n, err := w.try(bufs[0])
		if err != nil {
			return bufs, err
		}
		if n < len(bufs[0]) {
			bufs[0] = bufs[0][n:]
			return bufs, nil
		}
		bufs = bufs[1:]
	}
	return nil, nil
}

// writeLater writes bufs on the goroutine for blocking calls.
func (w *writer) writeLater(bufs [][]byte) {
	w.later(func() error {
		vector := net.Buffers(bufs)
		_, err := vector.WriteTo(w.conn.Stream)
		return err
	})
}

// later runs a blocking call and posts its outcome to the writer itself.
func (w *writer) later(call func() error) {
	w.busy = true
	w.blocking.Run(func() {
		w.conn.writer.Post(&writeDone{guard(call)})
	})
}

// guard turns a panic in a stream that the caller supplied into an error.
func guard(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic while writing: %v\n%s", r, debug.Stack())
		}
	}()
	return call()
}

// settle tells the senders that what was taken is written.
func (w *writer) settle() {
	w.out = w.conn.Out.Wrote(w.out[:0])
	for i, o := range w.out {
		w.conn.reply(o)
		w.out[i] = protocol.Outcome{}
	}
	if !w.reported && w.conn.Out.CloseWritten() {
		w.reported = true
		w.conn.protocol.Post(&written{protocol.CloseWritten{}})
	}
}

// fail reports that nothing more can be written.
func (w *writer) fail(err error) {
	w.failed = true
	w.conn.protocol.Post(&written{protocol.WriteFailed{Err: err}})
}

// endWriteSide sends the end of the stream once, if it was asked for: close_notify
// and then FIN over TLS, FIN over TCP (RFC 6455 §7.1.1).
func (w *writer) endWriteSide() {
	if !w.closing || w.ended {
		return
	}
	w.ended = true
	half, ok := w.conn.Stream.(interface{ CloseWrite() error })
	if !ok {
		w.conn.protocol.Post(&written{protocol.WriteEnded{Whole: true}})
		return
	}
	w.busy = true
	w.blocking.Run(func() {
		guard(func() error {
			half.CloseWrite()
			if secure, ok := w.conn.Stream.(interface{ NetConn() net.Conn }); ok {
				if half, ok := secure.NetConn().(interface{ CloseWrite() error }); ok {
					half.CloseWrite()
				}
			}
			return nil // the stream is about to be dropped: an error changes nothing
		})
		w.conn.protocol.Post(&written{protocol.WriteEnded{}})
	})
}

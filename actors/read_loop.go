package actors

// This file is what reads the stream and turns it into batches.

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// drainMax is how many bytes are thrown away after a Close or a violation before the stream is
// given up.
const drainMax = 4 << 20

// readLoop reads the stream, on the goroutine of the connection's Loop, which blocks. It ends
// when the stream does. The callback actor works on this goroutine, too, after each batch
// that gives it something to do.
type readLoop struct {
	conn     *conn
	receiver *wire.Receiver
	source   source
	batch    *batch // to be filled by the next read, may be nil
	err      error  // of the last read; at the end, why the loop has ended
}

func newReadLoop(c *conn) *readLoop {
	cfg := wire.ReceiverConfig{Role: wire.Client, Limits: c.Limits, Streaming: c.Streaming}
	if c.Borrowed {
		cfg.Buffers = joinBuffers{}
	}
	return &readLoop{
		conn:     c,
		receiver: wire.NewReceiver(cfg),
		source:   newSource(c.Stream),
	}
}

// run reads until the stream ends, or another goroutine has taken over.
func (l *readLoop) run() {
	if err := l.read(); err != errTakenOver {
		l.err = err
	}
}

// end posts the last batch: why the stream has ended.
func (l *readLoop) end() {
	b := l.newBatch()
	if b.end = l.err; b.end == nil {
		b.end = errors.New("the goroutine that reads was ended: runtime.Goexit was called in Read of the stream")
	}
	l.conn.protocol.Post(b)
}

var errTakenOver = errors.New("another goroutine reads") // never leaves this file

// read turns the stream into batches until it ends, and returns why.
func (l *readLoop) read() (err error) {
	defer func() {
		if r := recover(); r != nil { // of a stream that the caller supplied
			err = fmt.Errorf("panic while reading: %v\n%s", r, debug.Stack())
		}
	}()
	w := &l.conn.window
	if buffered := l.conn.Buffered; len(buffered) > 0 {
		l.conn.Buffered = nil
		w.reads.Add(1)
		b := l.newBatch()
		b.Items, b.violation = l.receiver.Receive(b.Items, buffered)
		if !l.deliver(b, nil) {
			return errTakenOver
		}
	}
	for l.err == nil && w.wait() && !w.discard.Load() {
		if !l.readOnce() {
			return errTakenOver
		}
	}
	if l.err != nil {
		return l.err
	}
	return l.drain()
}

// readOnce does one read and hands on what it brought. It returns false if another goroutine
// has taken over.
func (l *readLoop) readOnce() (mine bool) {
	w := &l.conn.window
	if space := l.receiver.Space(); space != nil { // straight into the message that is being received
		var n int
		if n, l.err = l.source.readInto(space); n == 0 {
			return true
		}
		w.reads.Add(1)
		b := l.newBatch()
		b.Items, b.violation = l.receiver.Filled(b.Items, n)
		return l.deliver(b, nil)
	}
	var in *input
	var n int
	in, n, l.err = l.source.read()
	if n > 0 {
		w.reads.Add(1)
		b := l.newBatch() // only now: an idle connection has none
		b.Items, b.violation = l.receiver.Receive(b.Items, in.buf[:n])
		return l.deliver(b, in)
	}
	if in != nil {
		in.free()
	}
	return true
}

// deliver posts b, unless it is empty, together with the input to which its items may refer.
// It returns false if another goroutine has taken over.
func (l *readLoop) deliver(b *batch, in *input) (mine bool) {
	w := &l.conn.window
	if w.free.Load() && w.used.Load() >= w.size {
		l.dropData(b)
	}
	weight := 1
	refers := false
	for i := range b.Items {
		item := &b.Items[i]
		if item.Owned {
			b.owning = true
			weight += len(item.Payload)
		} else {
			refers = refers || len(item.Payload) > 0
		}
		b.Control = b.Control || item.Opcode.IsControl()
	}
	if in != nil {
		if refers {
			b.input = in
			weight += len(in.buf)
		} else {
			in.free()
		}
	}
	if len(b.Items) == 0 && b.violation == nil {
		return true
	}
	b.weight = weight
	w.used.Add(int64(weight))
	return l.post(b)
}

// dropData takes the data messages out of b: the user does not handle them, and the connection
// is closing.
func (l *readLoop) dropData(b *batch) {
	keep := b.Items[:0]
	for _, item := range b.Items {
		if item.Opcode.IsData() {
			l.conn.window.discarded.Add(1)
		} else {
			keep = append(keep, item)
		}
	}
	clear(b.Items[len(keep):])
	b.Items = keep
}

// post hands b to the protocol actor, which owns it from then on, and lets the callback actor
// handle its part. It returns false if another goroutine has taken over.
func (l *readLoop) post(b *batch) (mine bool) {
	l.batch = nil
	if l.conn.window.stop.Load() {
		return true
	}
	if b.violation != nil {
		// Nothing after a violation is looked at (RFC 6455 §7.1.7).
		l.conn.window.discard.Store(true)
	}
	return l.conn.loop.Post(l.conn.protocol, b)
}

// tell reports that the handler is behind, or has caught up. The event travels like the data,
// so that it has its place among the events of the connection.
func (l *readLoop) tell(event any) {
	switch e := event.(type) {
	case *messages.HandlerBehind:
		e.Epoch = l.conn.Epoch
	case *messages.HandlerCaughtUp:
		e.Epoch = l.conn.Epoch
	}
	l.conn.protocol.Post(event)
}

func (l *readLoop) newBatch() *batch {
	if l.batch == nil {
		b := batches.Get().(*batch)
		b.Epoch, b.conn = l.conn.Epoch, l.conn
		l.batch = b
	}
	return l.batch
}

// drain throws away what still comes, so that closing the stream does not reset it before the
// server has read our Close (RFC 6455 §7.1.1).
func (l *readLoop) drain() error {
	for total := 0; total < drainMax; {
		in, n, err := l.source.read()
		if in != nil {
			in.free()
		}
		if err != nil {
			return err
		}
		total += n
	}
	return errors.New("too much data after the end of the connection")
}

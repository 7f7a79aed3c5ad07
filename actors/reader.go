package actors

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// drainMax is how many bytes are thrown away behind a Close or a violation
// before the stream is given up.
const drainMax = 4 << 20

// window is the reader's credit: how much may be delivered and not yet handled.
// The reader's goroutine uses it up, the reader actor gives it back.
type window struct {
	size      int64
	used      atomic.Int64
	released  atomic.Int64  // handled, but not told to the reader yet
	free      atomic.Bool   // credit is not needed any more
	throttled atomic.Bool   // the goroutine waits for credit
	throttles atomic.Uint64 // how often it did
	wake      chan struct{} // something of the above changed
	discard   atomic.Bool   // throw away what comes
	stop      atomic.Bool

	reads     atomic.Uint64 // that brought something
	discarded atomic.Int64  // data messages thrown away for want of credit

	stoodStill atomic.Int64    // for how long the goroutine has waited for credit, in ns
	patience   time.Duration   // for how long it does before that is an event
	tell       func(event any) // tells it; on the goroutine
}

func (w *window) init(size int) {
	w.size = int64(size)
	w.wake = make(chan struct{}, 1)
}

func (w *window) traffic() traffic {
	return traffic{w.reads.Load(), w.throttled.Load(), w.throttles.Load()}
}

// release takes back the credit of a batch and returns how much the reader
// actor shall be told about now. Up to a quarter of the window stays untold, to
// save messages: a reader that waits then still gets below half of it.
func (w *window) release(bytes int) (due int) {
	if w.released.Add(int64(bytes)) < w.size/4 {
		return 0
	}
	return int(w.released.Swap(0))
}

func (w *window) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// wait blocks until there is credit, and returns false if the reader has to stop.
func (w *window) wait() bool {
	if w.used.Load() >= w.size && !w.unlimited() {
		w.throttle()
	}
	return !w.stop.Load()
}

// throttle waits for credit. If it has to do so for long the user is told, once at
// the beginning and once at the end: that bounds how many such events there are,
// also in the mailbox of a handler that does not get to them.
func (w *window) throttle() {
	w.throttles.Add(1)
	w.throttled.Store(true)
	since, told := time.Now(), false
	long := time.NewTimer(w.patience)
	for w.used.Load() > w.size/2 && !w.unlimited() {
		select {
		case <-w.wake:
		case <-long.C:
			told = true
			w.tell(&messages.HandlerBehind{Since: since, Unhandled: int(w.used.Load())})
		}
	}
	long.Stop()
	d := time.Since(since)
	w.stoodStill.Add(int64(d))
	w.throttled.Store(false)
	if told && !w.unlimited() {
		w.tell(&messages.HandlerCaughtUp{Stopped: d})
	}
}

func (w *window) unlimited() bool { return w.free.Load() || w.discard.Load() || w.stop.Load() }

// reader is the actor that owns the receiving side of the stream. The reading
// itself happens on a goroutine of its own, because it blocks.
type reader struct {
	conn     *Conn
	protocol *actor.PID
}

func readerProps(c *Conn, protocol *actor.PID) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &reader{c, protocol} },
		actor.WithDispatcher(inline), Mailbox(RoleReader, c.Epoch, c.Observer))
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
		l := &readLoop{conn: r.conn, self: ctx.Self(), protocol: r.protocol}
		w.tell = l.tell
		go l.run()
		return
	case *actor.Stopping:
		w.stop.Store(true)
	default:
		return
	}
	w.signal()
}

// readLoop is the reader's goroutine. It ends when the stream does.
type readLoop struct {
	conn           *Conn
	self, protocol *actor.PID
	receiver       *wire.Receiver
	source         source
	batch          *Batch // to be filled by the next read, may be nil
}

func (l *readLoop) run() {
	err := errReaderEnded
	defer func() {
		b := l.newBatch()
		b.end = err
		l.post(b)
	}()
	err = l.read()
}

var errReaderEnded = errors.New("the goroutine that reads was ended: runtime.Goexit was called in an inline handler")

// read turns the stream into batches until it ends, and returns why.
func (l *readLoop) read() (err error) {
	defer func() {
		if r := recover(); r != nil { // of a stream that the caller supplied
			err = fmt.Errorf("panic while reading: %v\n%s", r, debug.Stack())
		}
	}()
	c := l.conn
	l.source = newSource(c.Stream)
	cfg := wire.ReceiverConfig{Role: wire.Client, Limits: c.Limits, Streaming: c.Streaming}
	if c.Borrowed {
		cfg.Buffers = joinBuffers{}
	}
	l.receiver = wire.NewReceiver(cfg)
	if len(c.Buffered) > 0 {
		b := l.newBatch()
		b.Items, b.violation = l.receiver.Receive(b.Items, c.Buffered)
		c.Buffered = nil
		c.window.reads.Add(1)
		l.deliver(b, nil)
	}
	for c.window.wait() && !c.window.discard.Load() {
		if err := l.readOnce(); err != nil {
			return err
		}
	}
	return l.drain()
}

// readOnce does one read and hands on what it brought.
func (l *readLoop) readOnce() error {
	w := &l.conn.window
	b := l.newBatch()
	if space := l.receiver.Space(); space != nil { // straight into the message that is being received
		n, err := l.source.readInto(space)
		if n > 0 {
			w.reads.Add(1)
			b.Items, b.violation = l.receiver.Filled(b.Items, n)
			l.deliver(b, nil)
		}
		return err
	}
	in, n, err := l.source.read()
	if n > 0 {
		w.reads.Add(1)
		b.Items, b.violation = l.receiver.Receive(b.Items, in.buf[:n])
		l.deliver(b, in)
	} else if in != nil {
		in.free()
	}
	return err
}

// deliver posts b if there is something in it, together with the input that its
// items may refer to.
func (l *readLoop) deliver(b *Batch, in *input) {
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
		b.control = b.control || item.Opcode.IsControl()
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
		return
	}
	b.weight = weight
	w.used.Add(int64(weight))
	l.post(b)
}

// dropData takes the data messages out of b: the user does not handle them, and
// the connection is closing.
func (l *readLoop) dropData(b *Batch) {
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

// post hands b to the protocol actor, which owns it from then on.
func (l *readLoop) post(b *Batch) {
	l.batch = nil
	if l.conn.window.stop.Load() {
		return
	}
	if b.violation != nil {
		// Nothing behind a violation is looked at (RFC 6455 §7.1.7).
		l.conn.window.discard.Store(true)
	}
	l.conn.seam.post(l.protocol, b)
}

// tell reports that the handler is behind, or is not any more. It goes the way of
// the data, so that it finds its place among the events of the connection.
func (l *readLoop) tell(event any) {
	switch e := event.(type) {
	case *messages.HandlerBehind:
		e.Epoch = l.conn.Epoch
	case *messages.HandlerCaughtUp:
		e.Epoch = l.conn.Epoch
	}
	l.conn.seam.post(l.protocol, event)
}

func (l *readLoop) newBatch() *Batch {
	if l.batch == nil {
		b := batches.Get().(*Batch)
		b.Epoch, b.reader, b.conn = l.conn.Epoch, l.self, l.conn
		l.batch = b
	}
	return l.batch
}

// drain throws away what still comes, so that closing the stream does not reset
// it before the server has read our Close (RFC 6455 §7.1.1).
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
	return errors.New("too much data behind the end of the connection")
}

package protocol

// This file is the sending half of the protocol: what may still be sent, in
// which order, within which limits, and who has to be told what became of it.
// It holds encoded frames until the writer takes them.

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

const (
	// takeMax bounds what one write takes, in bytes, unless one frame is larger: a Pong waits
	// for at most this much.
	takeMax = 256 << 10
	// controlMax bounds the control frames that wait for the writer, in bytes.
	// Beyond it only the latest Pong is remembered (RFC 6455 §5.5.3 allows that).
	controlMax = 16 << 10
	// largeMessage is the size in bytes from which a message gets its own chunk, is encoded
	// without the lock, and wakes the writer with WakeLarge.
	largeMessage = 32 << 10
)

// gate says what the Outbound still accepts.
type gate uint8

const (
	gateAll     gate = iota // everything
	gatePongs               // a Close is queued: only Pongs (RFC 6455 §5.5.1, §5.5.2)
	gateNothing             // nothing
)

// Reply says who is to be told what became of a send. This package does not look into To.
type Reply struct {
	// To is whoever is told: a pointer or a channel, so that nothing is allocated. Nil:
	// nobody.
	To  any
	Ref uint64 // which of the sender's sends it was
	// Awaited says that a goroutine is blocked until it is told (WakeAwaited).
	Awaited bool
}

func (r Reply) wake() Wake {
	if r.Awaited {
		return WakeAwaited
	}
	return WakeMessage
}

// Outcome is a Reply that is due.
type Outcome struct {
	Reply Reply
	Err   error // nil if the frame was written
}

// chunk is a run of whole frames.
type chunk struct {
	buf     []byte
	replies []Reply
	msgs    int // data frames in buf
	payload int // their payload bytes
	control int // control frames in buf
	close   bool
}

// Outbound accepts what is to be sent and holds it until the writer takes it.
// It is safe for concurrent use and its methods never block.
type Outbound struct {
	maxMsgs, maxBytes int

	mu   sync.Mutex
	keys *wire.KeySource // nil while nothing is queued: a generator has 300 bytes
	gate gate
	err  error // why not everything is accepted

	msgs, bytes int           // data frames and payload bytes accepted and not written
	space       chan struct{} // closed when room was made; nil if nobody waits

	control      []chunk // goes before everything in data; at most one chunk
	latePong     []byte  // the latest Ping's data when control was full
	hasLatePong  bool
	data         []chunk
	inflight     []chunk // taken by the writer
	closeWritten atomic.Bool
	givenUp      int // data frames

	controlsQueued, controlsWritten uint64 // control frames so far
	written                         Counts // data so far

	open         map[streamKey]*fragments // streams that may continue
	sending      bool                     // a message in fragments is on its way …
	current      streamKey                // … this one
	waiting      []parked                 // in order of arrival
	waitingBytes int

	pending bool           // the writer was woken and has not found us empty since
	wake    func(why Wake) // nil until there is a writer
}

// Wake is why the writer is woken: what was queued.
type Wake uint8

const (
	WakeMessage Wake = iota // something for which nobody waits
	WakeAwaited             // something for which a goroutine waits
	WakeLarge               // a message of 32 KiB or more
	WakeControl             // a Pong that answers a Ping, or a Close
)

// NewOutbound returns an Outbound that holds at most maxMsgs data frames and
// maxBytes bytes of their payload that are not written. One frame is always
// accepted, whatever its size, when all before it are being written.
func NewOutbound(maxMsgs, maxBytes int) *Outbound {
	return &Outbound{maxMsgs: maxMsgs, maxBytes: maxBytes}
}

// Attach names the function that wakes the writer. It is called on the goroutine that
// queues something, and must not block.
func (o *Outbound) Attach(wake func(why Wake)) {
	o.mu.Lock()
	o.wake = wake
	pending := o.pending
	o.mu.Unlock()
	if pending {
		wake(WakeMessage)
	}
}

// unlockAndWake ends a critical section that may have queued something.
func (o *Outbound) unlockAndWake(why Wake) {
	if o.pending || (len(o.control) == 0 && len(o.data) == 0) {
		o.mu.Unlock()
		return
	}
	o.pending = true
	wake := o.wake
	o.mu.Unlock()
	if wake != nil {
		wake(why)
	}
}

// SendText queues a text message. Errors: messages.ErrInvalidUTF8, ErrQueueFull, ErrClosed.
func (o *Outbound) SendText(text string, reply Reply) error {
	return o.Send(messages.KindText, view(text), reply)
}

// Send queues a message. data is copied before Send returns. Errors: as of SendText, ErrInvalidKind.
func (o *Outbound) Send(kind messages.Kind, data []byte, reply Reply) error {
	if err := kind.Check(data); err != nil {
		return err
	}
	return o.sendMessage(kind.Opcode(), data, reply)
}

func (o *Outbound) sendMessage(op wire.Opcode, data []byte, reply Reply) error {
	if len(data) >= largeMessage {
		return o.sendLarge(op, data, reply)
	}
	o.mu.Lock()
	if err := o.admit(len(data), o.msgs, o.bytes); err != nil {
		o.mu.Unlock()
		return err
	}
	if o.sending {
		o.park(parked{op: op, fin: true, data: bytes.Clone(data), reply: reply})
		o.mu.Unlock()
		return nil
	}
	o.appendData(true, op, data, reply)
	o.unlockAndWake(reply.wake())
	return nil
}

// sendLarge is sendMessage for messages that take long to encode. It encodes without the lock,
// so that the writer can write what is queued, and Pings be answered, at the same time. The
// whole message is encoded before any of it is written: the application must not be able to
// change the payload of a frame once its transmission has begun (RFC 6455 §10.3).
func (o *Outbound) sendLarge(op wire.Opcode, data []byte, reply Reply) error {
	o.mu.Lock()
	err := o.admit(len(data), o.msgs, o.bytes)
	o.mu.Unlock()
	if err != nil {
		return err
	}
	keys := keySources.Get().(*wire.KeySource)
	buf := wire.AppendFrame(newChunkBuffer(len(data)+wire.MaxHeader), true, 0, op, keys.Next(), data)
	keySources.Put(keys)
	return o.queueFrame(buf, op, data, reply)
}

// queueFrame queues the frame in buf, or parks it if another message is being sent.
func (o *Outbound) queueFrame(buf []byte, op wire.Opcode, data []byte, reply Reply) error {
	o.mu.Lock()
	if err := o.admit(len(data), o.msgs, o.bytes); err != nil {
		o.mu.Unlock()
		freeChunkBuffer(buf)
		return err
	}
	if o.sending {
		o.park(parked{op: op, fin: true, data: bytes.Clone(data), reply: reply})
		o.mu.Unlock()
		freeChunkBuffer(buf)
		return nil
	}
	o.data = append(o.data, chunk{buf: buf})
	o.count(&o.data[len(o.data)-1], len(data), reply)
	o.unlockAndWake(WakeLarge)
	return nil
}

// admit checks gate and limits for size bytes of payload on top of what is queued.
func (o *Outbound) admit(size, msgs, load int) error {
	if o.gate != gateAll {
		return o.err
	}
	if msgs >= o.maxMsgs || (load+size > o.maxBytes && msgs > o.flying()) {
		return fmt.Errorf("%w: %d messages and %d bytes wait (limits %d and %d); send again later or raise the limits",
			messages.ErrQueueFull, msgs, load, o.maxMsgs, o.maxBytes)
	}
	return nil
}

// flying returns how many data frames the writer is writing.
func (o *Outbound) flying() (msgs int) {
	for i := range o.inflight {
		msgs += o.inflight[i].msgs
	}
	return msgs
}

// appendData encodes one data frame after those that are queued.
func (o *Outbound) appendData(fin bool, op wire.Opcode, payload []byte, reply Reply) {
	size := len(payload) + wire.MaxHeader
	var c *chunk
	if n := len(o.data); n > 0 && cap(o.data[n-1].buf)-len(o.data[n-1].buf) >= size {
		c = &o.data[n-1]
	} else {
		o.data = append(o.data, chunk{buf: newChunkBuffer(size)})
		c = &o.data[n]
	}
	c.buf = wire.AppendFrame(c.buf, fin, 0, op, o.key(), payload)
	o.count(c, len(payload), reply)
}

// count records that c has one more data frame, with size bytes of payload.
func (o *Outbound) count(c *chunk, size int, reply Reply) {
	o.msgs++
	o.bytes += size
	c.msgs++
	c.payload += size
	if reply.To != nil {
		c.replies = append(c.replies, reply)
	}
}

// keySources are shared by all connections. Which connection a key is for does not matter: a
// key cannot be predicted from those before it.
var keySources = sync.Pool{New: func() any { return new(wire.KeySource) }}

// key returns the key for one frame.
func (o *Outbound) key() [4]byte {
	if o.keys == nil {
		o.keys = keySources.Get().(*wire.KeySource)
	}
	return o.keys.Next()
}

// Ping queues a Ping of up to 125 bytes. Errors: messages.ErrControlTooLong, ErrQueueFull, ErrClosed.
func (o *Outbound) Ping(data []byte, reply Reply) error {
	return o.sendControl(wire.OpPing, data, reply)
}

// Pong queues an unsolicited Pong of up to 125 bytes. Errors: those of Ping.
func (o *Outbound) Pong(data []byte, reply Reply) error {
	return o.sendControl(wire.OpPong, data, reply)
}

// CheckPing returns the error with which a Ping with this data would be refused
// whatever the state of the connection.
func CheckPing(data []byte) error { return checkControl(wire.OpPing, data) }

func checkControl(op wire.Opcode, data []byte) error {
	if len(data) > wire.MaxControl {
		return fmt.Errorf("send %s of %d bytes: %w; at most %d", op, len(data), messages.ErrControlTooLong, wire.MaxControl)
	}
	return nil
}

func (o *Outbound) sendControl(op wire.Opcode, data []byte, reply Reply) error {
	if err := checkControl(op, data); err != nil {
		return err
	}
	o.mu.Lock()
	if o.gate != gateAll {
		err := o.err
		o.mu.Unlock()
		return err
	}
	if o.controlFull() {
		o.mu.Unlock()
		return fmt.Errorf("send %s: %w: %d bytes of control frames wait", op, messages.ErrQueueFull, controlMax)
	}
	o.appendControl(op, data, reply)
	o.unlockAndWake(reply.wake())
	return nil
}

// answerPing queues the Pong for a Ping. A server that sends Pings and does not read the
// answers gets only the latest one.
func (o *Outbound) answerPing(data []byte) {
	o.mu.Lock()
	if o.gate == gateNothing {
		o.mu.Unlock()
		return
	}
	if o.controlFull() {
		o.latePong, o.hasLatePong = append(o.latePong[:0], data...), true
		o.mu.Unlock()
		return
	}
	o.appendControl(wire.OpPong, data, Reply{})
	o.unlockAndWake(WakeControl)
}

func (o *Outbound) controlFull() bool {
	return len(o.control) > 0 && len(o.control[0].buf) >= controlMax
}

func (o *Outbound) appendControl(op wire.Opcode, data []byte, reply Reply) *chunk {
	if len(o.control) == 0 {
		o.control = append(o.control, chunk{buf: newChunkBuffer(controlMax)})
	}
	c := &o.control[0]
	c.buf = wire.AppendFrame(c.buf, true, 0, op, o.key(), data)
	c.control++
	o.controlsQueued++
	if reply.To != nil {
		c.replies = append(c.replies, reply)
	}
	return c
}

// view lets a string be encoded without a copy. Frames are only read from it.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

package wire

// This file joins frames into messages and checks the rules for them: fragments
// (RFC 6455 §5.4), UTF-8 (§8.1), limits (§10.4) and the Close frame (§5.5.1).

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// Defaults for Limits.
const (
	// DefaultMaxMessage is the default of Limits.MaxMessage: 32 MiB.
	DefaultMaxMessage = 32 << 20
	// DefaultMaxFragments is the default of Limits.MaxFragments.
	DefaultMaxFragments = 64 << 10
)

const (
	// firstBuffer is how many bytes a header alone can make a Receiver allocate for
	// a message.
	firstBuffer = 64 << 10
	// growth is how many further bytes are allocated for each that has arrived, if
	// that many are announced. With 16, a fifteenth of a long message is copied when
	// the buffer grows; with 4 a third; with 2 all of it.
	growth = 16
	// directRead is how many bytes must be missing for Space to be worthwhile: below
	// that, one read can bring the following frames as well.
	directRead = 32 << 10
)

// Limits bound what a peer can make a Receiver store (RFC 6455 §10.4). In each field
// 0 means the default and a negative value means no limit. A message that exceeds a
// limit gives a *LimitError as soon as the header of the frame shows it.
type Limits struct {
	// MaxFrame is the largest payload of a data frame in bytes. The default is no
	// limit but MaxMessage.
	MaxFrame int64
	// MaxMessage is the largest message in bytes, all its fragments together. The
	// default is DefaultMaxMessage; with Streaming it is no limit, as nothing is stored.
	MaxMessage int64
	// MaxFragments is the largest number of frames in one message, including empty
	// ones. The default is DefaultMaxFragments; with Streaming it is no limit.
	MaxFragments int
}

// ReceiverConfig configures a Receiver. The zero value is for a client that receives
// whole messages within the default limits.
type ReceiverConfig struct {
	// Role is the end of the connection at which the bytes arrive.
	Role Role
	// Limits bound what is accepted.
	Limits Limits
	// Streaming returns the parts of data messages as they arrive and never joins
	// them. Where they begin and end has no meaning (RFC 6455 §5.4).
	Streaming bool
	// Buffers, if not nil, provides the buffers in which messages are joined. The
	// receiver of an owned Item must return its payload with Put.
	Buffers Buffers
}

// Buffers holds free buffers.
type Buffers interface {
	// Get returns a free buffer with a capacity of at least size bytes and any
	// length, or nil if there is none.
	Get(size int) []byte
	// Put takes back a buffer that nobody uses any longer.
	Put(b []byte)
}

// Item is a message, a part of one if Streaming is set, or a control frame.
type Item struct {
	// Opcode is OpText, OpBinary, OpPing, OpPong or OpClose.
	Opcode Opcode
	// First and Final are set in the first and in the last part of a message. A
	// whole message and a control frame have both.
	First, Final bool
	// Owned is set if Payload is not a slice of an input; it may then be kept and
	// changed. Otherwise it is valid only as long as that input is.
	Owned bool
	// Code is that of a Close frame, StatusNoStatus if it has none; 0 in any other
	// Item.
	Code StatusCode
	// Payload is that of the frame or message; in a Close frame it includes code and
	// reason. A text is valid UTF-8; a part of one may begin and end inside a
	// character.
	Payload []byte
}

// Reason returns a copy of the reason in a Close frame; "" if there is none, and in any
// other Item. Unless Owned is set it must be called while Payload is valid.
func (i *Item) Reason() string {
	if i.Opcode != OpClose || len(i.Payload) < 2 {
		return ""
	}
	return string(i.Payload[2:])
}

// Receiver turns the bytes that one end of a connection receives into messages. It is
// not safe for concurrent use.
type Receiver struct {
	dec          Decoder
	buffers      Buffers
	streaming    bool
	maxFrame     uint64
	maxMessage   uint64
	maxFragments uint64
	maxWhole     int // longest message that receiveWhole takes; -1 for none

	// The message that is being received.
	message   Opcode // OpText or OpBinary; OpContinuation between messages
	started   bool   // its first part was returned
	size      uint64 // bytes, according to the headers that have arrived
	fragments uint64 // headers that have arrived
	text      UTF8
	joined    []byte // the part that has arrived, unless it is returned from the input

	control []byte // the part that has arrived of a control frame in pieces
	closed  bool
	err     error
}

// NewReceiver returns a Receiver at the beginning of a stream.
func NewReceiver(cfg ReceiverConfig) *Receiver {
	limits := cfg.Limits
	if limits.MaxMessage == 0 && !cfg.Streaming {
		limits.MaxMessage = DefaultMaxMessage
	}
	if limits.MaxFragments == 0 && !cfg.Streaming {
		limits.MaxFragments = DefaultMaxFragments
	}
	r := &Receiver{
		dec:          Decoder{Role: cfg.Role},
		buffers:      cfg.Buffers,
		streaming:    cfg.Streaming,
		maxFrame:     limitOf(limits.MaxFrame),
		maxMessage:   limitOf(limits.MaxMessage),
		maxFragments: limitOf(int64(limits.MaxFragments)),
	}
	r.maxWhole = int(min(0xFFFF, r.maxFrame, r.maxMessage))
	if cfg.Role == Server { // all that it gets is masked
		r.maxWhole = -1
	}
	return r
}

// limitOf returns the largest value that limit accepts.
func limitOf(limit int64) uint64 {
	if limit <= 0 {
		return math.MaxUint64
	}
	return uint64(limit)
}

// Receive takes all of p and appends the messages and control frames that it
// completes to items. The payload of a message that came in one piece is a slice of
// p; one that came in several is joined (see Item.Owned).
//
// After a violation it returns the items before it with a *ProtocolError or
// *LimitError, and the same error with every further call. After an item with OpClose
// the rest of p and all further input is ignored (RFC 6455 §5.5.1).
//
// In the role Server, p is changed: payloads are unmasked in place.
func (r *Receiver) Receive(items []Item, p []byte) ([]Item, error) {
	var pc Piece
	for len(p) > 0 && r.err == nil && !r.closed {
		if r.message == OpContinuation && r.dec.between() {
			if items, p = r.receiveWhole(items, p); len(p) == 0 {
				break
			}
		}
		n, ok, err := r.dec.next(&pc, p)
		if err != nil {
			return items, r.fail(err)
		}
		p = p[n:]
		if !ok {
			break
		}
		if pc.Header.Opcode.IsControl() {
			items, err = r.receiveControl(items, &pc)
		} else {
			items, err = r.receiveData(items, &pc)
		}
		if err != nil {
			return items, r.fail(err)
		}
	}
	return items, r.err
}

// Closed reports whether a Close frame was received.
func (r *Receiver) Closed() bool { return r.closed }

// receiveWhole takes the messages at the beginning of p that are whole, in one frame
// and not longer than 65,535 bytes, and returns the rest. Those are most of what a busy
// connection receives, and need few checks. Everything else, including errors, is left
// for the decoder.
func (r *Receiver) receiveWhole(items []Item, p []byte) ([]Item, []byte) {
	for len(p) >= 4 {
		op := Opcode(p[0] ^ finBit) // greater than any opcode without Fin or with reserved bits
		start, size := 2, int(p[1])
		if size == lenIs16 {
			start, size = 4, int(binary.BigEndian.Uint16(p[2:]))
			if size <= maxShort {
				break
			}
		} else if size > maxShort {
			break
		}
		if op != OpText && op != OpBinary || size > r.maxWhole || size > len(p)-start {
			break
		}
		end := start + size
		payload := p[start:end:end]
		if op == OpText && !Valid(payload) {
			break
		}
		// Field by field: a composite literal would be built elsewhere and copied, with
		// the write barriers of the garbage collector (BenchmarkReceive).
		if len(items) == cap(items) {
			items = slices.Grow(items, 1)
		}
		items = items[:len(items)+1]
		item := &items[len(items)-1]
		item.Opcode, item.First, item.Final, item.Owned, item.Code = op, true, true, false, 0
		item.Payload = payload
		p = p[end:]
	}
	return items, p
}

// receiveControl takes a piece of a control frame.
func (r *Receiver) receiveControl(items []Item, pc *Piece) ([]Item, error) {
	item := Item{Opcode: pc.Header.Opcode, First: true, Final: true, Payload: pc.Payload}
	if whole := pc.End && pc.Offset == 0; !whole {
		r.control = append(r.control, pc.Payload...)
		if !pc.End {
			return items, nil
		}
		item.Payload, item.Owned = r.control, true
		r.control = nil
	}
	if item.Opcode == OpClose {
		var err error
		if item.Code, _, err = ParseClosePayload(item.Payload); err != nil {
			return items, err
		}
		r.closed = true
		r.joined = nil // RFC 6455 §5.5.1: no more data follows, so the message stays unfinished
	}
	return append(items, item), nil
}

// receiveData takes a piece of a data frame.
func (r *Receiver) receiveData(items []Item, pc *Piece) ([]Item, error) {
	if err := r.checkData(pc); err != nil {
		return items, err
	}
	final := pc.End && pc.Header.Fin
	switch {
	case r.streaming:
		if !r.started || final || len(pc.Payload) > 0 {
			items = append(items, Item{
				Opcode: r.message, First: !r.started, Final: final, Payload: pc.Payload,
			})
			r.started = true
		}
		if final {
			r.endMessage()
		}
		return items, nil
	case final && len(r.joined) == 0: // a whole message
		items = append(items, Item{Opcode: r.message, First: true, Final: true, Payload: pc.Payload})
		r.endMessage()
		return items, nil
	}
	arrived := len(r.joined) + len(pc.Payload)
	r.grow(arrived, arrived)
	r.joined = append(r.joined, pc.Payload...)
	return r.giveJoined(items, final), nil
}

// checkData checks a piece of a data frame before it is stored.
func (r *Receiver) checkData(pc *Piece) error {
	if pc.Start {
		if err := r.beginFrame(&pc.Header); err != nil {
			return err
		}
	}
	if r.message != OpText {
		return nil
	}
	// RFC 6455 §8.1: fail when text is not UTF-8. The state is kept from frame to
	// frame, as a fragment may end inside a character (§5.6).
	if !r.text.Write(pc.Payload) {
		return invalidUTF8("RFC 6455 §8.1", "text message is not valid UTF-8")
	}
	if pc.End && pc.Header.Fin && !r.text.Complete() {
		return invalidUTF8("RFC 6455 §8.1", "text message ends inside a UTF-8 character")
	}
	return nil
}

// beginFrame checks the header of a data frame as a part of its message.
func (r *Receiver) beginFrame(h *Header) error {
	// RFC 6455 §5.4: a message is a text or binary frame and the continuation
	// frames after it, and is not mixed with another one.
	switch {
	case h.Opcode != OpContinuation && r.message != OpContinuation:
		return violation("RFC 6455 §5.4", h.Opcode.String()+" frame inside an unfinished message")
	case h.Opcode == OpContinuation && r.message == OpContinuation:
		return violation("RFC 6455 §5.4", "continuation frame without a message to continue")
	case h.Opcode != OpContinuation:
		r.message = h.Opcode
	}

	// RFC 6455 §10.4: limits for the frame and for the message. The sum cannot
	// overflow: all summands but the last are bytes that have arrived.
	r.size += h.Length
	r.fragments++
	switch {
	case h.Length > r.maxFrame:
		return limitError("frame size", r.maxFrame, h.Length)
	case r.size > r.maxMessage:
		return limitError("message size", r.maxMessage, r.size)
	case r.fragments > r.maxFragments:
		return limitError("number of fragments", r.maxFragments, r.fragments)
	}
	return nil
}

func limitError(what string, limit, got uint64) error {
	return &LimitError{What: what, Limit: int64(limit), Got: int64(min(got, math.MaxInt64))}
}

// giveJoined appends the joined message to items if this was its last piece.
func (r *Receiver) giveJoined(items []Item, final bool) []Item {
	if !final {
		return items
	}
	items = append(items, Item{
		Opcode: r.message, First: true, Final: true, Owned: true, Payload: r.joined,
	})
	r.endMessage()
	return items
}

// endMessage makes r ready for the next message.
func (r *Receiver) endMessage() {
	r.message = OpContinuation
	r.started = false
	r.size = 0
	r.fragments = 0
	r.text.Reset()
	r.joined = nil // it belongs to the receiver of the item
}

// fail ends the Receiver with err.
func (r *Receiver) fail(err error) error {
	r.err = err
	r.joined = nil
	r.control = nil
	return err
}

// grow makes the join buffer at least need bytes big; arrived is how many bytes of the
// message have actually arrived. How much bigger it becomes depends on the announced
// size, but only up to a multiple of arrived, unless a free buffer is big enough: a
// header costs its sender nothing.
func (r *Receiver) grow(need, arrived int) {
	if need <= cap(r.joined) {
		return
	}
	want := r.size
	if !r.dec.frame.Fin { // more frames follow
		want = max(want, 2*uint64(need))
	}
	var joined []byte
	if r.buffers != nil && want <= math.MaxInt {
		joined = r.buffers.Get(int(max(want, uint64(need))))
	}
	if joined == nil {
		size := max(uint64(need), min(want, firstBuffer+growth*uint64(arrived)))
		if r.buffers != nil { // so that it can serve others of about that size
			size = 1 << bits.Len64(size-1)
		}
		joined = make([]byte, size)
	}
	joined = joined[:copy(joined[:cap(joined)], r.joined)]
	if r.buffers != nil && r.joined != nil {
		r.buffers.Put(r.joined)
	}
	r.joined = joined
}

// Space returns where the caller may put the next bytes that it receives, to save a
// copy: the free part of the join buffer, up to the end of the current frame's payload
// at most. It is nil with Streaming, and unless at least 32 KiB of a data frame are
// missing; then the bytes go to Receive. They may go there in any case. The space is
// valid until the next call of Receive or Filled.
func (r *Receiver) Space() []byte {
	left := r.dec.left()
	if left < directRead || r.streaming || r.closed || r.err != nil {
		return nil
	}
	from := len(r.joined)
	r.grow(from+directRead, from)
	to := from + int(min(left, uint64(cap(r.joined)-from)))
	return r.joined[from:to:to]
}

// Filled takes the n bytes that the caller has put at the beginning of the slice from
// Space, and otherwise is like Receive. It panics if n exceeds the length of that slice.
func (r *Receiver) Filled(items []Item, n int) ([]Item, error) {
	if n == 0 || r.err != nil {
		return items, r.err
	}
	var pc Piece
	_, _, err := r.dec.next(&pc, r.Space()[:n])
	if err == nil {
		err = r.checkData(&pc)
	}
	if err != nil {
		return items, r.fail(err)
	}
	r.joined = r.joined[:len(r.joined)+n]
	return r.giveJoined(items, pc.End && pc.Header.Fin), nil
}

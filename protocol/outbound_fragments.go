package protocol

// This file is the part of the Outbound that handles messages in fragments: whose turn it is,
// and who waits (RFC 6455 §5.4).

import (
	"bytes"
	"fmt"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Sender distinguishes the streams of one sender of fragments from those of others. It is zero
// for code without actors, where the numbers of streams are enough.
type Sender struct{ Address, ID string }

// streamKey names a message that is sent in fragments.
type streamKey struct {
	sender Sender
	stream uint64
}

// fragments is a message whose final fragment was not accepted yet.
type fragments struct {
	kind messages.Kind
	utf8 wire.UTF8
}

// parked is a data frame that waits until the message that is being sent in
// fragments is finished (RFC 6455 §5.4: fragments of two messages are not mixed).
type parked struct {
	op       wire.Opcode
	fin      bool
	fragment bool
	key      streamKey
	data     []byte
	reply    Reply
}

// SendFragment queues a part of a message; see messages.SendFragment. f.Data is
// copied before SendFragment returns. Further errors: messages.ErrFinalFragmentSent, ErrFragmentOrder.
func (o *Outbound) SendFragment(from Sender, f *messages.SendFragment, reply Reply) error {
	o.mu.Lock()
	if err := o.sendFragment(streamKey{from, f.Stream}, f, reply); err != nil {
		o.mu.Unlock()
		return err
	}
	o.unlockAndWake(reply.wake())
	return nil
}

func (o *Outbound) sendFragment(key streamKey, f *messages.SendFragment, reply Reply) error {
	turn := !o.sending || o.current == key
	msgs, load := o.msgs, o.bytes
	if turn { // messages that wait for this one to end must not keep it from ending
		msgs, load = msgs-len(o.waiting), load-o.waitingBytes
	}
	if err := o.admit(len(f.Data), msgs, load); err != nil {
		return err
	}
	s := o.open[key]
	op := wire.OpContinuation
	switch {
	case f.First && s != nil:
		return fmt.Errorf("send first fragment of stream %d: %w; send its final fragment first", f.Stream, messages.ErrFragmentOrder)
	case f.First:
		if f.Kind != messages.KindText && f.Kind != messages.KindBinary {
			return fmt.Errorf("send first fragment of stream %d as kind %d: %w; use KindText or KindBinary", f.Stream, f.Kind, messages.ErrInvalidKind)
		}
		s = &fragments{kind: f.Kind}
		op = f.Kind.Opcode()
	case s == nil:
		return fmt.Errorf("send fragment of stream %d: %w, or no first one was sent on this connection", f.Stream, messages.ErrFinalFragmentSent)
	}
	if s.kind == messages.KindText {
		check := s.utf8 // a refused fragment leaves the stream as it was
		if !check.Write(f.Data) || f.Final && !check.Complete() {
			return fmt.Errorf("send fragment of stream %d: %w", f.Stream, messages.ErrInvalidUTF8)
		}
		s.utf8 = check
	}
	switch {
	case f.Final:
		delete(o.open, key)
	case f.First:
		if o.open == nil {
			o.open = make(map[streamKey]*fragments)
		}
		o.open[key] = s
	}
	if !turn {
		o.park(parked{op: op, fin: f.Final, fragment: true, key: key, data: bytes.Clone(f.Data), reply: reply})
		return nil
	}
	o.appendData(f.Final, op, f.Data, reply)
	o.sending, o.current = !f.Final, key
	o.unpark()
	return nil
}

func (o *Outbound) park(p parked) {
	o.waiting = append(o.waiting, p)
	o.waitingBytes += len(p.data)
	o.msgs++
	o.bytes += len(p.data)
}

// unpark moves those that may go now from waiting to data, in order of arrival.
func (o *Outbound) unpark() {
	for len(o.waiting) > 0 {
		i := 0
		if o.sending {
			for i < len(o.waiting) && (!o.waiting[i].fragment || o.waiting[i].key != o.current) {
				i++
			}
			if i == len(o.waiting) {
				return
			}
		}
		p := o.waiting[i]
		o.waiting = append(o.waiting[:i], o.waiting[i+1:]...)
		o.waitingBytes -= len(p.data)
		o.msgs--
		o.bytes -= len(p.data)
		o.appendData(p.fin, p.op, p.data, p.reply)
		o.sending, o.current = !p.fin, p.key
	}
}

package protocol

// This file is the end of the Outbound: the Close, and what becomes of frames that are not
// written. The words are those of machine.go.

import (
	"fmt"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// queueClose queues a Close after everything that was accepted, and accepts nothing
// but Pongs from then on. Later sends are refused with err.
func (o *Outbound) queueClose(payload []byte, reply Reply, err error) (due []Outcome) {
	o.mu.Lock()
	o.gate, o.err = gatePongs, err
	// Messages that wait for the end of an unfinished one would never be sent: the fragment
	// that could finish it is no longer accepted.
	due = o.giveUpParked(nil, err)
	n := len(o.data)
	o.data = append(o.data, chunk{buf: newChunkBuffer(wire.MaxHeader + wire.MaxControl), close: true})
	c := &o.data[n]
	c.buf = wire.AppendFrame(c.buf, true, 0, wire.OpClose, o.key(), payload)
	if reply.To != nil {
		c.replies = append(c.replies, reply)
	}
	o.unlockAndWake(WakeControl)
	return due
}

// queueCloseFirst queues a Close before everything that no write has begun, gives that
// up, and accepts nothing more. If a Close is queued already that one goes first.
func (o *Outbound) queueCloseFirst(payload []byte, err error) (due []Outcome) {
	o.mu.Lock()
	if o.gate == gateNothing {
		o.mu.Unlock()
		return nil
	}
	queued := o.gate == gatePongs
	o.gate, o.err = gateNothing, err
	due = o.giveUpParked(nil, err)
	for i := range o.data {
		if c := &o.data[i]; c.close {
			o.control = append(o.control, *c)
		} else {
			due = o.giveUpChunk(due, c, err)
		}
	}
	clear(o.data)
	o.data = o.data[:0]
	if !queued {
		o.appendControl(wire.OpClose, payload, Reply{}).close = true
	}
	o.makeSpace()
	o.unlockAndWake(WakeControl)
	return due
}

// giveUp gives up everything that was not written, and accepts nothing more.
func (o *Outbound) giveUp(err error) []Outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gate, o.err = gateNothing, err
	due := o.giveUpParked(nil, err)
	for i := range o.inflight {
		due = o.giveUpChunk(due, &o.inflight[i], unconfirmed(err))
	}
	for _, list := range [...][]chunk{o.control, o.data} {
		for i := range list {
			due = o.giveUpChunk(due, &list[i], err)
		}
	}
	o.inflight, o.control, o.data = nil, nil, nil
	o.makeSpace()
	return due
}

// unconfirmed returns the error for senders whose frames the writer has taken.
func unconfirmed(err error) error { return fmt.Errorf("%w: %w", messages.ErrUnconfirmed, err) }

// unconfirm answers the senders of frames that are being written; the write continues.
func (o *Outbound) unconfirm(err error) (due []Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.inflight {
		c := &o.inflight[i]
		for _, r := range c.replies {
			due = append(due, Outcome{r, unconfirmed(err)})
		}
		c.replies = nil
	}
	return due
}

func (o *Outbound) giveUpParked(due []Outcome, err error) []Outcome {
	for _, p := range o.waiting {
		o.givenUp++
		if p.reply.To != nil {
			due = append(due, Outcome{p.reply, err})
		}
	}
	o.msgs -= len(o.waiting)
	o.bytes -= o.waitingBytes
	o.waiting, o.waitingBytes, o.open = nil, 0, nil
	return due
}

func (o *Outbound) giveUpChunk(due []Outcome, c *chunk, err error) []Outcome {
	o.givenUp += c.msgs
	o.msgs -= c.msgs
	o.bytes -= c.payload
	for _, r := range c.replies {
		due = append(due, Outcome{r, err})
	}
	return due
}

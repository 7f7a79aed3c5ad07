package protocol

import (
	"fmt"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// This file is the part of the Outbound that is about its end: the Close, and what
// becomes of what is not written.

// close queues a Close behind everything that was accepted, and accepts nothing
// but Pongs from then on. err is what later sends fail with.
func (o *Outbound) close(payload []byte, reply Reply, err error) []Outcome {
	o.mu.Lock()
	if o.gate != gateOpen {
		err := o.err
		o.mu.Unlock()
		return []Outcome{{reply, err}}
	}
	o.gate, o.err = gateClosing, err
	// What waits for the end of an unfinished message would never be sent: no
	// fragment is accepted any more that could finish it.
	out := o.dropWaiting(nil, err)
	n := len(o.data)
	o.data = append(o.data, chunk{buf: newChunkBuffer(maxHeader + len(payload)), close: true})
	c := &o.data[n]
	c.buf = wire.AppendFrame(c.buf, true, 0, wire.OpClose, o.key(), payload)
	if reply.To != nil {
		c.replies = append(c.replies, reply)
	}
	o.unlockAndWake(true)
	return out
}

// closeNow queues a Close before everything that no write has begun, gives that
// up, and accepts nothing more. If a Close is queued already that one is moved up.
func (o *Outbound) closeNow(payload []byte, err error) []Outcome {
	o.mu.Lock()
	if o.gate == gateShut {
		o.mu.Unlock()
		return nil
	}
	queued := o.gate == gateClosing
	o.gate, o.err = gateShut, err
	out := o.dropWaiting(nil, err)
	for i := range o.data {
		if c := &o.data[i]; c.close {
			o.control = append(o.control, *c)
		} else {
			out = o.drop(out, c, err)
		}
	}
	clear(o.data)
	o.data = o.data[:0]
	if !queued {
		o.appendControl(wire.OpClose, payload, Reply{}).close = true
	}
	o.makeSpace()
	o.unlockAndWake(true)
	return out
}

// shut accepts nothing more and gives up everything that was not written.
func (o *Outbound) shut(err error) []Outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.shutLocked(err)
}

// Broken is shut for the writer, whose write to server has failed with err. It knows
// nothing of how the connection ends but that: a reason that was given before is better.
func (o *Outbound) Broken(server string, err error) []Outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	var end error = &messages.CloseError{Code: wire.StatusAbnormal, Cause: writeFailure(err), Server: server}
	if o.gate == gateShut {
		end = o.err
	}
	return o.shutLocked(end)
}

func (o *Outbound) shutLocked(err error) []Outcome {
	o.gate, o.err = gateShut, err
	out := o.dropWaiting(nil, err)
	for i := range o.inflight {
		out = o.drop(out, &o.inflight[i], unconfirmed(err))
	}
	for _, list := range [...][]chunk{o.control, o.data} {
		for i := range list {
			out = o.drop(out, &list[i], err)
		}
	}
	o.inflight, o.control, o.data = nil, nil, nil
	o.makeSpace()
	return out
}

// unconfirmed is what senders are told whose frames the writer has taken.
func unconfirmed(err error) error { return fmt.Errorf("%w: %w", messages.ErrUnconfirmed, err) }

// disown gives up waiting for what is being written, though the write goes on.
func (o *Outbound) disown(err error) (out []Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.inflight {
		c := &o.inflight[i]
		for _, r := range c.replies {
			out = append(out, Outcome{r, unconfirmed(err)})
		}
		c.replies = nil
	}
	return out
}

func (o *Outbound) dropWaiting(out []Outcome, err error) []Outcome {
	for _, p := range o.waiting {
		o.unsent++
		if p.reply.To != nil {
			out = append(out, Outcome{p.reply, err})
		}
	}
	o.msgs -= len(o.waiting)
	o.bytes -= o.waitingBytes
	o.waiting, o.waitingBytes, o.open = nil, 0, nil
	return out
}

func (o *Outbound) drop(out []Outcome, c *chunk, err error) []Outcome {
	o.unsent += c.msgs
	o.msgs -= c.msgs
	o.bytes -= c.payload
	for _, r := range c.replies {
		out = append(out, Outcome{r, err})
	}
	return out
}

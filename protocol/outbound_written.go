package protocol

// This file is the writer's side of the Outbound: what it takes, and what it has written.

import "github.com/dandelionws/dandelion/wire"

// Take appends to bufs what one write is to carry: first control frames, then data up to
// takeMax bytes. If there is nothing it returns bufs unchanged, and the next frame that is
// queued wakes the writer again.
func (o *Outbound) Take(bufs [][]byte) [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := 0
	for i := range o.control {
		size += len(o.control[i].buf)
		bufs = append(bufs, o.control[i].buf)
		o.inflight = append(o.inflight, o.control[i])
		o.control[i] = chunk{}
	}
	o.control = o.control[:0]
	if o.hasLatePong && o.gate != gateNothing {
		o.hasLatePong = false
		o.appendControl(wire.OpPong, o.latePong, Reply{})
	}
	n := 0
	for n < len(o.data) && (size == 0 || size+len(o.data[n].buf) <= takeMax) {
		size += len(o.data[n].buf)
		bufs = append(bufs, o.data[n].buf)
		n++
	}
	o.inflight = append(o.inflight, o.data[:n]...)
	rest := copy(o.data, o.data[n:])
	clear(o.data[rest:])
	o.data = o.data[:rest]
	if n > 0 && rest == 0 {
		o.makeSpace() // for a frame of any size
	}
	if size == 0 {
		o.pending = false
		if o.keys != nil {
			keySources.Put(o.keys)
			o.keys = nil
		}
	}
	return bufs
}

// Wrote records that what Take returned was written, and returns the replies that are due.
func (o *Outbound) Wrote(out []Outcome) []Outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.inflight {
		c := &o.inflight[i]
		o.msgs -= c.msgs
		o.bytes -= c.payload
		o.controlsWritten += uint64(c.control)
		o.written.Messages += uint64(c.msgs)
		o.written.Bytes += uint64(c.payload)
		if c.close {
			o.closeWritten.Store(true)
		}
		for _, r := range c.replies {
			out = append(out, Outcome{r, nil})
		}
		freeChunkBuffer(c.buf)
		*c = chunk{}
	}
	o.inflight = o.inflight[:0]
	o.makeSpace()
	return out
}

func (o *Outbound) makeSpace() {
	if o.space != nil {
		close(o.space)
		o.space = nil
	}
}

// Space returns a channel that is closed when there is room again in a queue that was full, or
// when the queue accepts nothing more.
func (o *Outbound) Space() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.space == nil {
		o.space = make(chan struct{})
		if o.gate != gateAll || o.msgs == 0 {
			c := o.space
			o.makeSpace()
			return c
		}
	}
	return o.space
}

// Queued returns how many data frames and payload bytes are accepted and not written.
func (o *Outbound) Queued() (msgs, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.msgs, o.bytes
}

// Counts are data frames and their payload in bytes.
type Counts struct{ Messages, Bytes uint64 }

// Written returns what was handed to the operating system so far.
func (o *Outbound) Written() Counts {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written
}

// controls returns how many control frames were queued, and how many of them written, so far.
func (o *Outbound) controls() (queued, written uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.controlsQueued, o.controlsWritten
}

// CloseWritten reports whether a Close frame was completely written.
func (o *Outbound) CloseWritten() bool { return o.closeWritten.Load() }

// unwritten reports whether something is queued or on its way.
func (o *Outbound) unwritten() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.inflight)+len(o.control)+len(o.data) > 0
}

// GivenUp returns how many accepted data frames were given up.
func (o *Outbound) GivenUp() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.givenUp
}

package supervisor

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// This file is the part of the outbox that is about the connection: what it is given,
// what becomes of that, and what the server acknowledges.

// sink is the sending half of a connection: an *protocol.Outbound.
type sink interface {
	Send(kind messages.Kind, data []byte, reply protocol.Reply) error
	Space() <-chan struct{}
}

// attach hands what is held to a new connection and goes on with what comes.
func (o *Outbox) attach(epoch uint64, conn sink) {
	o.mu.Lock()
	o.conn, o.epoch = conn, epoch
	o.cursor = o.first
	o.unlock()
	o.pump()
}

// detach ends the use of the connection.
func (o *Outbox) detach() {
	o.mu.Lock()
	o.conn = nil
	for e := o.first; e != nil; e = e.next {
		if e.state == entryAwaiting { // its acknowledgement may be lost
			e.state = entryHeld
			o.resent++
		}
	}
	o.cursor = o.first
	o.unlock()
}

// pump hands what is held to the connection, in order, until it takes no more. It
// runs on one goroutine at a time, whoever has brought news.
func (o *Outbox) pump() {
	o.mu.Lock()
	if o.pumping {
		o.mu.Unlock()
		return
	}
	o.pumping = true
	for {
		e, conn := o.ready(), o.conn
		if e == nil || o.awaiting {
			break
		}
		e.state, e.sent = entryOut, true
		o.unlock()
		err := conn.Send(e.m.Kind, e.m.Data, protocol.Reply{To: e})
		o.mu.Lock()
		if err == nil {
			continue
		}
		switch {
		case errors.Is(err, messages.ErrQueueFull):
			o.hold(e, nil)
			o.awaiting = true
			room := conn.Space()
			go func() {
				<-room
				o.mu.Lock()
				o.awaiting = false
				o.unlock()
				o.pump()
			}()
		case errors.Is(err, messages.ErrClosed):
			o.hold(e, nil)
			if o.conn == conn {
				o.conn = nil // its end is on the way
			}
		default:
			o.done(e, o.epoch, err)
			if o.cursor == nil {
				o.cursor = o.first
			}
		}
	}
	o.pumping = false
	o.unlock()
}

// ready returns the next message for the connection, nil if there is none.
func (o *Outbox) ready() *entry {
	if o.conn == nil || o.closed {
		return nil
	}
	for ; o.cursor != nil; o.cursor = o.cursor.next {
		switch o.cursor.state {
		case entryHeld:
			return o.cursor
		case entryStoring: // what is behind it waits, to keep the order
			return nil
		}
	}
	return nil
}

// settled takes what the connection says of a message.
func (o *Outbox) settled(e *entry, epoch uint64, err error) {
	o.mu.Lock()
	if e.state == entryOut {
		acks := o.Acked != nil && e.m.ID != ""
		switch {
		case err == nil && acks && !e.acked && o.conn != nil && o.epoch == epoch:
			e.state = entryAwaiting
		case err == nil && acks && !e.acked: // the connection has ended meanwhile
			o.hold(e, fmt.Errorf("%w: it was written, not acknowledged", messages.ErrUnconfirmed))
			o.resent++
		case err == nil, e.acked:
			o.done(e, epoch, nil)
		case errors.Is(err, messages.ErrUnconfirmed) && !e.m.Resend && !acks:
			o.done(e, epoch, err)
		case errors.Is(err, messages.ErrClosed):
			if errors.Is(err, messages.ErrUnconfirmed) {
				o.resent++
			}
			o.hold(e, err)
		default:
			o.done(e, epoch, err)
		}
	}
	o.unlock()
	o.pump()
}

// hold takes a message back that a connection was given.
func (o *Outbox) hold(e *entry, err error) {
	e.state = entryHeld
	o.cursor = o.first
	switch {
	case o.closed:
		o.giveUp(e, err)
	case !e.expires.IsZero() && !e.expires.After(time.Now()):
		o.drop(e, messages.ErrExpired)
	}
}

// received looks for an acknowledgement in a message of the server.
func (o *Outbox) received(kind messages.Kind, data []byte) {
	defer func() {
		if p := recover(); p != nil {
			o.logger.Error("dandelion: Acked panicked", slog.Any("panic", p))
		}
	}()
	ack, ok := o.Acked(kind, data)
	if !ok {
		return
	}
	o.mu.Lock()
	o.acknowledged(ack)
	o.unlock()
	o.pump()
}

// acknowledged answers what ack is about.
func (o *Outbox) acknowledged(ack Ack) {
	for _, last := range slices.Clone(o.ids[ack.ID]) {
		if !last.sent {
			continue
		}
		if ack.Through {
			for e := o.first; e != last; {
				next := e.next
				if e.m.ID != "" {
					o.acknowledge(e)
				}
				e = next
			}
		}
		o.acknowledge(last)
		return
	}
}

func (o *Outbox) acknowledge(e *entry) {
	switch {
	case e.state == entryOut:
		e.acked = true
	case e.sent:
		o.done(e, o.epoch, nil)
	}
}

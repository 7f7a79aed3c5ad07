package outbox

// This file is the outbox's dealings with the connection: what it is given, what becomes of
// that, and what the server acknowledges.

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// sink is the sending half of a connection: a *protocol.Outbound.
type sink interface {
	Send(kind messages.Kind, data []byte, reply protocol.Reply) error
	Space() <-chan struct{}
}

// Attach hands what is held, and whatever comes, to a new connection.
func (q *Queue) Attach(epoch uint64, conn sink) {
	q.mu.Lock()
	q.conn, q.epoch = conn, epoch
	q.cursor = q.first
	q.unlock()
	q.pump()
}

// Detach ends the use of the connection.
func (q *Queue) Detach() {
	q.mu.Lock()
	q.conn = nil
	for e := q.first; e != nil; e = e.next {
		if e.state == entryAwaiting { // its acknowledgement may be lost
			e.state = entryHeld
			q.resent++
		}
	}
	q.cursor = q.first
	q.unlock()
}

// pump hands what is held to the connection, in order, until that takes no more. It runs on one
// goroutine at a time: that of whoever brings news.
func (q *Queue) pump() {
	q.mu.Lock()
	if q.pumping {
		q.mu.Unlock()
		return
	}
	q.pumping = true
	for {
		e, conn := q.ready(), q.conn
		if e == nil || q.awaiting {
			break
		}
		e.state, e.sent = entryOut, true
		q.unlock()
		err := conn.Send(e.m.Kind, e.m.Data, protocol.Reply{To: e})
		q.mu.Lock()
		if err == nil {
			continue
		}
		switch {
		case errors.Is(err, messages.ErrQueueFull):
			q.hold(e, nil)
			q.awaiting = true
			room := conn.Space()
			go func() {
				<-room
				q.mu.Lock()
				q.awaiting = false
				q.unlock()
				q.pump()
			}()
		case errors.Is(err, messages.ErrClosed):
			q.hold(e, nil)
			if q.conn == conn {
				q.conn = nil // its end is on the way
			}
		default:
			q.forget(e, q.epoch, err)
			if q.cursor == nil {
				q.cursor = q.first
			}
		}
	}
	q.pumping = false
	q.unlock()
}

// ready returns the next message for the connection, nil if there is none.
func (q *Queue) ready() *entry {
	if q.conn == nil || q.closed {
		return nil
	}
	for ; q.cursor != nil; q.cursor = q.cursor.next {
		switch q.cursor.state {
		case entryHeld:
			return q.cursor
		case entryStoring: // those after it wait, to keep the order
			return nil
		}
	}
	return nil
}

// settled handles what the connection says of a message.
func (q *Queue) settled(e *entry, epoch uint64, err error) {
	q.mu.Lock()
	if e.state == entryOut {
		acks := q.cfg.Acked != nil && e.m.ID != ""
		switch {
		case err == nil && acks && !e.acked && q.conn != nil && q.epoch == epoch:
			e.state = entryAwaiting
		case err == nil && acks && !e.acked: // the connection has ended meanwhile
			q.hold(e, fmt.Errorf("%w: it was written, not acknowledged", messages.ErrUnconfirmed))
			q.resent++
		case err == nil, e.acked:
			q.forget(e, epoch, nil)
		case errors.Is(err, messages.ErrUnconfirmed) && !e.m.Resend && !acks:
			q.forget(e, epoch, err)
		case errors.Is(err, messages.ErrClosed):
			if errors.Is(err, messages.ErrUnconfirmed) {
				q.resent++
			}
			q.hold(e, err)
		default:
			q.forget(e, epoch, err)
		}
	}
	q.unlock()
	q.pump()
}

// hold takes a message back from a connection.
func (q *Queue) hold(e *entry, err error) {
	e.state = entryHeld
	q.cursor = q.first
	switch {
	case q.closed:
		q.leave(e, err)
	case !e.expires.IsZero() && !e.expires.After(time.Now()):
		q.drop(e, messages.ErrExpired)
	}
}

// Received looks for an acknowledgement in a message of the server.
func (q *Queue) Received(kind messages.Kind, data []byte) {
	defer func() {
		if p := recover(); p != nil {
			q.logger.Error("dandelion: Acked panicked", slog.Any("panic", p))
		}
	}()
	ack, ok := q.cfg.Acked(kind, data)
	if !ok {
		return
	}
	q.mu.Lock()
	q.acknowledged(ack)
	q.unlock()
	q.pump()
}

// acknowledged answers the messages that ack acknowledges.
func (q *Queue) acknowledged(ack Ack) {
	for _, last := range slices.Clone(q.ids[ack.ID]) {
		if !last.sent {
			continue
		}
		if ack.Through {
			for e := q.first; e != last; {
				next := e.next
				if e.m.ID != "" {
					q.acknowledge(e)
				}
				e = next
			}
		}
		q.acknowledge(last)
		return
	}
}

func (q *Queue) acknowledge(e *entry) {
	switch {
	case e.state == entryOut:
		e.acked = true
	case e.sent:
		q.forget(e, q.epoch, nil)
	}
}

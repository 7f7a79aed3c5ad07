package dandelion

// This file is how a client sends: three verbs for messages, which go straight to the
// connection or, if there is one, through the outbox; and the control frames.

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/supervisor/outbox"
)

// Write sends a message and waits until it was handed to the operating system. Before
// that it waits for the connection to be open, and for room in a full queue.
//
// If ctx has ended already nothing is sent. If it ends while Write waits the message may
// still be sent, unless it was waiting for the connection or for room.
//
// With an outbox Write waits until the message has left that: through reconnects, and
// for the server's acknowledgement if the message has an ID. It waits for room in the
// outbox only with [Block]. If ctx ends first the message stays in the outbox.
//
// Errors: those of ctx; [ErrInvalidUTF8], [ErrInvalidKind], [ErrPartialMessage];
// [ErrClosed] if the connection, or with Supervise the client, has ended before the
// message was written, along with [ErrUnconfirmed] if it may have arrived. With an outbox
// also [ErrQueueFull], [ErrDropped], [ErrExpired], [ErrStopped], [ErrStored].
func (c *Client) Write(ctx context.Context, m Message) error {
	done := make(chan error, 1)
	if err := c.accept(ctx, m, awaited(done)); err != nil {
		return err
	}
	return outcome(ctx, done)
}

// Queue has a message accepted for sending and waits for that: for the connection to be
// open, and for room in a full queue. It does not wait until the message is written, so
// that the next one is ready by then. If ctx ends first nothing is sent.
//
// With an outbox it waits for room in that, if it has [Block], and then, if it has a
// store, until the message is safe there; if ctx ends before that the message stays.
//
// Errors: those of ctx; [ErrInvalidUTF8], [ErrInvalidKind], [ErrPartialMessage],
// [ErrClosed]. With an outbox also [ErrQueueFull] and the errors of its store. If the
// message is not sent after all it is counted in [Closed], or with an outbox the event
// [OutboxDropped] says why.
func (c *Client) Queue(ctx context.Context, m Message) error {
	return c.accept(ctx, m, protocol.Reply{})
}

// Send has a message accepted for sending, or fails at once. It waits for nothing: not
// for a connection, nor for room, nor for the network. A message of 32 KiB or more is
// encoded, and first tried to be written, on the goroutine of the caller.
//
// With an outbox the message goes there and waits for the connection. With a store it is
// then in memory and on its way to the store: if the program is killed before it is
// there, the message is lost. Queue waits for that.
//
// Errors: [ErrInvalidUTF8], [ErrInvalidKind], [ErrPartialMessage], [ErrQueueFull],
// [ErrClosed], and without an outbox [ErrNotOpen]. If the message is not sent after all
// it is counted in [Closed], or with an outbox the event [OutboxDropped] says why.
func (c *Client) Send(m Message) error {
	if box := c.view.Outbox(); box != nil {
		out, err := c.outgoing(m)
		if err != nil {
			return err
		}
		return box.Send(out, protocol.Reply{})
	}
	conn, err := c.current()
	if err != nil {
		return err
	}
	return m.sendOn(conn.Out, protocol.Reply{})
}

// accept has a message accepted by the outbox or by the connection, and waits for that.
// What becomes of it goes to reply.
//
// The two ways are two branches and not two implementations of an interface: a call
// through an interface would make every message escape to the heap.
func (c *Client) accept(ctx context.Context, m Message, reply protocol.Reply) error {
	if box := c.view.Outbox(); box != nil {
		return c.put(ctx, box, m, reply)
	}
	return c.queue(ctx, nil, func(conn *family.Conn) error { return m.sendOn(conn.Out, reply) })
}

// put puts a message into the outbox. It waits for room in it if it is one with Block,
// and, if nobody waits for more than that, until the message is stored.
func (c *Client) put(ctx context.Context, box *outbox.Queue, m Message, reply protocol.Reply) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	out, err := c.outgoing(m)
	if err != nil {
		return err
	}
	for {
		space := box.Space()
		var stored <-chan error
		if reply.To != nil {
			err = box.Send(out, reply)
		} else {
			stored, err = box.Keep(out)
		}
		switch {
		case err == nil && stored != nil:
			return outcome(ctx, stored)
		case space == nil || !errors.Is(err, ErrQueueFull):
			return err
		}
		select {
		case <-space:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// outgoing returns a copy of m for the outbox, or why that will not take it.
func (c *Client) outgoing(m Message) (messages.Outgoing, error) {
	if err := c.ended(); err != nil {
		return messages.Outgoing{}, err
	}
	if err := m.check(); err != nil {
		return messages.Outgoing{}, err
	}
	return m.outgoing(), nil
}

// write sends on the current connection and waits until it is written. A send
// that must be on a certain connection names it in only.
func (c *Client) write(ctx context.Context, only *family.Conn, send func(*family.Conn, protocol.Reply) error) error {
	done := make(chan error, 1)
	err := c.queue(ctx, only, func(conn *family.Conn) error { return send(conn, awaited(done)) })
	if err != nil {
		return err
	}
	return outcome(ctx, done)
}

// awaited is a Reply to somebody who waits for done, which has room for one value.
func awaited(done chan<- error) protocol.Reply { return protocol.Reply{To: done, Awaited: true} }

// outcome waits for what became of a message. What is known already counts, even if ctx
// has ended.
func outcome(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		select {
		case err := <-done:
			return err
		default:
			return ctx.Err()
		}
	}
}

// queue sends on the current connection. It waits for one, and for room in its queue.
func (c *Client) queue(ctx context.Context, only *family.Conn, send func(*family.Conn) error) error {
	if err := ctx.Err(); err != nil && only == nil { // a message that has begun can be finished
		return err
	}
	for {
		conn := only // if it has ended it says so itself
		if conn == nil {
			var err error
			if conn, err = c.awaitOpen(ctx); err != nil {
				return err
			}
		}
		err := send(conn)
		switch {
		case errors.Is(err, ErrQueueFull):
			select {
			case <-conn.Out.Space():
			case <-ctx.Done():
				return ctx.Err()
			}
		case errors.Is(err, ErrClosed) && only == nil:
			// Not accepted, so it can go out on the next connection, if there is one.
			if err := c.awaitEnd(ctx, conn, err); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// awaitOpen waits for a connection.
func (c *Client) awaitOpen(ctx context.Context) (*family.Conn, error) {
	for {
		if conn := c.view.Conn(); conn != nil {
			return conn, nil
		}
		state, changed := c.view.State()
		if state == StateStopped {
			return nil, c.ended()
		}
		if c.view.Conn() != nil {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// awaitEnd waits until conn is no longer the current connection. A client
// that is about to end returns closing at once.
func (c *Client) awaitEnd(ctx context.Context, conn *family.Conn, closing error) error {
	if c.once {
		return closing
	}
	for {
		state, changed := c.view.State()
		if state == StateStopped {
			return closing
		}
		if c.view.Conn() != conn {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SendPing queues a Ping of up to 125 bytes. It does not wait for the Pong, which is an
// event. Errors: [ErrControlTooLong], [ErrQueueFull], [ErrNotOpen], [ErrClosed].
func (c *Client) SendPing(data []byte) error {
	if _, err := c.current(); err != nil {
		return err
	}
	if err := protocol.CheckPing(data); err != nil {
		return err
	}
	call := &family.PingCall{Data: bytes.Clone(data), Err: make(chan error, 1)}
	c.system.Root.Send(c.pid, call)
	select {
	case err := <-call.Err:
		return err
	case <-c.view.Done():
		return c.Err()
	}
}

// SendPong queues an unsolicited Pong of up to 125 bytes and returns at once. Pings are
// answered without it. The errors are those of SendPing.
func (c *Client) SendPong(data []byte) error {
	conn, err := c.current()
	if err != nil {
		return err
	}
	return conn.Out.Pong(data, protocol.Reply{})
}

// current returns the open connection without waiting for one.
func (c *Client) current() (*family.Conn, error) {
	if conn := c.view.Conn(); conn != nil {
		return conn, nil
	}
	if err := c.ended(); err != nil {
		return nil, err
	}
	state, _ := c.view.State()
	return nil, fmt.Errorf("%w: it is %v; wait for OnOpen, or use Write, which waits", ErrNotOpen, state)
}

// ended returns the error for what is sent after the end of the client; nil before.
// It is ErrClosed, whatever the end was.
func (c *Client) ended() error {
	err := c.Err()
	if err == nil || errors.Is(err, ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrClosed, err)
}

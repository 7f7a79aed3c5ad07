package dandelion

// This file is how a client sends.

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/supervisor/outbox"
)

// WriteText sends a text message and waits until it was handed to the operating
// system. See [Client.Write].
func (c *Client) WriteText(ctx context.Context, text string) error {
	if box := c.view.Outbox(); box != nil {
		return c.deliver(ctx, box, messages.Outgoing{Kind: messages.KindText, Data: []byte(text)})
	}
	return c.write(ctx, nil, func(conn *actors.Conn, reply protocol.Reply) error {
		return conn.Out.SendText(text, reply)
	})
}

// Write sends a message and waits until it was handed to the operating system.
// It also waits for room in a full queue, and for the connection to be open.
//
// If ctx has ended nothing is sent. If it ends before Write returns the message may
// still be sent, unless it was waiting for room or for the connection. Errors: those
// of ctx, messages.ErrInvalidUTF8, ErrInvalidKind, the *messages.CloseError of the connection that
// ended before the message was written (with messages.ErrUnconfirmed if it may have
// arrived). data is not used after Write has returned.
//
// With an outbox it waits until the message has left the outbox: also through
// reconnects, and for its acknowledgement if it has an ID (see WriteMessage). It
// waits for room in the outbox only with outbox.Block. If ctx ends first the
// message stays in the outbox.
func (c *Client) Write(ctx context.Context, kind messages.Kind, data []byte) error {
	if box := c.view.Outbox(); box != nil {
		return c.deliver(ctx, box, messages.Outgoing{Kind: kind, Data: bytes.Clone(data)})
	}
	return c.write(ctx, nil, func(conn *actors.Conn, reply protocol.Reply) error {
		return conn.Out.Send(kind, data, reply)
	})
}

// Queue is Send for whoever can wait: it waits for room in a full queue, and for
// the connection to be open, as long as ctx lasts. Unlike Write it does not wait until
// the message is written, so that the next one is ready by then. Errors: those of ctx,
// messages.ErrInvalidUTF8, ErrInvalidKind, ErrClosed. data is copied before Queue returns.
//
// With an outbox it waits for room in that, if it has outbox.Block; with a store
// in it, also until the message is safe there.
func (c *Client) Queue(ctx context.Context, kind messages.Kind, data []byte) error {
	if box := c.view.Outbox(); box != nil {
		return put(ctx, box, messages.Outgoing{Kind: kind, Data: bytes.Clone(data)}, protocol.Reply{}, true)
	}
	return c.queue(ctx, nil, func(conn *actors.Conn) error {
		return conn.Out.Send(kind, data, protocol.Reply{})
	})
}

// WriteMessage is Write for a message that says how it is to be treated by the
// outbox. m.Data must not be changed any more. Without an outbox it is Write.
func (c *Client) WriteMessage(ctx context.Context, m messages.Outgoing) error {
	if box := c.view.Outbox(); box != nil {
		return c.deliver(ctx, box, m)
	}
	return c.Write(ctx, m.Kind, m.Data)
}

// SendMessage is Send for a message that says how it is to be treated by the
// outbox. m.Data must not be changed any more. Without an outbox it is Send.
func (c *Client) SendMessage(m messages.Outgoing) error {
	if box := c.view.Outbox(); box != nil {
		return c.post(box, m)
	}
	return c.Send(m.Kind, m.Data)
}

// deliver puts a message into the outbox and waits for what becomes of it.
func (c *Client) deliver(ctx context.Context, box *outbox.Queue, m messages.Outgoing) error {
	done := make(chan error, 1)
	if err := put(ctx, box, m, protocol.Reply{To: (chan<- error)(done), Awaited: true}, false); err != nil {
		return err
	}
	return outcome(ctx, done)
}

// outcome waits for what became of a message.
func outcome(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// put puts a message into the outbox. It waits for room in it if it is one with
// outbox.Block, and until the message is stored if stored is set.
func put(ctx context.Context, box *outbox.Queue, m messages.Outgoing, reply protocol.Reply, stored bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for {
		space := box.Space()
		err := box.Send(m, reply, stored)
		if space == nil || !errors.Is(err, messages.ErrQueueFull) {
			return err
		}
		select {
		case <-space:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// post puts a message into the outbox and leaves it there.
func (c *Client) post(box *outbox.Queue, m messages.Outgoing) error {
	if err := c.Err(); err != nil {
		return fmt.Errorf("%w: %w", messages.ErrClosed, err)
	}
	return box.Send(m, protocol.Reply{}, true)
}

// write sends on the current connection and waits until it is written. A send
// that has to be on a certain connection names it in only.
func (c *Client) write(ctx context.Context, only *actors.Conn, send func(*actors.Conn, protocol.Reply) error) error {
	done := make(chan error, 1)
	err := c.queue(ctx, only, func(conn *actors.Conn) error {
		return send(conn, protocol.Reply{To: (chan<- error)(done), Awaited: true})
	})
	if err != nil {
		return err
	}
	return outcome(ctx, done)
}

// queue sends on the current connection. It waits for one, and for room in its queue.
func (c *Client) queue(ctx context.Context, only *actors.Conn, send func(*actors.Conn) error) error {
	if err := ctx.Err(); err != nil && only == nil { // a message that has begun can be finished
		return err
	}
	for {
		conn, err := c.awaitOpen(ctx)
		if err != nil {
			return err
		}
		if only != nil {
			conn = only // if it has ended it says so itself
		}
		err = send(conn)
		switch {
		case errors.Is(err, messages.ErrQueueFull):
			select {
			case <-conn.Out.Space():
			case <-ctx.Done():
				return ctx.Err()
			}
		case errors.Is(err, messages.ErrClosed) && only == nil:
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
func (c *Client) awaitOpen(ctx context.Context) (*actors.Conn, error) {
	for {
		if conn := c.view.Conn(); conn != nil {
			return conn, nil
		}
		state, changed := c.view.State()
		if state == messages.StateStopped {
			return nil, c.Err()
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

// awaitEnd waits until conn is not the current connection any more. A client
// that is about to end returns closing at once.
func (c *Client) awaitEnd(ctx context.Context, conn *actors.Conn, closing error) error {
	if c.once {
		return closing
	}
	for {
		state, changed := c.view.State()
		if state == messages.StateStopped {
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

// SendText queues a text message and returns at once. See [Client.Send].
func (c *Client) SendText(text string) error {
	if box := c.view.Outbox(); box != nil {
		return c.post(box, messages.Outgoing{Kind: messages.KindText, Data: []byte(text)})
	}
	conn, err := c.current()
	if err != nil {
		return err
	}
	return conn.Out.SendText(text, protocol.Reply{})
}

// Send queues a message and returns at once; it is written as soon as the writer
// is free. data is copied before Send returns. Errors: messages.ErrQueueFull,
// ErrInvalidUTF8, ErrInvalidKind, ErrNotOpen, ErrClosed. If the connection ends before the
// message is written, messages.Closed counts it as unsent.
//
// With an outbox the message goes there and waits for the connection; with a store
// in it, Send waits until the message is safe there. What the outbox gives up is
// an event.
func (c *Client) Send(kind messages.Kind, data []byte) error {
	if box := c.view.Outbox(); box != nil {
		return c.post(box, messages.Outgoing{Kind: kind, Data: bytes.Clone(data)})
	}
	conn, err := c.current()
	if err != nil {
		return err
	}
	return conn.Out.Send(kind, data, protocol.Reply{})
}

// SendPing queues a Ping of up to 125 bytes and does not wait for its Pong, which
// is an event. Errors: messages.ErrControlTooLong, ErrQueueFull, ErrNotOpen, ErrClosed.
// With Options.Inline a full queue is not reported.
func (c *Client) SendPing(data []byte) error {
	if _, err := c.current(); err != nil {
		return err
	}
	if err := protocol.CheckPing(data); err != nil {
		return err
	}
	if c.inline { // whoever would answer may be waiting for the handler that calls
		c.system.Root.Send(c.pid, &messages.Ping{Data: bytes.Clone(data)})
		return nil
	}
	call := &actors.PingCall{Data: bytes.Clone(data), Err: make(chan error, 1)}
	c.system.Root.Send(c.pid, call)
	select {
	case err := <-call.Err:
		return err
	case <-c.view.Done():
		return c.Err()
	}
}

// SendPong queues an unsolicited Pong of up to 125 bytes and returns at once.
// Pings are answered without it. Errors: as of SendPing.
func (c *Client) SendPong(data []byte) error {
	conn, err := c.current()
	if err != nil {
		return err
	}
	return conn.Out.Pong(data, protocol.Reply{})
}

// current returns the open connection without waiting for one.
func (c *Client) current() (*actors.Conn, error) {
	if conn := c.view.Conn(); conn != nil {
		return conn, nil
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", messages.ErrClosed, err)
	}
	state, _ := c.view.State()
	return nil, fmt.Errorf("%w: it is %v; wait for OnOpen, or use Write, which waits", messages.ErrNotOpen, state)
}

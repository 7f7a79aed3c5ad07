package dandelion

// This file is the client: how it stands, what it has received, how it ends. Sending is
// in client_send.go.

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/supervisor"
)

// Client is a connection made by [Dial], or one kept up by [Supervise].
type Client struct {
	system  *actor.ActorSystem
	pid     *actor.PID
	view    *handle.Handle
	handler Handler
	inbox   *inbox // nil if the handler takes the data

	once      bool // made by Dial: there is one connection only
	streaming bool // messages are delivered in parts
}

// spawn starts the actors. Callbacks may use the client before it returns.
func (c *Client) spawn(cfg supervisor.Config) *actor.PID {
	return c.system.Root.Spawn(supervisor.Props(cfg).Configure(c.view.Option(),
		actor.WithOnInit(func(ctx actor.Context) { c.pid = ctx.Self() })))
}

// PID returns the actor behind the client. It takes the commands of package messages,
// sent in the actor system that System returns.
func (c *Client) PID() *actor.PID { return c.pid }

// System returns the actor system of the client: that of Options, or the shared one.
func (c *Client) System() *actor.ActorSystem { return c.system }

// State returns the current state.
func (c *Client) State() State {
	if conn := c.view.Conn(); conn != nil {
		return conn.State()
	}
	state, _ := c.view.State()
	return state
}

// Opened describes the current connection, or the last one: subprotocol, header,
// addresses. It is nil if none was ever open.
func (c *Client) Opened() *Opened { return c.view.Opened() }

// Status returns a snapshot of the client: state, endpoints, attempts, the cause of
// the last failure, round-trip times, queues and counters. After the end it is the last
// one.
func (c *Client) Status() *Status {
	call := make(chan *Status, 1)
	c.system.Root.Send(c.pid, &handle.StatusCall{Status: call})
	select {
	case st := <-call:
		return st
	case <-c.view.Done():
		return c.view.Final()
	}
}

// RTT returns the round-trip time of the last Ping of the current connection that was
// answered, and the smoothed one (RFC 6298). Both are 0 before the first answer.
func (c *Client) RTT() (last, smoothed time.Duration) {
	if conn := c.view.Conn(); conn != nil {
		return conn.RTT(), conn.SmoothedRTT()
	}
	return 0, 0
}

// Reconnect closes the connection with the code 1001 (going away), or cuts short the
// delay before the next one, and has the client connect at once. It does not wait for
// that. It is for clients made by [Supervise].
func (c *Client) Reconnect() { c.system.Root.Send(c.pid, &messages.Reconnect{}) }

// Pause closes the connection with the code 1001 (going away); no other is made until
// Resume or Reconnect. It does not wait for that. It is for clients made by [Supervise].
func (c *Client) Pause() { c.system.Root.Send(c.pid, &messages.Pause{}) }

// Resume ends a pause: the client connects at once.
func (c *Client) Resume() { c.system.Root.Send(c.pid, &messages.Resume{}) }

// Done returns a channel that is closed when the client has ended (STOPPED).
func (c *Client) Done() <-chan struct{} { return c.view.Done() }

// Err returns why the client has ended, nil as long as it has not. If a connection was
// open it is a *[CloseError], even if the end was clean.
func (c *Client) Err() error {
	select {
	case <-c.view.Done():
	default:
		return nil
	}
	if err := c.view.Cause(); err != nil {
		return err
	}
	return ErrStopped
}

// Read returns the next message. It blocks until there is one, until ctx ends, or until
// the client has ended and everything was read; the error is then that of [Client.Err].
// With [Supervise] it waits across reconnects. Several goroutines may read; each message
// goes to one of them. If the messages go to a [Handler] it returns an error at once.
func (c *Client) Read(ctx context.Context) (Message, error) {
	if c.inbox == nil {
		return Message{}, errors.New("read: the messages go to the Handler; set none of OnText, OnBinary, OnBorrowed and OnFragment to read them")
	}
	for {
		msg, ok, wait := c.inbox.take()
		if ok {
			return msg, nil
		}
		if wait == nil {
			return Message{}, c.Err()
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

// Messages returns an iterator over the messages, as [Client.Read] returns them. The last
// pair has the error of Read; after a clean end with the code 1000 there is no such pair.
func (c *Client) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			msg, err := c.Read(ctx)
			var closed *CloseError
			if errors.As(err, &closed) && closed.Clean && closed.Code == StatusNormal {
				return
			}
			if !yield(msg, err) || err != nil {
				return
			}
		}
	}
}

// Ping sends a Ping, waits for its Pong and returns the round-trip time. Errors: those of
// ctx; [ErrNotOpen]; [ErrQueueFull]; the error with which the connection ended.
func (c *Client) Ping(ctx context.Context) (rtt time.Duration, err error) {
	call := &family.PingCall{RTT: make(chan time.Duration, 1), Err: make(chan error, 1)}
	c.system.Root.Send(c.pid, call)
	select {
	case rtt = <-call.RTT:
		return rtt, nil
	case err = <-call.Err:
		return 0, err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-c.view.Done():
		select {
		case rtt = <-call.RTT:
			return rtt, nil
		default:
			return 0, c.Err()
		}
	}
}

// Close closes the connection with the closing handshake and ends the client:
// what was accepted for sending goes out, then a Close frame, and then it waits for the
// server's. It returns nil if that went well, or if no connection was open, and the
// *[CloseError] if it did not. The code 0 sends no status; any other must be one that may
// be sent ([ErrInvalidCloseCode]), and the reason at most 123 bytes of UTF-8
// ([ErrControlTooLong], [ErrInvalidUTF8]).
//
// If ctx ends first, Close returns its error, and closing continues for at most
// Options.CloseTimeout. A client that is closing or has ended is not closed again; Close
// then waits for the end.
func (c *Client) Close(ctx context.Context, code StatusCode, reason string) error {
	if err := protocol.CheckClose(code, reason); err != nil {
		return err
	}
	earlier := c.earlierEnd()
	if c.Err() == nil {
		c.system.Root.Send(c.pid, &messages.Close{Code: code, Reason: reason})
	}
	select {
	case <-c.view.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	return c.uncleanEnd(earlier)
}

// earlierEnd returns how the last connection ended, for a client that has not ended.
func (c *Client) earlierEnd() *CloseError {
	if c.Err() != nil {
		return nil
	}
	var closed *CloseError
	errors.As(c.view.Cause(), &closed)
	return closed
}

// uncleanEnd returns how the client has ended if a connection ended then that was
// not closed properly.
func (c *Client) uncleanEnd(earlier *CloseError) error {
	var closed *CloseError
	if errors.As(c.view.Cause(), &closed) && !closed.Clean && closed != earlier {
		return closed
	}
	return nil
}

// Shutdown ends the client when its outbox is empty, or when ctx ends, with the code 1001
// (going away). Until then it continues, across reconnects, but takes no new messages. It
// returns when the client has ended: nil if that went well, the error of ctx if messages
// were given up, or what Close returns. Without an outbox it closes at once; what was
// accepted for sending goes out.
func (c *Client) Shutdown(ctx context.Context) error {
	const forEver = 1 << 62 // ctx bounds it
	earlier := c.earlierEnd()
	c.system.Root.Send(c.pid, &messages.Stop{Flush: forEver})
	var ended error
	select {
	case <-c.view.Done():
	case <-ctx.Done():
		ended = ctx.Err()
		c.system.Root.Send(c.pid, &messages.Stop{})
		<-c.view.Done() // within Options.CloseTimeout
	}
	if err := c.uncleanEnd(earlier); err != nil {
		return err
	}
	return ended
}

// Abort drops the connection without a closing handshake and ends the client. It does
// not wait for that; [Client.Done] does. After the end it does nothing.
func (c *Client) Abort() {
	if c.Err() != nil {
		return // its actors are gone
	}
	c.system.Root.Send(c.pid, &handle.AbortCall{Cause: errAborted})
}

var errAborted = errors.New("aborted by its user")

// This file is the life of a mocked connection: its state and epoch, which
// follow from the events that are emitted, and the events that belong together.

package wstest

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// mockURL is where a mocked connection says that it leads to.
const mockURL = "ws://mock.test/"

// life is guarded by the mu of its Mock.
type life struct {
	supervised bool // the end of a connection is not the end of all
	wanted     bool // the code under test has closed or stopped the connection
	state      messages.State
	epoch      uint64
	opened     *messages.Opened     // the last one
	closed     *messages.CloseError // how the last connection ended
	err        error                // why it has ended for good
	done       chan struct{}        // closed when it has
}

func newLife(supervised bool) life {
	return life{
		supervised: supervised,
		state:      messages.StateOpen,
		epoch:      1,
		opened:     &messages.Opened{Epoch: 1, URL: mockURL},
		done:       make(chan struct{}),
	}
}

// admit returns the error for a command that finds no open connection.
func (l *life) admit(command any) error {
	switch {
	case l.state == messages.StateStopped:
		return messages.ErrStopped
	case l.state == messages.StateOpen, ofLife(command) && !(isClose(command) && l.state == messages.StateClosing):
		return nil
	case l.state == messages.StateClosing && l.closed == nil:
		return fmt.Errorf("%w: it is closing and takes no more messages", messages.ErrClosed)
	case l.state == messages.StateClosing || l.state == messages.StateClosed && !l.supervised:
		return l.closed
	}
	return fmt.Errorf("%w: it is %v; wait for Opened", messages.ErrNotOpen, l.state)
}

func isClose(command any) bool {
	_, ok := command.(*messages.Close)
	return ok
}

// enter changes the state as an event says, and returns the event with what was
// left out filled in: the epoch, the URL.
func (l *life) enter(event any) any {
	switch e := event.(type) {
	case *messages.Connecting:
		e = complete(e, l.epoch+1)
		if e.URL == "" {
			e.URL = mockURL
		}
		e.Attempt = max(1, e.Attempt)
		l.epoch, l.state = e.Epoch, messages.StateConnecting
		return e
	case *messages.Opened:
		epoch := l.epoch
		if l.state != messages.StateConnecting && l.state != messages.StateOpen {
			epoch++
		}
		e = complete(e, epoch)
		if e.URL == "" {
			e.URL = mockURL
		}
		l.epoch, l.state, l.opened, l.closed = e.Epoch, messages.StateOpen, e, nil
		return e
	case *messages.Closing:
		l.state = messages.StateClosing
	case *messages.Closed:
		e = complete(e, l.epoch)
		if e.Err == nil {
			e.Err = lost(nil)
		}
		l.state, l.closed = messages.StateClosed, e.Err
		return e
	case *messages.ReconnectScheduled:
		l.state = messages.StateWaiting
	case *messages.Stopped:
		l.state = messages.StateStopped
		switch {
		case e.Cause != nil:
			l.err = e.Cause
		case l.closed != nil:
			l.err = l.closed
		default:
			l.err = messages.ErrStopped
		}
		close(l.done)
	}
	return stamp(event, l.epoch)
}

// ended is the error for what was under way when the connection ended, nil if
// there is still one.
func (l *life) ended() error {
	switch l.state {
	case messages.StateClosed:
		return l.closed
	case messages.StateStopped:
		return l.err
	}
	return nil
}

// complete returns a copy of an event with that epoch, unless it has one.
func complete[T any](event *T, epoch uint64) *T { return stamp(event, epoch).(*T) }

// stamp returns a copy of an event of package messages with that epoch, unless
// it has one. Anything else is returned as it is.
func stamp(event any, epoch uint64) any {
	if !isMessage(event) {
		return event
	}
	c := reflect.New(reflect.TypeOf(event).Elem())
	c.Elem().Set(reflect.ValueOf(event).Elem())
	if f := c.Elem().FieldByName("Epoch"); f.IsValid() && f.IsZero() {
		f.SetUint(epoch)
	}
	return c.Interface()
}

// lost is the end of a connection without a Close frame.
func lost(cause error) *messages.CloseError {
	var e *messages.CloseError
	if errors.As(cause, &e) {
		return e
	}
	return &messages.CloseError{Code: wire.StatusAbnormal, Cause: cause}
}

// received is the code that the peer reports for a Close frame with this one.
func received(code wire.StatusCode) wire.StatusCode {
	if code == 0 {
		return wire.StatusNoStatus
	}
	return code
}

// closedByUs is a closing handshake that this side began.
func closedByUs(code wire.StatusCode, reason string) []any {
	return []any{
		&messages.Closing{By: messages.Local, Code: received(code), Reason: reason},
		&messages.Closed{Err: &messages.CloseError{
			Code: received(code), Reason: reason, By: messages.Local, Clean: true, SentCode: code, SentReason: reason,
		}},
	}
}

// closing are the events after a Close or Stop.
func (l *life) closing(connected bool, code wire.StatusCode, reason string) []any {
	var events []any
	if connected {
		events = closedByUs(code, reason)
	}
	return append(events, &messages.Stopped{})
}

// failing are the events after a FailConnection.
func (l *life) failing(connected bool, cmd *messages.FailConnection) []any {
	if !connected {
		return nil
	}
	var events []any
	if cmd.Code != 0 {
		events = append(events, &messages.Closing{By: messages.Local, Code: cmd.Code})
	}
	end := &messages.CloseError{Code: wire.StatusAbnormal, By: messages.Local, SentCode: cmd.Code, Cause: cmd.Cause}
	return append(append(events, &messages.Closed{Err: end}), l.final(end)...)
}

// closedByServer are the events when the server closes the connection.
func (l *life) closedByServer(code wire.StatusCode, reason string) []any {
	end := &messages.CloseError{
		Code: received(code), Reason: reason, By: messages.Remote, Clean: true, SentCode: code, SentReason: reason,
	}
	return append([]any{
		&messages.Closing{By: messages.Remote, Code: received(code), Reason: reason},
		&messages.Closed{Err: end},
	}, l.final(end)...)
}

// lostFor are the events when the connection is lost.
func (l *life) lostFor(cause error) []any {
	end := lost(cause)
	return append([]any{&messages.Closed{Err: end}}, l.final(end)...)
}

// final is what follows the end of a connection if no other will be made.
func (l *life) final(end *messages.CloseError) []any {
	switch {
	case !l.supervised, l.wanted && !end.Clean:
		return []any{&messages.Stopped{Cause: end}}
	case l.wanted:
		return []any{&messages.Stopped{}}
	}
	return nil
}

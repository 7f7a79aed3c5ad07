// This file sees what the client sends as commands of package messages, so that
// the same Matchers fit in a script and in the expectations of a Mock.

package wstest

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Expect waits for the next message or control frame of the client and fails
// unless it matches want. What is compared, and returned, is the command of
// package messages that makes a client send it: *messages.SendText, SendBinary,
// Ping, Pong or Close, with a Ref of 0. The fragments of a message are joined.
//
//	c.Expect(wstest.Text(wstest.PartialJSON(`{"op": "subscribe"}`)))
func (c *Conn) Expect(want any) any {
	c.tb().Helper()
	m := toMatcher(want)
	got := c.next(m.String())
	if mismatch := m.Mismatch(got); mismatch != "" {
		c.failf(nil, "expected %s, got %s:\n%s", m, show(got), indent(indent(mismatch)))
	}
	return got
}

// next waits for the next message or control frame, and returns it as a command.
func (c *Conn) next(want string) any {
	c.tb().Helper()
	for {
		f := c.expectCorrect(want)
		command, err := c.link.assembling.add(f)
		if err != nil {
			c.failf(nil, "expected %s, got %v: %v", want, f, err)
		}
		if command != nil {
			return command
		}
	}
}

// assembly joins the fragments of a message.
type assembly struct {
	kind wire.Opcode // of the message under way, 0 if there is none
	data []byte
}

// add returns the command that is complete with f, nil if none is.
func (a *assembly) add(f Frame) (command any, err error) {
	switch {
	case isControl(f.Opcode):
		return controlCommand(f)
	case (f.Opcode == wire.OpContinuation) != (a.kind != 0):
		return nil, errors.New("messages are mixed up")
	case a.kind == 0:
		a.kind = f.Opcode
	}
	a.data = append(a.data, f.Payload...)
	if !f.Fin {
		return nil, nil
	}
	kind, data := a.kind, a.data
	*a = assembly{}
	switch {
	case kind == wire.OpBinary:
		return &messages.SendBinary{Data: append([]byte{}, data...)}, nil
	case !utf8.Valid(data):
		return nil, messages.ErrInvalidUTF8
	}
	return &messages.SendText{Text: string(data)}, nil
}

func controlCommand(f Frame) (any, error) {
	switch f.Opcode {
	case wire.OpPing:
		return &messages.Ping{Data: f.Payload}, nil
	case wire.OpPong:
		return &messages.Pong{Data: f.Payload}, nil
	}
	switch code := f.CloseCode(); {
	case code == wire.StatusNoStatus:
		return &messages.Close{}, nil
	case !mayBeSent(code):
		return nil, fmt.Errorf("the code %d must not be sent", uint16(code))
	case !utf8.ValidString(f.CloseReason()):
		return nil, messages.ErrInvalidUTF8
	default:
		return &messages.Close{Code: code, Reason: f.CloseReason()}, nil
	}
}

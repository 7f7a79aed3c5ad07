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
// Ping, Pong or Close, with a Ref of 0. The fragments of a message are joined; a
// control frame between them makes it fail.
//
//	c.Expect(wstest.Text(wstest.PartialJSON(`{"op": "subscribe"}`)))
func (c *Conn) Expect(want any) any {
	c.tb().Helper()
	m := toMatcher(want)
	f := c.expectCorrect(m.String())
	op, payload := f.Opcode, f.Payload
	for last := f; !last.Fin; {
		last = c.expectCorrect("a continuation")
		if last.Opcode != wire.OpContinuation {
			c.failf(nil, "expected a continuation of %v, got %v", f, last)
		}
		payload = append(payload, last.Payload...)
	}
	got, err := commandOf(op, payload)
	if err != nil {
		c.failf(err, "expected %s, got %v: %v", m, f, err)
	}
	if mismatch := m.Mismatch(got); mismatch != "" {
		c.failf(nil, "expected %s, got %s:\n%s", m, show(got), indent(indent(mismatch)))
	}
	return got
}

// commandOf makes a command of a whole message or a control frame.
func commandOf(op wire.Opcode, payload []byte) (any, error) {
	switch op {
	case wire.OpText:
		if !utf8.Valid(payload) {
			return nil, messages.ErrInvalidUTF8
		}
		return &messages.SendText{Text: string(payload)}, nil
	case wire.OpBinary:
		return &messages.SendBinary{Data: payload}, nil
	case wire.OpPing:
		return &messages.Ping{Data: payload}, nil
	case wire.OpPong:
		return &messages.Pong{Data: payload}, nil
	case wire.OpClose:
		f := Frame{Payload: payload}
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
	return nil, errors.New("it begins no message")
}

// fragmentStream makes a command of each frame: fragments are not joined.
type fragmentStream struct {
	stream uint64
	kind   messages.Kind // of the message under way, 0 if there is none
}

func (s *fragmentStream) command(f Frame) (any, error) {
	first := f.Opcode != wire.OpContinuation
	if isControl(f.Opcode) || first && f.Fin {
		return commandOf(f.Opcode, f.Payload)
	}
	if first == (s.kind != 0) {
		return nil, errors.New("messages are mixed up")
	}
	if first {
		s.stream++
		s.kind = messages.KindBinary
		if f.Opcode == wire.OpText {
			s.kind = messages.KindText
		}
	}
	command := &messages.SendFragment{Stream: s.stream, Kind: s.kind, First: first, Final: f.Fin, Data: f.Payload}
	if f.Fin {
		s.kind = 0
	}
	return command, nil
}

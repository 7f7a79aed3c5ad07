package supervisor

// This file is how commands get from a supervisor to the connection, or are refused.

import (
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
)

// send passes a message of an actor to the outbox, if there is one, else to the connection.
func (s *supervisor) send(ctx actor.Context, command any) {
	if s.box == nil {
		s.forward(ctx, command)
		return
	}
	var (
		m   messages.Outgoing
		ref uint64
	)
	switch c := command.(type) {
	case *messages.SendText:
		m, ref = messages.Outgoing{Kind: messages.KindText, Data: []byte(c.Text), Delivery: c.Delivery}, c.Ref
	case *messages.SendBinary:
		m, ref = messages.Outgoing{Kind: messages.KindBinary, Data: c.Data, Delivery: c.Delivery}, c.Ref
	}
	if err := s.box.Accept(m, family.ReplyTo(ctx.Sender(), ref)); err != nil {
		s.refuse(ctx, ref, err)
	}
}

// forward passes a command to the connection, or answers that there is none.
func (s *supervisor) forward(ctx actor.Context, command any) {
	if s.protocol != nil {
		ctx.RequestWithCustomSender(s.protocol, command, ctx.Sender())
		return
	}
	err := fmt.Errorf("%w: it is %v; wait for Opened", messages.ErrNotOpen, s.state)
	if s.step != stepNone {
		err = messages.ErrStopped
	}
	switch c := command.(type) {
	case *messages.SendText:
		s.refuse(ctx, c.Ref, err)
	case *messages.SendBinary:
		s.refuse(ctx, c.Ref, err)
	case *messages.SendFragment:
		s.refuse(ctx, c.Ref, err)
	case *messages.Ping:
		s.refuse(ctx, c.Ref, err)
	case *messages.Pong:
		s.refuse(ctx, c.Ref, err)
	case *messages.Close:
		s.refuse(ctx, c.Ref, err)
	case *family.PingCall:
		c.Err <- err
	}
}

// unknown answers a message that is no command, so that its sender does not wait for ever.
func (s *supervisor) unknown(ctx actor.Context, message any) {
	err := fmt.Errorf("message of type %T: %w", message, messages.ErrUnknownCommand)
	s.Logger.Warn("dandelion: message was not understood", slog.String("type", fmt.Sprintf("%T", message)))
	s.refuse(ctx, 0, err)
}

// refuse answers a command that was not accepted.
func (s *supervisor) refuse(ctx actor.Context, ref uint64, err error) {
	if ctx.Sender() != nil {
		ctx.Respond(&messages.SendFailed{Ref: ref, Err: err})
	}
}

package supervisor

// This file is an order from a pool that is to be carried out later (handle.Later). There is
// one at a time; a Pause takes it back.

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
)

// due is an order whose time has come, unless it was taken back.
type due struct {
	command any
	timer   *time.Timer
}

func (s *supervisor) putOff(msg *handle.Later) {
	s.forgetLater()
	if !s.canSteer() {
		return
	}
	d := &due{command: msg.Command}
	self, root := s.self, s.system.Root
	d.timer = time.AfterFunc(msg.Delay, func() { root.Send(self, d) })
	s.later = d
}

func (s *supervisor) forgetLater() {
	if s.later != nil {
		s.later.timer.Stop()
		s.later = nil
	}
}

func (s *supervisor) due(ctx actor.Context, d *due) {
	if s.later != d {
		return
	}
	s.later = nil
	switch d.command.(type) {
	case *messages.Reconnect:
		s.reconnect(ctx)
	case *messages.Resume:
		s.resume(ctx)
	}
}

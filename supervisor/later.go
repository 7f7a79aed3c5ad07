package supervisor

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
)

// This file is an order of a pool for a later moment (handle.Later). There is one at a
// time; a Pause takes it back.

// due is an order whose moment has come, if it was not taken back.
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

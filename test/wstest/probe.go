// This file is the Probe: an actor that records what it is sent.

package wstest

import (
	"github.com/asynkron/protoactor-go/actor"
)

// Probe is an actor under the test's control. As supervisor.Config.Target, or as
// the target of a [MockActor], it records the events; as the sender of commands
// it records their answers. What it has recorded is awaited with the methods of
// its [Recorder]:
//
//	probe := wstest.NewProbe(t, system)
//	conn := system.Root.Spawn(supervisor.Props(supervisor.Config{Target: probe.PID(), …}))
//	probe.Await(wstest.OfType[*messages.Opened]())
//	probe.Send(conn, &messages.SendText{Ref: 7, Text: "hello"})
//	probe.Expect(&messages.Sent{Epoch: 1, Ref: 7})
//
// It does not record what protoactor sends by itself, but for the
// *actor.Terminated of an actor that it watches. That is recorded behind what the
// actor has sent to the probe before, although protoactor lets it overtake.
type Probe struct {
	*Recorder
	system *actor.ActorSystem
	pid    *actor.PID
}

// NewProbe starts a Probe. It is stopped at the end of the test.
func NewProbe(t TestingT, system *actor.ActorSystem) *Probe {
	p := &Probe{Recorder: NewRecorder(t), system: system}
	p.pid = system.Root.Spawn(actor.PropsFromFunc(p.receive))
	t.Cleanup(p.Stop)
	return p
}

// PID is the actor.
func (p *Probe) PID() *actor.PID { return p.pid }

// Send sends a message whose sender is the probe, so that it gets the answer.
func (p *Probe) Send(to *actor.PID, message any) {
	p.system.Root.RequestWithCustomSender(to, message, p.pid)
}

// Reply sends a message to the sender of what the test has read last. It fails if
// that has none.
func (p *Probe) Reply(message any) {
	p.core.t.Helper()
	to := p.LastSender()
	if to == nil {
		p.core.failf("there is nobody to reply to")
	}
	p.Send(to, message)
}

// Watch lets the probe get an *actor.Terminated when an actor has terminated.
func (p *Probe) Watch(pid *actor.PID) { p.system.Root.Send(p.pid, &watchOrder{pid}) }

// Stop stops the actor, as a target that terminates.
func (p *Probe) Stop() { p.system.Root.Stop(p.pid) }

// watchOrder tells the probe to watch an actor.
type watchOrder struct{ pid *actor.PID }

// terminated is a Terminated that goes to the end of the mailbox.
type terminated struct{ message *actor.Terminated }

func (p *Probe) receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *watchOrder:
		ctx.Watch(msg.pid)
	case *actor.Terminated:
		ctx.Send(ctx.Self(), &terminated{msg})
	case *terminated:
		p.core.record(msg.message, nil)
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Touch:
	default:
		p.core.record(msg, ctx.Sender())
	}
}

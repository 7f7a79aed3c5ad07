package actors

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/quiet"
)

// BenchmarkHop is the cost of one message to an idle actor and of its handling.
func BenchmarkHop(b *testing.B) {
	system := quiet.System()
	for _, bench := range []struct {
		name string
		opts []actor.PropsOption
	}{
		{"own mailbox, inline", []actor.PropsOption{Mailbox(RoleProtocol, 0, nil), actor.WithDispatcher(inline)}},
		{"own mailbox, lane", []actor.PropsOption{Mailbox(RoleProtocol, 0, nil), actor.WithDispatcher(ownLane)}},
		{"protoactor's mailbox, inline", []actor.PropsOption{actor.WithMailbox(actor.UnboundedLockfree()), actor.WithDispatcher(inline)}},
		{"protoactor's mailbox, goroutine", []actor.PropsOption{actor.WithMailbox(actor.UnboundedLockfree())}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			handled := make(chan struct{}, 1)
			pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*flush); ok {
					handled <- struct{}{}
				}
			}, bench.opts...))
			b.ReportAllocs()
			for b.Loop() {
				system.Root.Send(pid, flushSoon)
				<-handled
			}
			system.Root.Stop(pid)
		})
	}
}

package mailbox

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
		{"own mailbox, on the sender", []actor.PropsOption{Each(always(OnSender), nil)}},
		{"own mailbox, on the lane", []actor.PropsOption{Each(always(OnLane), nil)}},
		{"protoactor's mailbox, on the sender", []actor.PropsOption{actor.WithMailbox(actor.UnboundedLockfree()), actor.WithDispatcher(actor.NewSynchronizedDispatcher(64))}},
		{"protoactor's mailbox, goroutine", []actor.PropsOption{actor.WithMailbox(actor.UnboundedLockfree())}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			handled := make(chan struct{}, 1)
			pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*numbered); ok {
					handled <- struct{}{}
				}
			}, bench.opts...))
			message := &numbered{}
			b.ReportAllocs()
			for b.Loop() {
				system.Root.Send(pid, message)
				<-handled
			}
			system.Root.Stop(pid)
		})
	}
}

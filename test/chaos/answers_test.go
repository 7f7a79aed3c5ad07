package chaos_test

// This file tests that every send is answered, even around the end of connections.

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/quiet"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
)

// TestAnswersAroundEnds sends from several goroutines while connections come and go as
// fast as they can, and while the supervisor stops: the moments in which a send may meet
// an actor that is ending.
func TestAnswersAroundEnds(t *testing.T) {
	const senders = 4
	before := measure()
	defer func() { before.compare(t) }()
	for _, c := range []struct {
		name   string
		rounds int
		final  bool
		end    func(root *actor.RootContext, pid *actor.PID)
	}{
		{"reconnects", 10, false, func(root *actor.RootContext, pid *actor.PID) {
			for range 30 {
				root.Send(pid, &messages.Reconnect{})
				time.Sleep(rand.N(time.Millisecond))
			}
		}},
		{"failures", 10, false, func(root *actor.RootContext, pid *actor.PID) {
			for range 30 {
				root.Send(pid, &messages.FailConnection{})
				time.Sleep(rand.N(time.Millisecond))
			}
		}},
		{"stop", 50, true, func(root *actor.RootContext, pid *actor.PID) { root.Send(pid, &messages.Stop{}) }},
		{"close", 50, true, func(root *actor.RootContext, pid *actor.PID) { root.Send(pid, &messages.Close{}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			echo, err := wstest.NewEchoServer("")
			if err != nil {
				t.Fatal(err)
			}
			defer echo.Close()
			system := quiet.System()
			root := system.Root
			for round := range c.rounds {
				var box *outbox.Config
				if round%2 == 1 {
					box = &outbox.Config{Resend: true}
				}
				r := &report{start: time.Now()}
				l := newLedger(r)
				f := &fleet{}
				self := root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
					switch m := ctx.Message().(type) {
					case *messages.Sent:
						l.answer(m.Ref, m.Epoch, nil)
					case *messages.SendFailed:
						l.answer(m.Ref, m.Epoch, m.Err)
					case *actor.DeadLetterResponse:
						l.told()
					}
				}))
				pid := root.Spawn(supervisor.Props(supervisor.Config{
					URL:        echo.URL(),
					Handshaker: &handshake.Client{Adapter: &handshake.NetAdapter{Gate: &handshake.Gate{}}},
					Target:     f.target(root),
					Outbox:     box,
					Retry: retry.Policy{
						Backoff: retry.Exponential{Base: time.Millisecond, Max: time.Millisecond}.New,
					},
				}))
				await(t, f.until(func(f *fleet) bool { return f.open > 0 }), "Opened")
				enough := make(chan struct{})
				var sending sync.WaitGroup
				for range senders {
					sending.Go(func() {
						for {
							select {
							case <-enough:
								return
							default:
								for range 20 {
									root.RequestWithCustomSender(pid, &messages.SendText{Ref: l.book(0, false), Text: "x"}, self)
								}
								time.Sleep(rand.N(time.Millisecond)) // otherwise the queues only grow
							}
						}
					})
				}
				c.end(root, pid)
				if c.final {
					await(t, f.until(func(f *fleet) bool { return f.stopped > 0 }), "Stopped")
				}
				close(enough)
				sending.Wait()
				root.Send(pid, &messages.Stop{})
				await(t, f.until(func(f *fleet) bool { return f.stopped > 0 }), "Stopped")
				settled := time.NewTimer(5 * time.Second)
				select {
				case <-l.settle():
				case <-settled.C:
					r.violation("%s", l.lost())
				}
				settled.Stop()
				root.Stop(self)
				if wrong := r.verdict(); wrong != "" {
					t.Fatal(wrong)
				}
			}
		})
	}
}

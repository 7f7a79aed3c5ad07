package supervisor_test

// This file is about code that fails: the handler in each state, and actors of the library.

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/wire"
)

// A handler that fails while an attempt is under way ends it, if a failure is an end at all.
func TestHandlerFailsWhileConnecting(t *testing.T) {
	again := retry.Policy{Verdicts: retry.Verdicts{retry.CauseHandler: {Action: retry.Retry}}}
	for _, test := range []struct {
		name string
		cfg  supervisor.Config
		want messages.State
	}{
		{"stop", supervisor.Config{}, messages.StateStopped},
		{"retry", supervisor.Config{Retry: again}, messages.StateWaiting},
		{"continue", supervisor.Config{OnPanic: supervisor.ContinueOnPanic}, messages.StateConnecting},
	} {
		t.Run(test.name, func(t *testing.T) {
			fail := inTheBubble()
			test.cfg.Handshaker = handshaker(func(ctx context.Context, _ *handshake.Request) (*handshake.Result, error) {
				close(fail())
				<-ctx.Done()
				return nil, ctx.Err()
			})
			test.cfg.StartDelay = time.Second
			inBubble(t, test.cfg, func(r *rig) {
				r.on(func(event any) {
					if _, connecting := event.(*messages.Connecting); connecting {
						<-fail()
						panic("boom")
					}
				})
				r.sleep(time.Second)
				require.Equal(r, test.want, r.state())
				require.Len(r, saw[*messages.HandlerFailed](r), 1)
				switch test.want {
				case messages.StateStopped:
					gaveUp := saw[*messages.GaveUp](r)
					require.Len(r, gaveUp, 1)
					require.ErrorIs(r, gaveUp[0].Cause, messages.ErrHandlerFailed)
				case messages.StateWaiting:
					require.ErrorIs(r, saw[*messages.ReconnectScheduled](r)[1].Cause, messages.ErrHandlerFailed)
				}
			})
		})
	}
}

// A handler that fails between two attempts ends the wait if its verdict is not to retry.
func TestHandlerFailsWhileWaiting(t *testing.T) {
	for name, action := range map[string]retry.Action{"stop": retry.Stop, "retry": retry.Retry} {
		t.Run(name, func(t *testing.T) {
			cfg := supervisor.Config{Handshaker: refusing, StartDelay: time.Second,
				Retry: retry.Policy{Verdicts: retry.Verdicts{retry.CauseHandler: {Action: action}}, Backoff: retry.Exponential{Min: time.Minute}.New}}
			inBubble(t, cfg, func(r *rig) {
				r.on(func(event any) {
					if e, ok := event.(*messages.ReconnectScheduled); ok && e.Epoch == 1 {
						panic("boom")
					}
				})
				r.sleep(time.Second)
				if action == retry.Retry {
					require.Equal(r, messages.StateWaiting, r.state())
					return
				}
				require.Equal(r, messages.StateStopped, r.state())
				require.ErrorIs(r, saw[*messages.GaveUp](r)[0].Cause, messages.ErrHandlerFailed)
			})
		})
	}
}

// No event follows Stopped, even if the handler fails with what comes before it.
func TestHandlerFailsAtTheEnd(t *testing.T) {
	inBubble(t, supervisor.Config{Handshaker: refusing, StartDelay: time.Second, Retry: retry.Policy{MaxAttempts: 1}}, func(r *rig) {
		r.on(func(event any) {
			if _, ok := event.(*messages.GaveUp); ok {
				panic("boom")
			}
		})
		r.sleep(time.Minute)
		require.Equal(r, messages.StateStopped, r.state())
		events := saw[any](r)
		require.IsType(r, &messages.Stopped{}, events[len(events)-1])
	})
}

// failing is an Observer that panics, which it must not, with the next message that an actor
// with this role has handled, or that was posted to it: so the actor fails.
type failing struct{ role atomic.Int32 }

func (*failing) Posted(actors.Role, uint64, any, *actor.PID) {}
func (f *failing) Handled(by actors.Role, _ uint64, _ any) {
	if f.role.CompareAndSwap(int32(by), 0) {
		panic("boom")
	}
}

// An actor of a connection that fails, which is a bug of the library, ends this connection
// and nothing else.
func TestActorsOfAConnectionFail(t *testing.T) {
	for _, role := range []actors.Role{actors.RoleReader, actors.RoleProtocol, actors.RoleWriter} {
		t.Run(role.String(), func(t *testing.T) {
			observer := &failing{}
			inBubble(t, supervisor.Config{CloseTimeout: time.Second, Observer: observer}, func(r *rig) {
				server := r.server()
				before := len(r.actors())
				observer.role.Store(int32(role))
				r.order(&messages.SendText{Text: "hello", Ref: 1})
				server.Write(wire.AppendServerFrame(nil, true, 0, wire.OpText, make([]byte, 2<<20)))
				r.sleep(time.Minute)
				synctest.Wait()
				require.Zero(r, observer.role.Load(), "the actor has handled nothing")
				require.Equal(r, messages.StateOpen, r.state())
				require.EqualValues(r, 2, r.handle.Opened().Epoch)
				require.Len(r, r.actors(), before)
				require.Len(r, r.answered(), 1)
				closed := saw[*messages.ReconnectScheduled](r)
				require.Len(r, closed, 1)
				if role != actors.RoleProtocol {
					require.ErrorContains(r, closed[0].Cause, "internal error: boom")
				}
				_, err := server.Write([]byte{0})
				require.Error(r, err, "the connection is closed")
			})
		})
	}
}

// A callback actor that fails ends the supervisor, as nobody can be told anything any more;
// but whoever waits for the end is.
func TestCallbackActorFails(t *testing.T) {
	for name, cfg := range map[string]supervisor.Config{
		"connecting": {Handshaker: untilCancelled}, "open": {}, "waiting": {StartDelay: time.Hour},
		"ending": {Handshaker: untilCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			observer := &failing{}
			cfg.Observer = observer
			inBubble(t, cfg, func(r *rig) {
				observer.role.Store(int32(actors.RoleCallback))
				callback := r.children()[0]
				if name == "ending" {
					r.order(&messages.Stop{})
				} else {
					r.system.Root.Send(callback, &messages.Closed{})
				}
				require.Equal(r, messages.StateStopped, r.state())
				require.Empty(r, r.children())
				if name == "ending" {
					require.Len(r, r.answered(), 1)
				} else {
					require.ErrorContains(r, r.handle.Cause(), "a bug of this library")
				}
			})
		})
	}
}

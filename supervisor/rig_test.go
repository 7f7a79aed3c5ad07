package supervisor_test

// This file is the rig of tests that give a supervisor orders, one at a time.

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/internal/quiet"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
)

// rig is a supervisor in a bubble, and its user, who gets events and answers. Its server
// accepts every connection and says nothing, unless the Config has another Handshaker.
type rig struct {
	*testing.T
	system  *actor.ActorSystem
	handle  *handle.Handle
	pid     *actor.PID
	user    *actor.PID
	servers chan *wstest.PipeConn

	mu      sync.Mutex
	handler func(event any) // nil: none
	events  []any
	answers []any
}

// inBubble runs f with a rig for cfg. At the end everything has to be gone.
func inBubble(t *testing.T, cfg supervisor.Config, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, system: quiet.System(), handle: handle.New(), servers: make(chan *wstest.PipeConn, 100)}
		before := r.actors()
		r.handle.Sink = r
		r.user = r.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
			switch msg := ctx.Message().(type) {
			case actor.SystemMessage, actor.AutoReceiveMessage:
			default:
				r.mu.Lock()
				defer r.mu.Unlock()
				r.answers = append(r.answers, msg)
			}
		}))
		if cfg.URL == "" {
			cfg.URL = "ws://server.test/"
		}
		if cfg.Handshaker == nil {
			cfg.Handshaker = handshaker(func(context.Context, *handshake.Request) (*handshake.Result, error) {
				client, server := wstest.Pipe(0)
				r.servers <- server
				return &handshake.Result{Stream: client}, nil
			})
		}
		r.pid = spawn(r.system, r.handle, cfg)
		synctest.Wait()
		defer func() { // even if f has failed
			r.system.Root.Stop(r.pid)
			r.system.Root.Stop(r.user)
			synctest.Wait()
			left := len(r.actors())
			for len(r.servers) > 0 {
				(<-r.servers).Close()
			}
			r.sleep(time.Minute)
			if left != len(before) {
				t.Errorf("%d actors are left over", left-len(before))
			}
		}()
		f(r)
	})
}

// sleep lets time pass, and waits until nothing happens.
func (r *rig) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Batch, Event and Ignores implement family.Sink.
func (r *rig) Batch(b *family.Batch) { b.Release() }

func (r *rig) Event(event any) {
	r.mu.Lock()
	r.events = append(r.events, event)
	handler := r.handler
	r.mu.Unlock()
	if handler != nil {
		handler(event)
	}
}

// on has events handled from now on.
func (r *rig) on(handler func(event any)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handler = handler
}

func (*rig) Ignores(any) bool { return false }

// order gives the supervisor commands of the user, and waits until nothing happens.
func (r *rig) order(commands ...any) {
	for _, command := range commands {
		r.system.Root.RequestWithCustomSender(r.pid, command, r.user)
	}
	synctest.Wait()
}

// actors returns the names of all actors.
func (r *rig) actors() (names []string) {
	for _, bucket := range r.system.ProcessRegistry.LocalPIDs.LocalPIDs {
		names = append(names, bucket.Keys()...)
	}
	slices.Sort(names)
	return names
}

// children returns the actors below the supervisor, those in the depth included.
func (r *rig) children() (pids []*actor.PID) {
	for _, name := range r.actors() {
		if strings.HasPrefix(name, r.pid.Id+"/") {
			pids = append(pids, actor.NewPID(r.pid.Address, name))
		}
	}
	return pids
}

// server returns the server's end of the next connection.
func (r *rig) server() *wstest.PipeConn {
	r.Helper()
	synctest.Wait()
	require.NotEmpty(r, r.servers, "no connection was made")
	return <-r.servers
}

// saw returns the events of one type so far.
func saw[T any](r *rig) (found []T) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range r.events {
		if e, ok := event.(T); ok {
			found = append(found, e)
		}
	}
	return found
}

// answered returns the answers to the user so far, and forgets them.
func (r *rig) answered() []any {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	answers := r.answers
	r.answers = nil
	return answers
}

func (r *rig) state() messages.State {
	synctest.Wait()
	state, _ := r.handle.State()
	return state
}

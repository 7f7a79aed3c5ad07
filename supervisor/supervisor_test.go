package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/internal/quiet"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// newPeer makes a Handshaker that hands out one end of a pipe, and gives the others.
func newPeer(size int) (handshake.Handshaker, <-chan *wstest.PipeConn) {
	servers := make(chan *wstest.PipeConn, 100)
	return handshaker(func(context.Context, *handshake.Request) (*handshake.Result, error) {
		client, server := wstest.Pipe(size)
		servers <- server
		return &handshake.Result{Stream: client}, nil
	}), servers
}

type handshaker func(context.Context, *handshake.Request) (*handshake.Result, error)

func (h handshaker) Handshake(ctx context.Context, req *handshake.Request) (*handshake.Result, error) {
	return h(ctx, req)
}

// spawn spawns a supervisor with a handle.
func spawn(system *actor.ActorSystem, h *handle.Handle, cfg supervisor.Config) *actor.PID {
	return system.Root.Spawn(supervisor.Props(cfg).Configure(h.Option()))
}

// A user's actor that is slow stops the reading from the network, though it
// knows nothing of credits.
func TestSlowTargetStopsTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		got := 0
		target := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
			if m, ok := ctx.Message().(*messages.BinaryReceived); ok {
				time.Sleep(time.Second)
				got += len(m.Data)
			}
		}))
		h, servers := newPeer(64 << 10)
		pid := system.Root.Spawn(supervisor.Props(supervisor.Config{
			URL:           "ws://server.test/",
			Handshaker:    h,
			Target:        target,
			ReceiveWindow: 256 << 10,
		}))
		server := <-servers
		const total, size = 1000, 4096
		var sent atomic.Int64
		go func() {
			frame := wire.AppendServerFrame(nil, true, 0, wire.OpBinary, make([]byte, size))
			for range total {
				if _, err := server.Write(frame); err != nil {
					t.Error(err)
					return
				}
				sent.Add(1)
			}
		}()
		synctest.Wait()
		require.Less(t, int(sent.Load())*size, 3*(256<<10), "bytes taken from the server while the user's actor handles the first")
		time.Sleep(2 * total * time.Second)
		synctest.Wait()
		require.Equal(t, total*size, got)
		system.Root.Stop(pid)
		system.Root.Stop(target)
		server.Close()
		time.Sleep(2 * time.Second)
	})
}

// Several supervisors can be spawned of the same Props, and each has its own connection.
func TestPropsCanBeShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		h, servers := newPeer(0)
		props := supervisor.Props(supervisor.Config{URL: "ws://server.test/", Handshaker: h})
		const n = 10
		var pids []*actor.PID
		for range n {
			pids = append(pids, system.Root.Spawn(props))
		}
		synctest.Wait()
		for _, pid := range pids {
			future := system.Root.RequestFuture(pid, &messages.SendText{Ref: 7, Text: "x"}, time.Second)
			synctest.Wait()
			answer, err := future.Result()
			require.NoError(t, err)
			require.Equal(t, &messages.Sent{Epoch: 1, Ref: 7}, answer)
		}
		require.Len(t, servers, n)
		var conns []*wstest.PipeConn
		for range n {
			server := <-servers
			frame := make([]byte, 7)
			_, err := io.ReadFull(server, frame)
			require.NoError(t, err)
			require.Equal(t, []byte{0x81, 0x81}, frame[:2], "the one frame of each connection")
			conns = append(conns, server)
		}
		for _, pid := range pids {
			system.Root.Stop(pid)
		}
		synctest.Wait()
		for _, server := range conns {
			_, err := server.Write([]byte{0})
			require.Error(t, err, "each connection was dropped")
			server.Close()
		}
		time.Sleep(2 * time.Second)
	})
}

// An attempt that begins about when Spawn returns is made, by whomever.
func TestCallerWithDelay(t *testing.T) {
	system := quiet.System()
	refused := errors.New("refused")
	dial := handshaker(func(context.Context, *handshake.Request) (*handshake.Result, error) { return nil, refused })
	for i := range 500 {
		h := handle.New()
		h.Once = true
		h.Caller.Spawn(func() *actor.PID {
			return spawn(system, h, supervisor.Config{
				URL:        "ws://server.test/",
				Handshaker: dial,
				StartDelay: time.Duration(i) * 100, // up to 50 µs; 0 in the first round
			})
		})
		<-h.Done()
		require.ErrorIs(t, h.Cause(), refused)
	}
}

// A stopped supervisor drops neither an attempt under way nor its outcome.
func TestStopWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		var client *wstest.PipeConn
		h := handshaker(func(ctx context.Context, _ *handshake.Request) (*handshake.Result, error) {
			<-ctx.Done() // and comes too late with a good connection
			return &handshake.Result{Stream: client}, nil
		})
		for _, stop := range []func(pid *actor.PID){
			func(pid *actor.PID) { system.Root.Stop(pid) },
			func(pid *actor.PID) { system.Root.Send(pid, &messages.Stop{}) },
		} {
			ours, server := wstest.Pipe(0)
			client = ours
			view := handle.New()
			pid := spawn(system, view, supervisor.Config{URL: "ws://server.test/", Handshaker: h})
			synctest.Wait()
			stop(pid)
			synctest.Wait()
			go func() { // a connection that was open already is closed properly
				r := wire.NewReceiver(wire.ReceiverConfig{Role: wire.Server})
				buf := make([]byte, 100)
				for {
					n, err := server.Read(buf)
					if items, _ := r.Receive(nil, buf[:n]); len(items) > 0 {
						server.Write(wire.AppendServerFrame(nil, true, 0, wire.OpClose, nil))
					}
					if err != nil {
						server.Close()
						return
					}
				}
			}()
			<-view.Done()
			_, err := client.Read(make([]byte, 1))
			require.Error(t, err, "the stream is closed")
		}
		time.Sleep(10 * time.Second)
	})
}

// What is no command is answered, so that nobody waits for it.
func TestUnknownCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		pid := system.Root.Spawn(supervisor.Props(supervisor.Config{
			URL: "ws://server.test/",
			Handshaker: handshaker(func(ctx context.Context, _ *handshake.Request) (*handshake.Result, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}),
		}))
		for _, message := range []any{messages.SendText{Text: "by value"}, "text", 7, &messages.Opened{}} {
			answer, err := system.Root.RequestFuture(pid, message, time.Second).Result()
			require.NoError(t, err, "%T", message)
			require.ErrorIs(t, answer.(*messages.SendFailed).Err, messages.ErrUnknownCommand)
			require.ErrorContains(t, answer.(*messages.SendFailed).Err, fmt.Sprintf("%T", message))
			system.Root.Send(pid, message)
		}
		answer, err := system.Root.RequestFuture(pid, &messages.Stop{}, time.Minute).Result()
		require.NoError(t, err)
		require.IsType(t, &messages.Stopped{}, answer)
		time.Sleep(2 * time.Second)
	})
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		h, servers := newPeer(0)
		pid := system.Root.Spawn(supervisor.Props(supervisor.Config{
			URL: "ws://user:secret@server.test/", Handshaker: h,
		}))
		synctest.Wait()
		future := system.Root.RequestFuture(pid, &messages.GetStatus{}, time.Second)
		answer, err := future.Result()
		require.NoError(t, err)
		require.Equal(t, &messages.Status{
			State: messages.StateOpen, Since: time.Now(), Epoch: 1, Attempt: 1, URL: "ws://server.test/",
			Endpoints: []messages.EndpointStatus{{URL: "ws://server.test/"}},
			Counters:  messages.Counters{Attempts: 1, Connections: 1},
		}, answer)
		system.Root.Stop(pid)
		(<-servers).Close()
		time.Sleep(2 * time.Second)
	})
}

// Reconnect connects at once only once: when that fails there is a delay as always.
func TestReconnectMeetsARefusingServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		attempts := 0
		var server *wstest.PipeConn
		h := handshaker(func(context.Context, *handshake.Request) (*handshake.Result, error) {
			if attempts++; attempts == 1 {
				client, s := wstest.Pipe(0)
				server = s
				return &handshake.Result{Stream: client}, nil
			}
			time.Sleep(time.Millisecond)
			return nil, errors.New("refused")
		})
		pid := system.Root.Spawn(supervisor.Props(supervisor.Config{URL: "ws://server.test/", Handshaker: h}))
		synctest.Wait()
		system.Root.Send(pid, &messages.Reconnect{})
		server.Close()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Less(t, attempts, 20)
		system.Root.Stop(pid)
		time.Sleep(2 * time.Second)
	})
}

// Ten hours of a server that is away: the delays grow to their bound and stay
// there, no attempt is missed, nothing is left behind.
func TestTenHoursOfReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		start := time.Now()
		var attempts []time.Duration
		h := handshaker(func(context.Context, *handshake.Request) (*handshake.Result, error) {
			attempts = append(attempts, time.Since(start))
			return nil, errors.New("away")
		})
		view := handle.New()
		pid := spawn(system, view, supervisor.Config{
			URL: "ws://server.test/", Handshaker: h,
			Retry: retry.Policy{MaxElapsed: 10 * time.Hour},
		})
		<-view.Done()
		require.InDelta(t, 1200, len(attempts), 200, "half a minute between two attempts, on average")
		for i := 1; i < len(attempts); i++ {
			require.Less(t, attempts[i]-attempts[i-1], time.Minute)
		}
		require.InDelta(t, 10*time.Hour, time.Since(start), float64(time.Minute))
		system.Root.Stop(pid)
		time.Sleep(2 * time.Second)
	})
}

// A Provider, a Subscribe and a Decide that hang or panic do not hang the supervisor.
func TestCodeOfTheUserMisbehaves(t *testing.T) {
	for name, cfg := range map[string]supervisor.Config{
		"provider panics": {Provider: func(context.Context, supervisor.Attempt) (handshake.Request, error) { panic("boom") }},
		"provider hangs": {Provider: func(ctx context.Context, a supervisor.Attempt) (handshake.Request, error) {
			<-ctx.Done()
			time.Sleep(time.Hour) // and pays no attention
			return a.Request, nil
		}},
		"subscribe panics": {Subscribe: func(context.Context, *messages.Opened) ([]messages.Outgoing, error) { panic("boom") }},
		"subscribe gives what cannot be sent": {Subscribe: func(context.Context, *messages.Opened) ([]messages.Outgoing, error) {
			return []messages.Outgoing{{Kind: messages.KindText, Data: []byte{0xff}}}, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				system := quiet.System()
				h, servers := newPeer(0)
				view := handle.New()
				cfg.Request.URL, cfg.Handshaker = "ws://server.test/", h
				cfg.Retry.MaxAttempts = 3
				spawn(system, view, cfg)
				<-view.Done()
				require.Equal(t, uint64(3), view.Final().Counters.Attempts)
				require.Zero(t, view.Final().Counters.Connections)
				for len(servers) > 0 {
					(<-servers).Close()
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/quiet"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/pool"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// poolRig is a pool in a bubble, with servers that take what is sent and answer a
// Close, and a user who gets all events and answers.
type poolRig struct {
	t      *testing.T
	system *actor.ActorSystem
	user   *actor.PID
	pid    *actor.PID
	start  time.Time

	mu       sync.Mutex
	refuse   map[string]error // by URL
	attempts []time.Duration  // since start
	texts    map[string][]string
	servers  []*wstest.PipeConn
	got      []received
}

// received is what the user got.
type received struct {
	member int // -1 for the pool
	msg    any
}

func newPoolRig(t *testing.T) *poolRig {
	r := &poolRig{t: t, system: quiet.System(), start: time.Now(), refuse: map[string]error{}, texts: map[string][]string{}}
	r.user = r.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case actor.SystemMessage, actor.AutoReceiveMessage:
			return
		}
		i, ok := pool.IndexOf(ctx.Sender())
		if !ok {
			i = -1
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{i, ctx.Message()})
	}))
	t.Cleanup(func() {
		r.mu.Lock()
		servers := r.servers
		r.mu.Unlock()
		for _, s := range servers {
			s.Close()
		}
		r.system.Root.Stop(r.user)
		if r.pid != nil {
			r.system.Root.Stop(r.pid)
		}
		time.Sleep(10 * time.Second)
	})
	return r
}

// member is the Config of a member whose server is named after it.
func (r *poolRig) member(i int) supervisor.Config {
	return supervisor.Config{
		URL:        fmt.Sprintf("ws://%d.test/", i),
		Handshaker: handshaker(r.handshake),
		Target:     r.user,
	}
}

func (r *poolRig) handshake(_ context.Context, req *handshake.Request) (*handshake.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts = append(r.attempts, time.Since(r.start))
	if err := r.refuse[req.URL]; err != nil {
		return nil, err
	}
	client, server := wstest.Pipe(0)
	r.servers = append(r.servers, server)
	go r.serve(req.URL, server)
	return &handshake.Result{Stream: client}, nil
}

func (r *poolRig) serve(url string, conn *wstest.PipeConn) {
	rec := wire.NewReceiver(wire.ReceiverConfig{Role: wire.Server})
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		items, _ := rec.Receive(nil, buf[:n])
		for i := range items {
			switch items[i].Opcode {
			case wire.OpText:
				r.mu.Lock()
				r.texts[url] = append(r.texts[url], string(items[i].Payload))
				r.mu.Unlock()
			case wire.OpClose:
				conn.Write(wire.AppendServerFrame(nil, true, 0, wire.OpClose, items[i].Payload))
				conn.Close()
				return
			}
		}
		if err != nil {
			conn.Close()
			return
		}
	}
}

func (r *poolRig) spawn(cfg pool.Config) {
	if cfg.Member == nil {
		cfg.Member = r.member
	}
	cfg.Target = r.user
	r.pid = r.system.Root.Spawn(pool.Props(cfg))
	synctest.Wait()
}

// send gives the pool a command of the user.
func (r *poolRig) send(command any) {
	r.system.Root.RequestWithCustomSender(r.pid, command, r.user)
	synctest.Wait()
}

// ask sends and returns the one answer.
func ask[T any](r *poolRig, command any) T {
	r.t.Helper()
	answer, err := r.system.Root.RequestFuture(r.pid, command, time.Hour).Result()
	require.NoError(r.t, err)
	require.IsType(r.t, *new(T), answer)
	return answer.(T)
}

func (r *poolRig) status() *messages.PoolStatus {
	r.t.Helper()
	synctest.Wait()
	return ask[*messages.PoolStatus](r, &messages.GetStatus{})
}

// tried returns when attempts were made.
func (r *poolRig) tried() []time.Duration {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.attempts)
}

func (r *poolRig) refuses(i int, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	url := fmt.Sprintf("ws://%d.test/", i)
	delete(r.refuse, url)
	if status != 0 {
		r.refuse[url] = &handshake.Error{Stage: handshake.StageHTTP, Status: status, Err: errors.New("refused")}
	}
}

// events returns what the user got of one type.
func events[T any](r *poolRig) (found []T, from []int) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.got {
		if m, ok := g.msg.(T); ok {
			found = append(found, m)
			from = append(from, g.member)
		}
	}
	return found, from
}

type handshaker func(context.Context, *handshake.Request) (*handshake.Result, error)

func (h handshaker) Handshake(ctx context.Context, req *handshake.Request) (*handshake.Result, error) {
	return h(ctx, req)
}

func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// The first attempts are spread evenly over the time that was asked for, and the
// same source of randomness gives the same moments.
func TestPoolSpreadsTheFirstAttempts(t *testing.T) {
	run := func(t *testing.T, size int, over time.Duration) (attempts []time.Duration) {
		inBubble(t, func(t *testing.T) {
			r := newPoolRig(t)
			r.spawn(pool.Config{Size: size, SpreadOver: over, Float64: rand.New(rand.NewPCG(1, 2)).Float64})
			time.Sleep(time.Minute)
			scheduled, _ := events[*messages.ReconnectScheduled](r)
			require.Equal(t, size, r.status().Open)
			if over >= 0 {
				require.InDelta(t, size, len(scheduled), 10, "the delay is an event")
				require.Equal(t, "first attempt", scheduled[0].Reason)
			}
			attempts = r.tried()
		})
		return attempts
	}
	for _, test := range []struct {
		name       string
		over, want time.Duration
	}{
		{"10 s", 10 * time.Second, 10 * time.Second},
		{"default", 0, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			const size, parts = 1000, 10
			attempts := run(t, size, test.over)
			require.Equal(t, attempts, run(t, size, test.over))
			var counts [parts]int
			for _, at := range attempts {
				require.LessOrEqual(t, at, test.want)
				counts[min(at*parts/test.want, parts-1)]++
			}
			for i, c := range counts {
				require.InDelta(t, size/parts, c, size/parts*0.35, "part %d of %v", i, counts)
			}
		})
	}
	t.Run("at once", func(t *testing.T) {
		for _, at := range run(t, 300, -1) {
			require.LessOrEqual(t, at, 2*time.Millisecond)
		}
	})
}

func TestPoolResize(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newPoolRig(t)
		r.spawn(pool.Config{Size: 3})
		time.Sleep(time.Second)
		require.Equal(t, &messages.PoolStatus{Size: 3, Living: 3, Open: 3, Counters: messages.Counters{Attempts: 3, Connections: 3}}, r.status())

		require.Equal(t, &messages.PoolResized{Before: 3, Size: 600}, ask[*messages.PoolResized](r, &messages.ResizePool{Size: 600}))
		time.Sleep(time.Second)
		st := r.status()
		require.Equal(t, []int{600, 600, 600}, []int{st.Size, st.Living, st.Open})

		require.Equal(t, &messages.PoolResized{Before: 600, Size: 2}, ask[*messages.PoolResized](r, &messages.ResizePool{Size: 2}))
		// Larger again before the others have ended: their names are still taken.
		require.Equal(t, &messages.PoolResized{Before: 2, Size: 5}, ask[*messages.PoolResized](r, &messages.ResizePool{Size: 5}))
		time.Sleep(time.Second)
		st = r.status()
		require.Equal(t, []int{5, 5, 5, 0, 0}, []int{st.Size, st.Living, st.Open, st.Leaving, st.Ended})
		require.Equal(t, uint64(603), st.Counters.Connections, "those of members that are gone included")
		ended, from := events[*messages.MemberStopped](r)
		require.Len(t, ended, 598)
		for i, e := range ended {
			require.Equal(t, &messages.MemberStopped{Member: e.Member, Epoch: 1, Wanted: true}, e)
			require.Equal(t, -1, from[i], "it comes from the pool")
		}
		for i := range 5 {
			m := ask[*pool.Member](r, &messages.GetMember{Member: i})
			require.NoError(t, m.Err)
			index, ok := pool.IndexOf(m.PID)
			require.True(t, ok)
			require.Equal(t, i, index)
		}

		for _, size := range []int{-1, math.MinInt, pool.MaxSize + 1, math.MaxInt} {
			answer := ask[*messages.PoolResized](r, &messages.ResizePool{Size: size})
			require.ErrorIs(t, answer.Err, messages.ErrPoolSize)
			require.Equal(t, 5, answer.Size)
		}
		require.Equal(t, &messages.PoolResized{Before: 5}, ask[*messages.PoolResized](r, &messages.ResizePool{}))
		time.Sleep(time.Second)
		st = r.status()
		require.Zero(t, st.Living)
		require.Equal(t, uint64(603), st.Counters.Connections)
	})
}

// Stop ends all members, whatever they do, and answers each sender once.
func TestPoolStop(t *testing.T) {
	for _, test := range []struct {
		name  string
		cfg   pool.Config
		after time.Duration
		made  int
	}{
		{"open", pool.Config{Size: 300}, time.Minute, 300},
		{"during the spread", pool.Config{Size: 300, SpreadOver: time.Minute}, 30 * time.Second, 300},
		{"before all have begun", pool.Config{Size: 300}, 0, 256},
		{"empty", pool.Config{}, 0, 0},
		{"negative", pool.Config{Size: math.MinInt}, time.Second, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newPoolRig(t)
				r.spawn(test.cfg)
				time.Sleep(test.after)
				synctest.Wait()
				r.system.Root.RequestWithCustomSender(r.pid, &messages.Stop{}, r.user)
				r.system.Root.RequestWithCustomSender(r.pid, &messages.Stop{}, r.user)
				r.system.Root.Send(r.pid, &messages.Stop{})
				time.Sleep(time.Second)
				answers, from := events[*messages.Stopped](r)
				fromPool := 0
				for i, e := range answers {
					if from[i] == -1 {
						fromPool++
						require.Equal(t, &messages.Stopped{}, e)
					}
				}
				dead, _ := events[*actor.DeadLetterResponse](r) // the pool was gone already
				require.Equal(t, 2, fromPool+len(dead))
				require.GreaterOrEqual(t, fromPool, 1)
				require.Equal(t, test.made, len(answers)-fromPool, "that of each member")
				require.IsType(t, &messages.Stopped{}, r.got[len(r.got)-1-len(dead)].msg)
				attempts := len(r.tried())
				time.Sleep(time.Hour)
				require.Len(t, r.tried(), attempts, "nobody connects any more")
			})
		})
	}
}

// A pool that is too large for any machine is cut, and can be stopped while it
// comes about.
func TestPoolHuge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newPoolRig(t)
		pid := r.system.Root.Spawn(pool.Props(pool.Config{Size: math.MaxInt, Member: r.member, SpreadOver: time.Hour}))
		status := r.system.Root.RequestFuture(pid, &messages.GetStatus{}, time.Minute)
		r.system.Root.RequestWithCustomSender(pid, &messages.Stop{}, r.user)
		answer, err := status.Result()
		require.NoError(t, err)
		require.Equal(t, pool.MaxSize, answer.(*messages.PoolStatus).Size)
		time.Sleep(time.Second)
		_, from := events[*messages.Stopped](r)
		require.Contains(t, from, -1)
		require.Less(t, len(from), 10_000, "members that were made")
		require.Empty(t, r.tried())
	})
}

// Stop with Flush lets the outboxes get empty; another Stop may be in a hurry.
func TestPoolStopFlush(t *testing.T) {
	for _, hurry := range []bool{false, true} {
		t.Run(fmt.Sprintf("hurry %v", hurry), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newPoolRig(t)
				r.spawn(pool.Config{Size: 3, SpreadOver: time.Minute, Float64: func() float64 { return 0.5 }, Member: func(i int) supervisor.Config {
					cfg := r.member(i)
					cfg.Outbox = &outbox.Config{}
					return cfg
				}})
				for i := range 6 {
					r.send(&messages.SendText{Ref: uint64(i), Text: "x"})
				}
				st := r.status()
				require.Equal(t, []int{3, 6}, []int{st.Waiting, st.Outbox.Messages})
				r.send(&messages.Stop{Flush: time.Hour})
				if hurry {
					r.send(&messages.Stop{})
				}
				require.Equal(t, messages.ErrStopped, ask2(r, &messages.ResizePool{Size: 1}, hurry))
				time.Sleep(31 * time.Second)
				sent, _ := events[*messages.Sent](r)
				failed, _ := events[*messages.SendFailed](r)
				want := 6
				if hurry {
					want = 0
				}
				require.Len(t, sent, want)
				require.Len(t, failed, 6-want)
				_, from := events[*messages.Stopped](r)
				require.Contains(t, from, -1)
			})
		})
	}
}

// ask2 resizes a pool that is stopping, or gone.
func ask2(r *poolRig, msg *messages.ResizePool, gone bool) error {
	answer, err := r.system.Root.RequestFuture(r.pid, msg, time.Hour).Result()
	if gone {
		require.ErrorIs(r.t, err, actor.ErrDeadLetter)
		return messages.ErrStopped
	}
	require.NoError(r.t, err)
	return answer.(*messages.PoolResized).Err
}

// A pool that somebody stops from outside answers who waits, and leaves nothing behind.
func TestPoolStoppedFromOutside(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newPoolRig(t)
		r.refuses(1, http.StatusNotFound)
		r.spawn(pool.Config{Size: 3, ReplaceAfter: time.Second, Member: func(i int) supervisor.Config {
			cfg := r.member(i)
			cfg.Outbox = &outbox.Config{}
			return cfg
		}})
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		r.system.Root.Stop(r.pid)
		synctest.Wait()
		ended, _ := events[*messages.MemberStopped](r)
		require.Len(t, ended, 3)
		attempts := len(r.tried())
		time.Sleep(time.Hour)
		require.Len(t, r.tried(), attempts)
	})
}

// A member that has given up is reported and leaves its place empty, unless
// somebody is to take it.
func TestPoolMemberGivesUp(t *testing.T) {
	t.Run("not replaced", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			r := newPoolRig(t)
			r.refuses(1, http.StatusNotFound)
			r.spawn(pool.Config{Size: 3})
			time.Sleep(time.Hour)
			ended, _ := events[*messages.MemberStopped](r)
			require.Len(t, ended, 1)
			require.Equal(t, []any{1, false, time.Duration(0)}, []any{ended[0].Member, ended[0].Wanted, ended[0].ReplacedIn})
			var refused *handshake.Error
			require.ErrorAs(t, ended[0].Cause, &refused)
			gone := false
			for _, g := range r.got {
				gone = gone || g.msg == any(ended[0])
				require.False(t, gone && g.member == 1, "an event of the member behind its end")
			}
			st := r.status()
			require.Equal(t, []int{3, 2, 1, 2}, []int{st.Size, st.Living, st.Ended, st.Open})
			require.Equal(t, uint64(3), st.Counters.Attempts)
			m := ask[*pool.Member](r, &messages.GetMember{Member: 1})
			require.ErrorIs(t, m.Err, messages.ErrNoMember)
			require.Nil(t, m.PID)

			r.refuses(1, 0)
			require.NoError(t, ask[*pool.Member](r, &messages.ReplaceMember{Member: 1}).Err)
			require.Equal(t, 3, r.status().Open)
			again := ask[*pool.Member](r, &messages.ReplaceMember{Member: 1})
			require.NoError(t, again.Err, "it lives and is left alone")
			require.Equal(t, 3, r.status().Open)
			for _, i := range []int{-1, 3, math.MaxInt} {
				require.ErrorIs(t, ask[*pool.Member](r, &messages.ReplaceMember{Member: i}).Err, messages.ErrNoMember)
			}
		})
	})
	t.Run("replaced", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			r := newPoolRig(t)
			r.refuses(1, http.StatusNotFound)
			r.spawn(pool.Config{Size: 3, ReplaceAfter: time.Minute, SpreadOver: -1, Float64: func() float64 { return 0.5 }})
			time.Sleep(3*time.Minute + time.Second)
			ended, _ := events[*messages.MemberStopped](r)
			require.Len(t, ended, 3, "at 0 s, 90 s and 180 s")
			require.Equal(t, 90*time.Second, ended[0].ReplacedIn)
			r.refuses(1, 0)
			time.Sleep(2 * time.Minute)
			require.Equal(t, 3, r.status().Open)
			// What its user closes stays closed.
			m := ask[*pool.Member](r, &messages.GetMember{Member: 0})
			r.system.Root.Send(m.PID, &messages.Close{Code: wire.StatusNormal})
			time.Sleep(time.Hour)
			ended, _ = events[*messages.MemberStopped](r)
			require.Equal(t, &messages.MemberStopped{Member: 0, Epoch: 1, Wanted: true}, ended[3])
			require.Equal(t, 1, r.status().Ended)
		})
	})
}

// Code of the user that misbehaves is a failure of its member only.
func TestPoolCodeOfTheUserMisbehaves(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newPoolRig(t)
		draws := []float64{math.NaN(), -1, 2, math.Inf(1)}
		r.spawn(pool.Config{Size: 8, SpreadOver: time.Second, Member: func(i int) supervisor.Config {
			if i == 3 {
				panic("boom")
			}
			return r.member(i)
		}, Float64: func() float64 {
			if len(draws) == 0 {
				panic("boom")
			}
			d := draws[0]
			draws = draws[1:]
			return d
		}})
		time.Sleep(2 * time.Second)
		st := r.status()
		require.Equal(t, []int{7, 7, 1}, []int{st.Living, st.Open, st.Ended})
		ended, _ := events[*messages.MemberStopped](r)
		require.Len(t, ended, 1)
		require.EqualError(t, ended[0].Cause, "pool.Config.Member(3) panicked: boom")
	})
	t.Run("no Member", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			system := quiet.System()
			pid := system.Root.Spawn(pool.Props(pool.Config{Size: 2}))
			time.Sleep(time.Second)
			answer, err := system.Root.RequestFuture(pid, &messages.GetStatus{}, time.Second).Result()
			require.NoError(t, err)
			require.Equal(t, 2, answer.(*messages.PoolStatus).Ended)
			system.Root.Stop(pid)
			time.Sleep(2 * time.Second)
		})
	})
}

// failing is an Observer that panics, which it must not, when a supervisor has handled a
// Resume: so that fails.
type failing struct{}

func (failing) Posted(actors.Role, uint64, any, *actor.PID) {}
func (failing) Handled(by actors.Role, _ uint64, message any) {
	if _, ok := message.(*messages.Resume); ok && by == actors.RoleSupervisor {
		panic("boom")
	}
}

// A member that fails, which is a bug of the library, has ended; the others go on.
func TestPoolMemberFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newPoolRig(t)
		r.spawn(pool.Config{Size: 3, SpreadOver: -1, Observer: failing{}, ReplaceAfter: time.Minute})
		r.system.Root.Send(ask[*pool.Member](r, &messages.GetMember{Member: 1}).PID, &messages.Resume{})
		ended, _ := events[*messages.MemberStopped](r)
		require.Len(t, ended, 1)
		require.Equal(t, 1, ended[0].Member)
		require.False(t, ended[0].Wanted)
		require.ErrorIs(t, ended[0].Cause, messages.ErrStopped)
		st := r.status()
		require.Equal(t, []int{2, 2, 1}, []int{st.Living, st.Open, st.Ended})
		time.Sleep(2 * time.Minute)
		require.Equal(t, 3, r.status().Open, "another has taken its place")
	})
}

// Sends go to one open member after the other, and each gets one answer.
func TestPoolSends(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newPoolRig(t)
		r.refuses(1, http.StatusServiceUnavailable)
		r.spawn(pool.Config{Size: 3, SpreadOver: -1})
		for i := range 4 {
			r.send(&messages.SendText{Ref: uint64(i), Text: fmt.Sprint(i)})
		}
		require.Equal(t, map[string][]string{"ws://0.test/": {"0", "2"}, "ws://2.test/": {"1", "3"}}, r.texts)
		sent, _ := events[*messages.Sent](r)
		require.Len(t, sent, 4)

		require.Equal(t, &messages.ToAllDone{Sent: 2, Failed: 1}, withoutErr(t, ask[*messages.ToAllDone](r, &messages.ToAll{Command: &messages.SendText{Text: "all"}}), messages.ErrNotOpen))
		synctest.Wait()
		require.Equal(t, []string{"0", "2", "all"}, r.texts["ws://0.test/"])
		for _, command := range []any{nil, &messages.Reconnect{}, &messages.Stop{}, &messages.SendFragment{}, 7} {
			require.Equal(t, &messages.ToAllDone{}, withoutErr(t, ask[*messages.ToAllDone](r, &messages.ToAll{Command: command}), messages.ErrNotForPool))
		}
		for _, command := range []any{&messages.SendFragment{Ref: 5}, &messages.Close{Ref: 5}} {
			answer := ask[*messages.SendFailed](r, command)
			require.ErrorIs(t, answer.Err, messages.ErrNotForPool)
			require.Equal(t, uint64(5), answer.Ref)
		}
		call := &family.PingCall{RTT: make(chan time.Duration, 1), Err: make(chan error, 1)}
		r.system.Root.Send(r.pid, call)
		require.ErrorIs(t, <-call.Err, messages.ErrNotForPool)

		done := ask[*messages.ToAllDone](r, &messages.ToAll{Command: &messages.Close{Code: wire.StatusNormal}})
		require.Equal(t, []int{2, 1}, []int{done.Sent, done.Failed})
		time.Sleep(time.Minute)
		require.Equal(t, 3, r.status().Ended)
		require.ErrorIs(t, ask[*messages.SendFailed](r, &messages.SendText{Text: "x"}).Err, messages.ErrNoMember)
		require.ErrorIs(t, ask[*messages.ToAllDone](r, &messages.ToAll{Command: &messages.Ping{}}).Err, messages.ErrNoMember)
		for _, command := range []any{&messages.SendText{}, &messages.ToAll{}, &messages.GetMember{}, &messages.ResizePool{}, &messages.Resume{}} {
			r.system.Root.Send(r.pid, command) // by nobody
		}
		synctest.Wait()
	})
}

func withoutErr(t *testing.T, d *messages.ToAllDone, want error) *messages.ToAllDone {
	t.Helper()
	require.ErrorIs(t, d.Err, want)
	return &messages.ToAllDone{Sent: d.Sent, Failed: d.Failed}
}

// A ToAll is answered also if the members end before they get to it.
func TestPoolToAllMeetsTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newPoolRig(t)
		r.spawn(pool.Config{Size: 100, SpreadOver: -1})
		r.system.Root.Send(r.pid, &messages.Stop{})
		answer, err := r.system.Root.RequestFuture(r.pid, &messages.ToAll{Command: &messages.SendText{Text: "x"}}, time.Minute).Result()
		require.NoError(t, err)
		require.Error(t, answer.(*messages.ToAllDone).Err)
	})
}

// Pause comes to all at once, Resume and Reconnect to each at a moment of its own.
func TestPoolPauseResumeReconnect(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const size = 100
		r := newPoolRig(t)
		r.spawn(pool.Config{Size: size, SpreadOver: 10 * time.Second})
		time.Sleep(10 * time.Second)
		r.send(&messages.Pause{})
		st := r.status()
		require.Equal(t, []int{size, size, 0}, []int{st.Waiting, st.Paused, st.Open})
		ask[*messages.PoolResized](r, &messages.ResizePool{Size: size + 10})
		time.Sleep(time.Minute)
		require.Equal(t, size+10, r.status().Paused, "also those that came since")

		r.send(&messages.Resume{})
		time.Sleep(5 * time.Second)
		require.InDelta(t, (size+10)/2, r.status().Open, 20)
		r.send(&messages.Pause{}) // takes back what of that is still to come
		time.Sleep(time.Minute)
		require.Equal(t, size+10, r.status().Paused)
		r.send(&messages.Resume{})
		time.Sleep(10 * time.Second)
		require.Equal(t, size+10, r.status().Open)

		before := len(r.tried())
		r.send(&messages.Reconnect{})
		time.Sleep(5 * time.Second)
		require.InDelta(t, (size+10)/2, len(r.tried())-before, 20)
		require.Equal(t, size+10, r.status().Open, "at any moment nearly all are open")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Len(t, r.tried(), before+size+10)
	})
}

func TestIndexOf(t *testing.T) {
	for id, want := range map[string]int{
		"$1/member-0": 0, "a/b/member-17": 17, "member-17-3": 17,
		"": -1, "$1": -1, "member-": -1, "member-x": -1, "member--1": -1, "$1/member-1/$2": -1,
	} {
		i, ok := pool.IndexOf(&actor.PID{Id: id})
		if !ok {
			i = -1
		}
		require.Equal(t, want, i, id)
	}
	_, ok := pool.IndexOf(nil)
	require.False(t, ok)
}

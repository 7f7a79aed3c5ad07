package mailbox

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/quiet"
)

// always gives every message the same place.
func always(p Place) func(any) Place { return func(any) Place { return p } }

// likeSupervisor has system messages handled by their senders, and all else on the lane.
func likeSupervisor(message any) Place {
	if _, ok := message.(actor.SystemMessage); ok {
		return OneOnSender
	}
	return OnLane
}

type numbered struct{ sender, n int }

// Messages of one sender are handled in order, one at a time, none is lost, and
// it makes no difference on which goroutines.
func TestMailboxOrder(t *testing.T) {
	mixed := []Place{OnSender, OneOnSender, OnLane}
	for name, place := range map[string]func(any) Place{
		"on the sender":     always(OnSender),
		"one on the sender": always(OneOnSender),
		"on the lane":       always(OnLane),
		"mixed": func(message any) Place {
			if m, ok := message.(*numbered); ok {
				return mixed[m.n%len(mixed)]
			}
			return OnLane
		},
	} {
		t.Run(name, func(t *testing.T) {
			const senders, each = 8, 2000
			system := quiet.System()
			var next [senders]int
			var busy sync.Mutex
			done := make(chan struct{})
			left := senders * each
			pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
				m, ok := ctx.Message().(*numbered)
				if !ok {
					return
				}
				if !busy.TryLock() {
					t.Error("two messages are handled at once")
					return
				}
				defer busy.Unlock()
				if m.n != next[m.sender] {
					t.Errorf("sender %d: got message %d, want %d", m.sender, m.n, next[m.sender])
				}
				next[m.sender]++
				if left--; left == 0 {
					close(done)
				}
			}, Each(place, nil)))
			for sender := range senders {
				go func() {
					for n := range each {
						system.Root.Send(pid, &numbered{sender, n})
					}
				}()
			}
			<-done
			system.Root.Stop(pid)
		})
	}
}

// An actor that has panicked handles nothing until its supervisor has decided.
func TestMailboxOfFailedActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		parent := &undecided{}
		pid := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return parent }))
		synctest.Wait()
		for range 3 {
			system.Root.Send(parent.child, "work")
		}
		system.Root.Send(parent.child, "panic")
		synctest.Wait()
		system.Root.Send(parent.child, "work")
		synctest.Wait()
		if parent.handled != 3 || parent.failures != 1 {
			t.Errorf("handled %d messages with %d failures, want 3 and 1", parent.handled, parent.failures)
		}
		system.Root.Send(pid, "resume")
		synctest.Wait()
		if parent.handled != 4 {
			t.Errorf("handled %d messages after the failure was resolved, want 4", parent.handled)
		}
		system.Root.Stop(pid)
		time.Sleep(2 * time.Second)
	})
}

// undecided is a supervisor that leaves its failed child alone until it is told.
type undecided struct {
	child             *actor.PID
	handled, failures int
}

func (u *undecided) Receive(ctx actor.Context) {
	switch ctx.Message() {
	case "resume":
		ctx.(actor.Supervisor).ResumeChildren(u.child)
	}
	if _, ok := ctx.Message().(*actor.Started); ok {
		u.child = ctx.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
			switch ctx.Message() {
			case "panic":
				panic("for the test")
			case "work":
				u.handled++
			}
		}, Each(always(OnSender), nil)))
	}
}

func (u *undecided) HandleFailure(*actor.ActorSystem, actor.Supervisor, *actor.PID, *actor.RestartStatistics, any, any) {
	u.failures++
}

// A lane gives its goroutine up, and gets another one for new work.
func TestLaneRetires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Lane{}
		for range 3 {
			ran := make(chan struct{})
			l.Run(func() { close(ran) })
			<-ran
			time.Sleep(3 * laneIdle) // the bubble ends only if no goroutine is left
			l.mu.Lock()
			retired := l.work == nil
			l.mu.Unlock()
			if !retired {
				t.Fatal("the lane still has its goroutine")
			}
		}
	})
}

// The goroutine of an actor that has stopped leaves at once; what comes later is still done.
func TestLaneCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := &Lane{}
		var did []string
		l.Run(func() {
			l.Close()
			did = append(did, "within")
		})
		synctest.Wait()
		l.Run(func() { did = append(did, "later") })
		synctest.Wait()
		l.Close()
		if want := []string{"within", "later"}; !slices.Equal(did, want) {
			t.Errorf("did %v, want %v", did, want)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
		before := runtime.NumGoroutine()
		l = &Lane{}
		l.Run(l.Close)
		synctest.Wait()
		if n := runtime.NumGoroutine(); n != before {
			t.Errorf("%d goroutines, %d before", n, before)
		}
	})
}

// Who posts a message with the place OneOnSender handles that one, and nothing that has come behind it.
func TestOneOnSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		entered, goOn, slow, posted := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
		var handled []string
		box := New(func(message any) Place {
			if message == "quiet" {
				return OneOnSender
			}
			return OnLane
		}, nil)
		pid := box.Spawn(system.Root, actor.ReceiveFunc(func(ctx actor.Context) {
			message, ok := ctx.Message().(string)
			switch message {
			case "quiet":
				close(entered)
				<-goOn
			case "slow":
				<-slow
			}
			if ok {
				handled = append(handled, message)
			}
		}))
		go func() {
			system.Root.Send(pid, "quiet")
			close(posted)
		}()
		<-entered
		system.Root.Send(pid, "slow")
		system.Root.Send(pid, "last")
		close(goOn)
		<-posted // while "slow" is being handled
		close(slow)
		if err := system.Root.PoisonFuture(pid).Wait(); err != nil {
			t.Error(err)
		}
		if want := []string{"quiet", "slow", "last"}; !slices.Equal(handled, want) {
			t.Errorf("handled %v, want %v", handled, want)
		}
		time.Sleep(2 * time.Second) // the timers of the actor system
	})
}

// What is still in the mailbox of an actor that stops is answered, although by then another
// one has its name.
func TestMailboxOfActorWithSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		blocked := make(chan struct{})
		props := actor.PropsFromFunc(func(ctx actor.Context) {
			if ctx.Message() == "block" {
				<-blocked
			}
		}, Each(likeSupervisor, nil))
		old, err := system.Root.SpawnNamed(props, "name")
		if err != nil {
			t.Fatal(err)
		}
		watcher := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
			switch ctx.Message().(type) {
			case *actor.Started:
				ctx.Watch(old)
			case *actor.Terminated:
				if _, err := system.Root.SpawnNamed(props, "name"); err != nil {
					t.Error(err)
				}
			}
		}, Each(likeSupervisor, nil)))
		synctest.Wait()
		system.Root.Send(old, "block")
		waiting := system.Root.RequestFuture(old, "behind", time.Minute)
		system.Root.Stop(old)
		close(blocked)
		if answer, err := waiting.Result(); err != actor.ErrDeadLetter {
			t.Errorf("got %v, %v", answer, err)
		}
		for _, pid := range []*actor.PID{watcher, actor.NewPID(system.Address(), "name")} {
			if err := system.Root.StopFuture(pid).Wait(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(2 * time.Second) // the timers of the actor system
	})
}

// What waits behind the message on which an actor fails is answered when it is stopped for that.
func TestMailboxOfActorStoppedForFailing(t *testing.T) {
	for name, place := range map[string]func(any) Place{"lane": likeSupervisor, "sender": always(OnSender)} {
		t.Run(name, func(t *testing.T) {
			system := quiet.System()
			entered, goOn := make(chan struct{}), make(chan struct{})
			child := make(chan *actor.PID, 1)
			parent := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*actor.Started); ok {
					child <- ctx.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
						if ctx.Message() == "panic" {
							close(entered)
							<-goOn
							panic("for the test")
						}
					}, Each(place, nil)))
				}
			}, actor.WithSupervisor(actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective }))))
			pid := <-child
			go system.Root.Send(pid, "panic")
			<-entered
			waiting := system.Root.RequestFuture(pid, "behind", time.Minute)
			close(goOn)
			if answer, err := waiting.Result(); err != actor.ErrDeadLetter {
				t.Errorf("got %v, %v", answer, err)
			}
			system.Root.Stop(parent)
		})
	}
}

// What is still in the mailbox of an actor that stops is answered.
func TestMailboxOfStoppedActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		blocked := make(chan struct{})
		pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
			if ctx.Message() == "block" {
				<-blocked
			}
		}, Each(always(OnLane), nil)))
		answers := 0
		sender := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.DeadLetterResponse); ok {
				answers++
			}
		}))
		system.Root.Send(pid, "block")
		system.Root.RequestWithCustomSender(pid, "queued", sender)
		system.Root.Stop(pid)
		system.Root.RequestWithCustomSender(pid, "behind the stop", sender)
		close(blocked)
		synctest.Wait()
		system.Root.RequestWithCustomSender(pid, "late", sender)
		synctest.Wait()
		if answers != 3 {
			t.Errorf("%d of 3 messages were answered", answers)
		}
		system.Root.Stop(sender)
		time.Sleep(2 * time.Second)
	})
}

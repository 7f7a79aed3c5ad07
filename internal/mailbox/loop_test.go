package mailbox

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/quiet"
)

// stage is a loop that posts numbers to one actor, which passes them on to another one
// with the place After.
type stage struct {
	system *actor.ActorSystem
	loop   *Loop
	first  *Mailbox
	second *Mailbox
	input  chan int // what the loop posts; its end is that of the loop

	mu     sync.Mutex
	posted []int // by the loop, when it goes on with the next one
	ended  int
}

func newStage(receive func(n int)) *stage {
	s := &stage{system: quiet.System(), input: make(chan int)}
	s.loop = NewLoop(s.system)
	s.first = New(always(OnSender), nil)
	s.second = New(func(any) Place { return s.loop.After() }, nil)
	s.first.Spawn(s.system.Root, actor.ReceiveFunc(func(ctx actor.Context) {
		if n, ok := ctx.Message().(int); ok {
			s.second.Post(n)
		}
	}))
	s.second.Spawn(s.system.Root, actor.ReceiveFunc(func(ctx actor.Context) {
		if n, ok := ctx.Message().(int); ok {
			receive(n)
		}
	}))
	go s.loop.Run(s.body, s.end)
	return s
}

func (s *stage) body() {
	for n := range s.input {
		if !s.loop.Post(s.first, n) {
			return
		}
		s.mu.Lock()
		s.posted = append(s.posted, n)
		s.mu.Unlock()
	}
}

func (s *stage) end() { s.ended++ }

func (s *stage) check(t *testing.T, posted ...int) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.posted, posted) {
		t.Errorf("the loop has gone on after %v, want %v", s.posted, posted)
	}
}

// finish ends the loop and sees to it that nobody forgets or repeats that.
func (s *stage) finish(t *testing.T) {
	t.Helper()
	close(s.input)
	synctest.Wait()
	if s.ended != 1 {
		t.Errorf("ended %d times, want 1", s.ended)
	}
	time.Sleep(2 * time.Second) // the timers of the actor system
}

func goroutine() string {
	buf := make([]byte, 64)
	return strings.Fields(string(buf[:runtime.Stack(buf, false)]))[1]
}

// An actor does its work on the goroutine of the loop, after what that was doing; without
// the loop on its lane.
func TestAfterLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		s := newStage(func(n int) { got = append(got, goroutine()) })
		s.input <- 1
		s.input <- 2
		s.check(t, 1, 2)
		s.second.Post(3) // not by the loop, which is not looking for work
		synctest.Wait()
		if len(got) != 3 || got[0] != got[1] || got[1] == got[2] {
			t.Errorf("worked on %q, want two on one goroutine and the third on another", got)
		}
		if got[2] == goroutine() {
			t.Error("the third was handled by its sender")
		}
		s.finish(t)
	})
}

// An actor that takes long keeps its goroutine, and another one goes on with the loop.
func TestLoopIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		var got []int
		s := newStage(func(n int) {
			if n == 1 {
				<-let
			}
			got = append(got, n)
		})
		start := time.Now()
		s.input <- 1
		s.check(t)
		s.input <- 2
		if d := time.Since(start); d > 2*watchEvery {
			t.Errorf("taken over after %v, want %v at most", d, 2*watchEvery)
		}
		s.input <- 3
		s.check(t, 2, 3)
		close(let)
		synctest.Wait()
		if want := []int{1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("handled %v, want %v", got, want)
		}
		s.input <- 4 // by the one that has taken over
		s.check(t, 2, 3, 4)
		s.finish(t)
	})
}

// One that ends its goroutine does not end the loop.
func TestGoexitInVisit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := 0
		s := newStage(func(n int) {
			got++
			if n == 1 {
				runtime.Goexit()
			}
		})
		s.input <- 1
		s.input <- 2
		s.check(t, 2)
		if got != 2 {
			t.Errorf("handled %d messages, want 2", got)
		}
		s.finish(t)
	})
}

// A loop whose own goroutine is ended has ended, and what was left for it is done.
func TestGoexitInLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := quiet.System()
		loop := NewLoop(system)
		second := New(func(any) Place { return loop.After() }, nil)
		got, ended := 0, 0
		second.Spawn(system.Root, actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(int); ok {
				got++
			}
		}))
		first := New(always(OnSender), nil)
		first.Spawn(system.Root, actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(int); ok {
				second.Post(1)
				runtime.Goexit()
			}
		}))
		go loop.Run(func() { loop.Post(first, 1) }, func() { ended++ })
		synctest.Wait()
		if got != 1 || ended != 1 {
			t.Errorf("handled %d messages, ended %d times, want 1 and 1", got, ended)
		}
		time.Sleep(2 * time.Second)
	})
}

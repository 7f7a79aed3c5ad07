package handshake

// This file tests the Gate, and connecting to several addresses.

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// waiting returns how many attempts wait at a gate.
func (g *Gate) waiting() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, q := range g.queues {
		n += q.waiting.Len()
	}
	return n
}

func TestGate(t *testing.T) {
	t.Run("first come, first served", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g Gate
			var order []int
			leave, _ := g.enterAddress(t.Context(), "a")
			for i := range 5 {
				go func() {
					leave, err := g.enterAddress(t.Context(), "a")
					if err != nil {
						t.Error(err)
					}
					order = append(order, i)
					time.Sleep(time.Second)
					leave()
				}()
				synctest.Wait()
			}
			begin := time.Now()
			leave()
			time.Sleep(time.Minute)
			synctest.Wait()
			if !slices.Equal(order, []int{0, 1, 2, 3, 4}) || len(g.queues) != 0 || time.Since(begin) != time.Minute {
				t.Errorf("order %v, left behind %v", order, g.queues)
			}
		})
	})
	t.Run("addresses do not wait for each other", func(t *testing.T) {
		var g Gate
		for _, addr := range []string{"a:1", "a:2", "b:1"} {
			leave, err := g.enterAddress(t.Context(), addr)
			if err != nil {
				t.Fatal(err)
			}
			defer leave()
		}
	})
	t.Run("limits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := deadline(t, time.Second)
			defer cancel()
			g := Gate{PerAddress: 3}
			for range 3 {
				if _, err := g.enterAddress(ctx, "a"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := g.enterAddress(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) || g.waiting() != 0 {
				t.Errorf("fourth got %v, %d wait", err, g.waiting())
			}
			lifted := Gate{PerAddress: -1, Unknown: -1}
			for range 1000 {
				if _, err := lifted.enterUnknown(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
	t.Run("a turn that comes with the end of the context is passed on", func(t *testing.T) {
		for range 1000 {
			var g Gate
			leave, _ := g.enterAddress(t.Context(), "a")
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if leave, err := g.enterAddress(ctx, "a"); err == nil {
					leave()
				}
			})
			for g.waiting() == 0 {
			}
			cancel()
			leave()
			wg.Wait()
			if len(g.queues) != 0 {
				t.Fatal("a turn was lost")
			}
		}
	})
	t.Run("total of unknown addresses", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g Gate
			var inside atomic.Int32
			ctx, cancel := context.WithCancel(t.Context())
			for i := range 100 {
				go func() {
					if _, err := g.enterUnknown(ctx, string(rune('a'+i))); err == nil {
						inside.Add(1)
					}
				}()
			}
			synctest.Wait()
			if inside.Load() != defaultUnknown {
				t.Errorf("%d inside, want %d", inside.Load(), defaultUnknown)
			}
			cancel()
			synctest.Wait()
			if g.waiting() != 0 || len(g.queues) != defaultUnknown+1 {
				t.Errorf("%d wait, %d names have a queue, want only those inside", g.waiting(), len(g.queues)-1)
			}
		})
	})
}

// holding is a server that reports requests and responds to each when the test
// says so: true grants it.
func holding(t *testing.T) (s *testServer, requests chan testRequest, answer chan bool) {
	requests, answer = make(chan testRequest, 10), make(chan bool)
	s = serve(t, func(c net.Conn) {
		r := readRequest(c)
		if r.err != nil {
			return
		}
		requests <- r
		if <-answer {
			io.WriteString(c, granted(r))
		} else {
			io.WriteString(c, notFound)
		}
		swallow(c)
	})
	t.Cleanup(func() { close(answer) })
	return s, requests, answer
}

// A second attempt to an address waits, whatever name it uses and whichever adapter
// makes it.
//
// req: 6455-4.1-04
func TestOneAttemptPerAddress(t *testing.T) {
	for _, c := range []struct {
		name   string
		second string
		grant  bool
	}{
		{"same name", "127.0.0.1", true},
		{"another name", "localhost.test", true},
		{"IPv6 form of the address", "[::ffff:127.0.0.1]", true},
		{"the first fails", "127.0.0.1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			s, requests, answer := holding(t)
			var errs [2]error
			var wg sync.WaitGroup
			for i, host := range []string{"127.0.0.1", c.second} {
				wg.Go(func() {
					client := &Client{Adapter: &NetAdapter{LookupIP: func(context.Context, string) ([]netip.Addr, error) {
						return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, nil
					}}}
					r, err := client.Handshake(t.Context(), &Request{URL: "ws://" + host + ":" + s.port()})
					if errs[i] = err; err == nil {
						r.Stream.Close()
					}
				})
				if i == 0 {
					<-requests
				}
			}
			eventually(t, "the second waits at the gate", func() bool { return processGate.waiting() == 1 })
			if s.accepted() != 1 || len(requests) != 0 {
				t.Errorf("%d connections, %d further requests while the first is under way", s.accepted(), len(requests))
			}
			answer <- c.grant
			<-requests
			answer <- true
			wg.Wait()
			if (errs[0] == nil) != c.grant || errs[1] != nil {
				t.Errorf("errors %v", errs)
			}
		})
	}
	t.Run("two allowed", func(t *testing.T) {
		checkLeaks(t)
		s, requests, answer := holding(t)
		var wg sync.WaitGroup
		gate := &Gate{PerAddress: 2}
		for range 2 {
			wg.Go(func() {
				r, err := (&Client{Adapter: &NetAdapter{Gate: gate}}).Handshake(t.Context(), &Request{URL: "ws://" + s.host()})
				if err != nil {
					t.Error(err)
					return
				}
				r.Stream.Close()
			})
		}
		<-requests
		<-requests
		answer <- true
		answer <- true
		wg.Wait()
	})
}

// Any number of connections may be open.
//
// req: 6455-4.1-04
func TestOpenConnectionsDoNotCount(t *testing.T) {
	checkLeaks(t)
	s := serve(t, upgrade)
	for range 50 {
		open(t, new(Client), &Request{URL: "ws://" + s.host()})
	}
}

// Behind a proxy each name counts as a host, and all of them together are bounded.
//
// req: 6455-4.1-05 6455-4.1-06
func TestUnknownAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		client, wait := pipe(func(c net.Conn) {
			seen = append(seen, readRequest(c).line)
			swallow(c)
		})
		adapter := client.Adapter.(*NetAdapter)
		adapter.Gate = &Gate{Unknown: 2}
		adapter.Proxy = func(*url.URL) (*url.URL, error) { return url.Parse("http://proxy.test:3128") }
		var cancels []context.CancelFunc
		var ended atomic.Int32
		for _, host := range []string{"a", "b", "c"} {
			ctx, cancel := context.WithCancel(t.Context())
			cancels = append(cancels, cancel)
			go func() {
				_, err := client.Handshake(ctx, &Request{URL: "ws://" + host + ".example.test/"})
				wantError(t, err, StageProxy)
				ended.Add(1)
			}()
			synctest.Wait()
		}
		if want := []string{"CONNECT a.example.test:80 HTTP/1.1", "CONNECT b.example.test:80 HTTP/1.1"}; !slices.Equal(seen, want) {
			t.Errorf("the proxy saw %q, want %q", seen, want)
		}
		begin := time.Now()
		cancels[0]()
		synctest.Wait()
		if len(seen) != 3 || seen[2] != "CONNECT c.example.test:80 HTTP/1.1" || ended.Load() != 1 || time.Since(begin) != 0 {
			t.Errorf("the proxy saw %q, %d ended", seen, ended.Load())
		}
		cancels[1]()
		cancels[2]()
		wait()
		synctest.Wait()
		if ended.Load() != 3 || len(adapter.Gate.queues) != 0 {
			t.Errorf("%d ended, left behind %v", ended.Load(), adapter.Gate.queues)
		}
	})
}

// Happy Eyeballs: which addresses are tried, and when.
func TestRace(t *testing.T) {
	addrs := func(s ...string) (out []netip.Addr) {
		for _, a := range s {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	const ms = time.Millisecond
	type server struct {
		after time.Duration // negative: never
		err   error
	}
	refused := errors.New("refused")
	for _, c := range []struct {
		name    string
		addrs   []netip.Addr
		servers map[string]server
		timeout time.Duration
		won     string
		err     string
		took    time.Duration
		order   []string
		undone  int
	}{
		{"one", addrs("10.0.0.1"), map[string]server{"10.0.0.1": {10 * ms, nil}}, time.Hour, "10.0.0.1", "", 10 * ms, []string{"10.0.0.1"}, 0},
		{"the first", addrs("10.0.0.1", "10.0.0.2"), map[string]server{"10.0.0.1": {10 * ms, nil}}, time.Hour, "10.0.0.1", "", 10 * ms, []string{"10.0.0.1"}, 0},
		{"the first refuses", addrs("10.0.0.1", "10.0.0.2"), map[string]server{"10.0.0.1": {10 * ms, refused}, "10.0.0.2": {10 * ms, nil}},
			time.Hour, "10.0.0.2", "", 20 * ms, []string{"10.0.0.1", "10.0.0.2"}, 0},
		{"the first is silent", addrs("10.0.0.1", "10.0.0.2"), map[string]server{"10.0.0.1": {-1, nil}, "10.0.0.2": {10 * ms, nil}},
			time.Hour, "10.0.0.2", "", 260 * ms, []string{"10.0.0.1", "10.0.0.2"}, 0},
		{"the first is slow, and wins", addrs("10.0.0.1", "10.0.0.2"), map[string]server{"10.0.0.1": {300 * ms, nil}, "10.0.0.2": {-1, nil}},
			time.Hour, "10.0.0.1", "", 300 * ms, []string{"10.0.0.1", "10.0.0.2"}, 0},
		{"both at the same time", addrs("10.0.0.1", "10.0.0.2"), map[string]server{"10.0.0.1": {300 * ms, nil}, "10.0.0.2": {50 * ms, nil}},
			time.Hour, "", "", 300 * ms, []string{"10.0.0.1", "10.0.0.2"}, 1},
		{"families alternate", addrs("::1", "::2", "::3", "10.0.0.1"), map[string]server{"::1": {0, refused}, "::2": {0, refused}, "::3": {0, refused}, "10.0.0.1": {0, refused}},
			time.Hour, "", "refused; refused; refused; refused", 0, []string{"::1", "10.0.0.1", "::2", "::3"}, 0},
		{"cancelled", addrs("10.0.0.1", "10.0.0.2", "10.0.0.3"), map[string]server{"10.0.0.1": {-1, nil}, "10.0.0.2": {-1, nil}},
			300 * ms, "", "context deadline exceeded; context deadline exceeded", 300 * ms, []string{"10.0.0.1", "10.0.0.2"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var order []string
				inside, undone, closed := 0, 0, 0
				ctx, cancel := deadline(t, c.timeout)
				defer cancel()
				begin := time.Now()
				won := race(ctx, c.addrs, func(ctx context.Context, addr netip.Addr) connectResult {
					mu.Lock()
					order = append(order, addr.String())
					inside++
					mu.Unlock()
					defer func() { mu.Lock(); inside--; mu.Unlock() }()
					s := c.servers[addr.String()]
					if s.after < 0 {
						<-ctx.Done()
						return connectResult{err: ctx.Err()}
					}
					time.Sleep(s.after) // as if the context came too late
					if s.err != nil {
						return connectResult{err: s.err}
					}
					ours, _ := net.Pipe()
					return connectResult{conn: named{ours, addr.String(), &closed}, leave: func() { undone++ }}
				})
				if d := time.Since(begin); d != c.took {
					t.Errorf("took %v, want %v", d, c.took)
				}
				if !slices.Equal(order, c.order) || inside != 0 || undone != c.undone || closed != c.undone {
					t.Errorf("tried %v, want %v; %d left inside; %d left the gate and %d were closed, want %d", order, c.order, inside, undone, closed, c.undone)
				}
				switch {
				case c.err != "" && (won.err == nil || won.err.Error() != c.err):
					t.Errorf("error is %v, want %v", won.err, c.err)
				case c.err == "" && (won.err != nil || won.conn == nil):
					t.Errorf("got %v, %v", won.conn, won.err)
				case c.won != "" && won.conn.(named).name != c.won:
					t.Errorf("%v won, want %v", won.conn.(named).name, c.won)
				}
			})
		})
	}
}

// named is a connection that counts how often it is closed.
type named struct {
	net.Conn
	name   string
	closed *int
}

func (c named) Close() error {
	*c.closed++
	return c.Conn.Close()
}

// If the context ends while several addresses are tried, or wait at the gate, the
// error says so once.
func TestCancelAtTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := new(Gate)
		for _, addr := range []string{"10.0.0.1:80", "10.0.0.2:80"} {
			if _, err := gate.enterAddress(t.Context(), addr); err != nil {
				t.Fatal(err)
			}
		}
		client := &Client{Adapter: &NetAdapter{Gate: gate, LookupIP: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}, nil
		}}}
		ctx, cancel := deadline(t, time.Minute) // longer than the timeout of any stage: none runs while waiting
		defer cancel()
		begin := time.Now()
		_, err := client.Handshake(ctx, &Request{URL: "ws://h.test/"})
		wantError(t, err, StageDial)
		if want := "websocket handshake with ws://h.test/: dial: context deadline exceeded"; err.Error() != want || time.Since(begin) != time.Minute {
			t.Errorf("%q after %v, want %q", err, time.Since(begin), want)
		}
		if gate.waiting() != 0 {
			t.Errorf("%d still wait", gate.waiting())
		}
	})
}

// A host with several addresses, of which only the last has a server.
func TestSeveralAddresses(t *testing.T) {
	checkLeaks(t)
	s := serveOn(t, "127.0.0.3:0", upgrade)
	gate := new(Gate)
	client := &Client{Adapter: &NetAdapter{Gate: gate, LookupIP: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}, nil
	}}}
	r := open(t, client, &Request{URL: "ws://h.test:" + s.port()})
	echoes(t, r)
	if r.RemoteAddr.String() != s.host() || r.LocalAddr == nil {
		t.Errorf("addresses %v and %v, want %v", r.LocalAddr, r.RemoteAddr, s.host())
	}
	if len(gate.queues) != 0 {
		t.Error("the attempt is still under way at the gate")
	}
}

package conformance_test

// This file tests reconnecting: RFC 6455 §7.2.3.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/testcert"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// The documented defaults of retry.Backoff.
const (
	defaultBase       = time.Second
	defaultMax        = time.Minute
	defaultResetAfter = 10 * time.Second
	busyBase          = 5 * time.Second // of a Close 1013
)

// supervised is a client that reconnects, and its events.
type supervised struct {
	*lab
	ctx    context.Context
	cancel context.CancelFunc
	client *dandelion.Client
	// Events, in order. Nobody needs to read them.
	opened  chan *messages.Opened
	waiting chan scheduled
	gaveUp  chan *messages.GaveUp
	stopped chan *messages.Stopped
}

// scheduled is the event before a delay, and when it came.
type scheduled struct {
	*messages.ReconnectScheduled
	at time.Time
}

// supervise starts a client of srv that reconnects.
func (l *lab) supervise(srv *wstest.Server, opts dandelion.Options) *supervised {
	l.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	const room = 64
	s := &supervised{
		lab: l, ctx: ctx, cancel: cancel,
		opened:  make(chan *messages.Opened, room),
		waiting: make(chan scheduled, room),
		gaveUp:  make(chan *messages.GaveUp, 1),
		stopped: make(chan *messages.Stopped, 1),
	}
	opts.Handler = &dandelion.Handler{
		OnOpen:         func(_ *dandelion.Client, e *messages.Opened) { s.opened <- e },
		OnReconnecting: func(_ *dandelion.Client, e *messages.ReconnectScheduled) { s.waiting <- scheduled{e, time.Now()} },
		OnGaveUp:       func(_ *dandelion.Client, e *messages.GaveUp) { s.gaveUp <- e },
		OnStopped:      func(_ *dandelion.Client, e *messages.Stopped) { s.stopped <- e },
		OnText:         func(*dandelion.Client, string) {},
	}
	client, err := dandelion.Supervise(ctx, srv.URL(), l.options(srv, setup{client: opts}))
	if err != nil {
		l.Fatal(err)
	}
	s.client = client
	l.Cleanup(func() {
		client.Abort()
		<-client.Done()
		cancel()
	})
	return s
}

// uniform fails unless the delays look as if drawn uniformly from 0 to top. A good draw
// fails by chance once in 10⁹ times.
func uniform(t testing.TB, name string, delays []time.Duration, top time.Duration) {
	t.Helper()
	slices.Sort(delays)
	n := float64(len(delays))
	if last := delays[len(delays)-1]; last > top {
		t.Errorf("%s: a delay is %v, want at most %v", name, last, top)
	}
	// Kolmogorov and Smirnov: the distance d between the share of delays up to x and
	// x/top, which is that large by chance with probability 2·exp(−2nd²).
	most := math.Sqrt(math.Log(2/1e-9) / (2 * n))
	var distance float64
	for i, d := range delays {
		share := float64(d) / float64(top)
		distance = max(distance, float64(i+1)/n-share, share-float64(i)/n)
	}
	if distance > most {
		t.Errorf("%s: %d delays are not uniform from 0 to %v: distance %.3f, want %.3f at most; quartiles %v %v %v",
			name, len(delays), top, distance, most, delays[len(delays)/4], delays[len(delays)/2], delays[len(delays)*3/4])
	}
}

// Clients that lose their server at the same moment do not come back at the same moment.
//
// req: 6455-7.2.3-01
func TestFirstDelayIsRandom(t *testing.T) {
	const clients = 200
	for _, c := range []struct {
		name string
		opts dandelion.Options
		base time.Duration
	}{
		{"default", dandelion.Options{}, defaultBase},
		{"base of 2 s", dandelion.Options{Retry: retry.Policy{Backoff: retry.Exponential{Base: 2 * time.Second}.New}}, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(l *lab) {
				srv := wstest.NewPipe(l)
				var mu sync.Mutex
				var arrivals []time.Time
				srv.Handle(func(c *wstest.Conn) {
					mu.Lock()
					arrivals = append(arrivals, time.Now())
					mu.Unlock()
					c.Upgrade()
					c.Stall(time.Hour)
				})
				var all []*supervised
				for range clients {
					all = append(all, l.supervise(srv, c.opts))
				}
				for _, s := range all {
					<-s.opened
				}
				lost := time.Now()
				srv.DropAll()
				var delays []time.Duration
				for _, s := range all {
					w := <-s.waiting
					if w.Attempt != 2 || !w.at.Equal(lost) {
						t.Errorf("got %+v %v after the loss, want attempt 2 announced at once", w.ReconnectScheduled, w.at.Sub(lost))
					}
					delays = append(delays, w.Delay)
				}
				uniform(t, "delays reported", slices.Clone(delays), c.base)
				if longest := slices.Max(delays); longest > 5*time.Second { // what RFC 6455 §7.2.3 calls reasonable
					t.Errorf("the longest of the first delays is %v, want 5 s at most", longest)
				}
				for _, s := range all {
					<-s.opened
				}
				// They come when they announced it.
				var came []time.Duration
				for _, at := range arrivals[clients:] {
					came = append(came, at.Sub(lost))
				}
				slices.Sort(came)
				slices.Sort(delays)
				if !slices.Equal(came, delays) {
					t.Errorf("attempts came after %v, want %v", came, delays)
				}
			})
		})
	}
}

// Truncated binary exponential backoff, with each delay drawn anew.
//
// req: 6455-7.2.3-02
func TestDelaysGrow(t *testing.T) {
	const clients, attempts = 100, 10
	for _, c := range []struct {
		name  string
		serve func(srv *wstest.Server)
	}{
		{"server refuses", func(srv *wstest.Server) { srv.Refuse() }},
		{"server drops right after the 101", func(srv *wstest.Server) {
			srv.Handle(func(c *wstest.Conn) { c.Upgrade() })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(l *lab) {
				srv := wstest.NewPipe(l)
				c.serve(srv)
				var all []*supervised
				for range clients {
					all = append(all, l.supervise(srv, dandelion.Options{}))
				}
				delays := make([][]time.Duration, attempts)
				for i, s := range all {
					var before scheduled
					for n := range attempts {
						w := <-s.waiting
						if n > 0 {
							if took := w.at.Sub(before.at); took != before.Delay {
								t.Errorf("client %d: attempt %d came after %v, want the delay of %v", i, n+1, took, before.Delay)
							}
							if w.Delay == before.Delay {
								t.Errorf("client %d: delays %d and %d are both %v", i, n-1, n, w.Delay)
							}
						}
						if w.Attempt != n+2 || w.Cause == nil {
							t.Errorf("client %d: got attempt %d, cause %v, want %d and a cause", i, w.Attempt, w.Cause, n+2)
						}
						delays[n] = append(delays[n], w.Delay)
						before = w
					}
				}
				for n := range attempts {
					uniform(t, fmt.Sprintf("delay %d", n), delays[n], min(defaultMax, defaultBase<<n))
				}
			})
		})
	}
}

// half draws the middle of every interval, so that delays are known in advance.
func half() retry.Backoff {
	return retry.Exponential{Float64: func() float64 { return 0.5 }}.New()
}

// The backoff starts over after a connection that was stable and showed life, and not
// before.
//
// req: 6455-7.2.3-03
func TestBackoffStartsAgain(t *testing.T) {
	const refused = 5
	// The delay after five refusals, with half of the interval.
	first, sixth := defaultBase/2, defaultBase<<refused/2
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name string
			opts dandelion.Options
			live func(c *wstest.Conn)
			want time.Duration
		}{
			{"stable, with a message", dandelion.Options{}, func(c *wstest.Conn) {
				c.SendText("alive")
				c.Stall(defaultResetAfter + time.Millisecond)
			}, first},
			{"stable, with a Pong", dandelion.Options{PingInterval: time.Second}, func(c *wstest.Conn) {
				for range defaultResetAfter/time.Second + 1 {
					c.SendPong(c.ExpectPing().Payload)
				}
			}, first},
			{"stable, without life", dandelion.Options{}, func(c *wstest.Conn) {
				c.Stall(10 * defaultResetAfter)
			}, sixth},
			{"not stable, with a message", dandelion.Options{}, func(c *wstest.Conn) {
				c.SendText("alive")
				c.Stall(defaultResetAfter - time.Millisecond)
			}, sixth},
			{"not stable, without life", dandelion.Options{}, func(c *wstest.Conn) {}, sixth},
			{"stable by the user's measure", dandelion.Options{Retry: retry.Policy{ResetAfter: time.Second}}, func(c *wstest.Conn) {
				c.SendText("alive")
				c.Stall(time.Second)
			}, first},
		} {
			l.Case(c.name, func(l *lab) {
				srv := wstest.NewPipe(l, wstest.WithTimeout(time.Hour))
				srv.Refuse()
				opts := c.opts
				opts.Retry.Backoff = half
				s := l.supervise(srv, opts)
				for n := range refused {
					w := <-s.waiting
					if want := defaultBase << n / 2; w.Delay != want {
						l.Errorf("delay %d is %v, want %v", n, w.Delay, want)
					}
					if n == refused-1 {
						srv.Resume()
					}
				}
				conn := srv.Accept(s.ctx)
				conn.Upgrade()
				<-s.opened
				c.live(conn)
				conn.Drop()
				if w := <-s.waiting; w.Delay != c.want {
					l.Errorf("the delay after the connection is %v, want %v", w.Delay, c.want)
				}
			})
		}
	})
}

// Credentials are asked for once after 401 and 403, which then are final.
//
// req: 6455-7.2.3-04
func TestCredentialsAreAskedForOnce(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, status := range []int{401, 403} {
			for _, good := range []bool{true, false} {
				l.Case(fmt.Sprintf("%d, other credentials are good: %v", status, good), func(l *lab) {
					srv := wstest.NewPipe(l)
					asked := make(chan supervisor.Attempt, 8)
					s := l.supervise(srv, dandelion.Options{
						Retry: retry.Policy{Backoff: half},
						Provider: func(_ context.Context, a supervisor.Attempt) (handshake.Request, error) {
							asked <- a
							token := "old"
							if a.Refresh {
								token = "new"
							}
							a.Request.Header = http.Header{"Authorization": {"Bearer " + token}}
							return a.Request, nil
						},
					})
					attempt := func(refresh bool, token string) *wstest.Conn {
						if a := <-asked; a.Refresh != refresh {
							l.Errorf("the source is asked for other credentials: %v, want %v", a.Refresh, refresh)
						}
						c := srv.Accept(s.ctx)
						if got := c.ReadRequest().Value("Authorization"); got != "Bearer "+token {
							l.Errorf("Authorization is %q, want %q", got, "Bearer "+token)
						}
						return c
					}
					attempt(false, "old").Respond(status, "")
					c := attempt(true, "new")
					if good {
						c.Accept101()
						<-s.opened
						return
					}
					c.Respond(status, "")
					if gone := <-s.gaveUp; gone.Cause == nil || gone.Reason == "" {
						l.Errorf("got %+v, want a cause and a reason", gone)
					}
					<-s.stopped
					srv.ExpectNoConn(time.Hour)
					if n := len(asked); n > 0 {
						l.Errorf("the source was asked %d times more", n)
					}
				})
			}
		}
	})
}

// Which ends are retried, by default and when the user decides otherwise. Here nobody
// provides other credentials.
//
// req: 6455-7.2.3-04
func TestWhatIsRetried(t *testing.T) {
	type verdict uint8
	const (
		stops        verdict = iota // and reports that it gave up
		retries                     // after half of the first interval
		retriesLater                // after half of a longer one
	)
	closes := func(code wire.StatusCode) func(*wstest.Conn) {
		return func(c *wstest.Conn) {
			c.Upgrade()
			c.CloseHandshake(code, "")
		}
	}
	answers := func(status int) func(*wstest.Conn) {
		return func(c *wstest.Conn) {
			c.ReadRequest()
			c.Respond(status, "")
		}
	}
	after101 := func(end func(*wstest.Conn)) func(*wstest.Conn) {
		return func(c *wstest.Conn) {
			c.Upgrade()
			end(c)
		}
	}
	cases := []struct {
		name string
		end  func(c *wstest.Conn)
		want verdict
		opts []wstest.Option
	}{
		{"Close 1000", closes(1000), stops, nil},
		{"Close 1001", closes(1001), retries, nil},
		{"Close 1002", closes(1002), stops, nil},
		{"Close 1003", closes(1003), stops, nil},
		{"Close 1007", closes(1007), stops, nil},
		{"Close 1009", closes(1009), stops, nil},
		{"Close 1010", closes(1010), stops, nil},
		{"Close 1011", closes(1011), retries, nil},
		{"Close 1012", closes(1012), retries, nil},
		{"Close 1013", closes(1013), retriesLater, nil},
		{"EOF", after101((*wstest.Conn).Close), retries, nil},
		{"reset", after101((*wstest.Conn).Reset), retries, nil},
		{"violation", after101(func(c *wstest.Conn) {
			c.WriteRaw(wstest.Hex("83 00"))
			c.ExpectFailure(1002)
		}), stops, nil},
		{"401", answers(401), stops, nil},
		{"403", answers(403), stops, nil},
		{"404", answers(404), stops, nil},
		{"410", answers(410), stops, nil},
		{"408", answers(408), retries, nil},
		{"429", answers(429), retries, nil},
		{"500", answers(500), retries, nil},
		{"503", answers(503), retries, nil},
		{"TLS verification", func(c *wstest.Conn) {
			if err := c.Try(func(c *wstest.Conn) { c.Handshake() }); err == nil {
				c.ExpectEnd()
			}
		}, stops, []wstest.Option{wstest.WithTLS(testcert.SelfSigned(testcert.LocalNames...))}},
	}
	check := func(l *lab, srv *wstest.Server, s *supervised, want verdict) {
		l.Helper()
		if want == stops {
			gone := <-s.gaveUp
			if gone.Cause == nil || gone.Reason == "" {
				l.Errorf("got %+v, want a cause and a reason", gone)
			}
			<-s.stopped
			srv.ExpectNoConn(time.Hour)
			if got := s.client.State(); got != messages.StateStopped {
				l.Errorf("state is %v, want STOPPED", got)
			}
			return
		}
		delay := defaultBase / 2
		if want == retriesLater {
			delay = busyBase / 2
		}
		w := <-s.waiting
		if w.Delay != delay || w.Cause == nil || w.Reason == "" {
			l.Errorf("got %+v, want a delay of %v, a cause and a reason", w.ReconnectScheduled, delay)
		}
		srv.Accept(s.ctx)
		if took := time.Since(w.at); took != delay {
			l.Errorf("the attempt came after %v, want %v", took, delay)
		}
	}
	bubble(t, func(l *lab) {
		for _, c := range cases {
			l.Case(c.name, func(l *lab) {
				srv := wstest.NewPipe(l, c.opts...)
				s := l.supervise(srv, dandelion.Options{Retry: retry.Policy{Backoff: half}})
				c.end(srv.Accept(s.ctx))
				check(l, srv, s, c.want)
			})
			l.Case(c.name+", overridden", func(l *lab) {
				srv := wstest.NewPipe(l, c.opts...)
				other := retries
				if c.want != stops {
					other = stops
				}
				s := l.supervise(srv, dandelion.Options{
					Retry: retry.Policy{
						Backoff: half,
						Decide: func(error, retry.Verdict) retry.Verdict {
							v := retry.Verdict{Rule: retry.Rule{Action: retry.Stop, Reason: "the user says so"}}
							if other == retries {
								v.Action = retry.Retry
							}
							return v
						},
					},
				})
				c.end(srv.Accept(s.ctx))
				check(l, srv, s, other)
			})
		}

		// Ends by the user are final, whatever the verdict.
		for _, c := range []struct {
			name string
			end  func(s *supervised, c *wstest.Conn)
		}{
			{"user closes", func(s *supervised, c *wstest.Conn) {
				closed := make(chan error, 1)
				go func() { closed <- s.client.Close(context.Background(), 1000, "") }()
				c.AnswerClose(1000)
				if err := <-closed; err != nil {
					s.Errorf("close returned %v", err)
				}
			}},
			{"user closes, server has gone", func(s *supervised, c *wstest.Conn) {
				closed := make(chan error, 1)
				go func() { closed <- s.client.Close(context.Background(), 1000, "") }()
				c.ExpectClose(1000)
				c.Drop()
				if err := <-closed; err == nil {
					s.Error("close returned nil, want an error")
				}
			}},
			{"user aborts", func(s *supervised, c *wstest.Conn) { s.client.Abort() }},
			{"user stops", func(s *supervised, c *wstest.Conn) {
				s.system.Root.Send(s.client.PID(), &messages.Stop{})
				c.AnswerClose(1001)
			}},
			{"context ends", func(s *supervised, c *wstest.Conn) {
				s.cancel()
				c.AnswerClose(1001)
			}},
		} {
			l.Case(c.name, func(l *lab) {
				srv := wstest.NewPipe(l)
				s := l.supervise(srv, dandelion.Options{
					Retry: retry.Policy{Decide: func(error, retry.Verdict) retry.Verdict {
						return retry.Verdict{Rule: retry.Rule{Action: retry.Retry}}
					}},
				})
				conn := srv.Accept(s.ctx)
				conn.Upgrade()
				<-s.opened
				c.end(s, conn)
				<-s.stopped
				srv.ExpectNoConn(time.Hour)
				select {
				case e := <-s.gaveUp:
					l.Errorf("got %+v, want no giving up: the user has ended it", e)
				default:
				}
			})
		}
		l.Case("user stops during a delay", func(l *lab) {
			srv := wstest.NewPipe(l)
			srv.Refuse()
			s := l.supervise(srv, dandelion.Options{Retry: retry.Policy{Backoff: half}})
			w := <-s.waiting
			if !errors.Is(w.Cause, syscall.ECONNREFUSED) {
				l.Errorf("the cause is %v, want ECONNREFUSED", w.Cause)
			}
			srv.Resume()
			s.system.Root.Send(s.client.PID(), &messages.Stop{})
			<-s.stopped
			srv.ExpectNoConn(time.Hour)
		})
	})
}

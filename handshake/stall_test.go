package handshake

// This file tests servers that stall at each stage: the handshake ends on time,
// with the timeout, the caller's deadline or cancel, and everything is closed.

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// swallow reads until the other side closes.
func swallow(c net.Conn) { io.Copy(io.Discard, c) }

// req: 9110-7.5-01 6455-7.1.7-07 9110-15.2-02
func TestStalls(t *testing.T) {
	to := func(script func(net.Conn)) func(*NetAdapter, func(func(net.Conn)) net.Conn) {
		return func(a *NetAdapter, connect func(func(net.Conn)) net.Conn) {
			a.DialContext = func(context.Context, string, string) (net.Conn, error) { return connect(script), nil }
		}
	}
	through := func(scheme string, script func(net.Conn)) func(*NetAdapter, func(func(net.Conn)) net.Conn) {
		return func(a *NetAdapter, connect func(func(net.Conn)) net.Conn) {
			to(script)(a, connect)
			a.Proxy = func(*url.URL) (*url.URL, error) {
				return &url.URL{Scheme: scheme, Host: "proxy.test", User: url.UserPassword("u", "s3cret")}, nil
			}
		}
	}
	for _, c := range []struct {
		name, url string
		stage     Stage
		timeout   time.Duration
		set       func(a *NetAdapter, connect func(func(net.Conn)) net.Conn)
	}{
		{"resolve", "ws://h.test/", StageResolve, 5 * time.Second, func(a *NetAdapter, _ func(func(net.Conn)) net.Conn) {
			a.LookupIP = func(ctx context.Context, _ string) ([]netip.Addr, error) {
				<-ctx.Done()
				return nil, &net.DNSError{Err: "i/o timeout", Name: "h.test", IsTimeout: true}
			}
		}},
		{"dial", "ws://h.test/", StageDial, 10 * time.Second, func(a *NetAdapter, _ func(func(net.Conn)) net.Conn) {
			a.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}},
		{"proxy: silence", "ws://h.test/", StageProxy, 10 * time.Second, through("http", swallow)},
		{"proxy: reads nothing", "ws://h.test/", StageProxy, 10 * time.Second, through("http", func(c net.Conn) { <-t.Context().Done() })},
		{"proxy: half a response", "ws://h.test/", StageProxy, 10 * time.Second, through("http", func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
			swallow(c)
		})},
		{"proxy: TLS", "ws://h.test/", StageProxy, 10 * time.Second, through("https", swallow)},
		{"proxy: SOCKS greeting", "ws://h.test/", StageProxy, 10 * time.Second, through("socks5", swallow)},
		{"proxy: SOCKS reply", "ws://h.test/", StageProxy, 10 * time.Second, through("socks5", func(c net.Conn) {
			io.CopyN(io.Discard, c, 4)
			c.Write([]byte{5, 0})
			swallow(c)
		})},
		{"TLS: silence", "wss://h.test/", StageTLS, 10 * time.Second, to(swallow)},
		{"TLS: reads nothing", "wss://h.test/", StageTLS, 10 * time.Second, to(func(c net.Conn) { <-t.Context().Done() })},
		{"TLS: half a record", "wss://h.test/", StageTLS, 10 * time.Second, to(func(c net.Conn) {
			go swallow(c)
			c.Write([]byte{22, 3, 3, 0})
			swallow(c)
		})},
		{"response: silence", "ws://h.test/", StageHTTP, 10 * time.Second, to(swallow)},
		{"response: reads nothing", "ws://h.test/", StageHTTP, 10 * time.Second, to(func(c net.Conn) { <-t.Context().Done() })},
		{"response: half a head", "ws://h.test/", StageHTTP, 10 * time.Second, to(func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 101 X\r\nUpgrade: webs")
			swallow(c)
		})},
		{"response: one byte a second", "ws://h.test/", StageHTTP, 10 * time.Second, to(func(c net.Conn) {
			for _, b := range []byte(granted(readRequest(c))) {
				time.Sleep(time.Second)
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
			}
		})},
		{"response: interim responses only", "ws://h.test/", StageHTTP, 10 * time.Second, to(func(c net.Conn) {
			readRequest(c)
			for {
				time.Sleep(time.Second)
				if _, err := io.WriteString(c, "HTTP/1.1 102 X\r\n\r\n"); err != nil {
					return
				}
			}
		})},
	} {
		errCause := errors.New("because")
		for _, how := range []struct {
			name string
			ctx  func(context.Context) (context.Context, context.CancelFunc)
			is   []error
			want time.Duration
		}{
			{"timeout of the stage", context.WithCancel, []error{os.ErrDeadlineExceeded}, c.timeout},
			{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 200*time.Millisecond)
			}, []error{context.DeadlineExceeded}, 200 * time.Millisecond},
			{"cancel with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(100*time.Millisecond, func() { cancel(errCause) })
				return ctx, func() { cancel(nil) }
			}, []error{context.Canceled, errCause}, 100 * time.Millisecond},
		} {
			t.Run(c.name+"/"+how.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					// All goroutines of the bubble must end with it, including
					// the servers'; these end only when the client has closed
					// its end.
					connects, closed := 0, 0
					connect := func(script func(net.Conn)) net.Conn {
						connects++
						ours, theirs := net.Pipe()
						go func() {
							if !strings.HasSuffix(c.name, "reads nothing") {
								script(theirs)
							}
							for { // until the client closes; our own timeout is no end
								if _, err := theirs.Write(nil); err == nil {
									time.Sleep(time.Millisecond)
									continue
								}
								closed++
								return
							}
						}()
						return ours
					}
					adapter := &NetAdapter{Gate: new(Gate)}
					c.set(adapter, connect)
					ctx, cancel := how.ctx(t.Context())
					defer cancel()
					begin := time.Now()
					_, err := (&Client{Adapter: adapter}).Handshake(ctx, &Request{URL: c.url})
					if d := time.Since(begin); d != how.want {
						t.Errorf("failed after %v, want %v", d, how.want)
					}
					e := wantError(t, err, c.stage, "s3cret")
					time.Sleep(time.Minute)
					synctest.Wait()
					if closed != connects {
						t.Errorf("%d of %d connections were closed", closed, connects)
					}
					for _, is := range how.is {
						if !errors.Is(err, is) {
							t.Errorf("error is %v, want %v in it", err, is)
						}
					}
					if e.Timeout() != (len(how.is) == 1) {
						t.Errorf("Timeout() is %v: %v", e.Timeout(), err)
					}
					if len(adapter.Gate.queues) > 0 {
						t.Error("the attempt is still under way at the gate")
					}
					if len(how.is) == 1 && how.is[0] == os.ErrDeadlineExceeded && !strings.Contains(err.Error(), "Timeout)") {
						t.Errorf("%v, want the name of the setting in it", err)
					}
				})
			})
		}
	}
}

// The timeouts can be set and switched off.
func TestStageTimeoutSettings(t *testing.T) {
	for _, c := range []struct {
		name    string
		timeout time.Duration
		want    time.Duration
	}{
		{"set", 3 * time.Second, 3 * time.Second},
		{"lifted", -1, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, wait := pipe(swallow)
				client.Adapter.(*NetAdapter).ResponseTimeout = c.timeout
				ctx, cancel := deadline(t, time.Hour)
				defer cancel()
				begin := time.Now()
				_, err := client.Handshake(ctx, &Request{URL: "ws://h.test/"})
				wantError(t, err, StageHTTP)
				if d := time.Since(begin); d != c.want {
					t.Errorf("failed after %v, want %v", d, c.want)
				}
				wait()
			})
		})
	}
}

// The stream outlives the context and the timeouts of its handshake.
func TestStreamOutlivesHandshake(t *testing.T) {
	ca := newAuthority(t)
	server := ca.server(t, "h.test")
	for _, scheme := range []string{"ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			client, wait := pipe(func(c net.Conn) {
				if scheme == "wss" {
					c = server(c)
				}
				upgrade(c)
			})
			client.Adapter.(*NetAdapter).TLSConfig = ca.client()
			ctx, cancel := context.WithCancel(t.Context())
			r, err := client.Handshake(ctx, &Request{URL: scheme + "://h.test/"})
			if err != nil {
				t.Fatal(err)
			}
			cancel()
			echoes(t, r)
			abort(r.Stream)
			wait()
		})
	}
	synctest.Test(t, func(t *testing.T) {
		client, wait := pipe(upgrade)
		ctx, cancel := deadline(t, time.Minute)
		defer cancel()
		r, err := client.Handshake(ctx, &Request{URL: "ws://h.test/"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		echoes(t, r)
		r.Stream.Close()
		wait()
	})
}

// With a context that has already ended the network is not used.
func TestEndedContext(t *testing.T) {
	checkLeaks(t)
	s := serve(t, upgrade)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, adapter := range []Adapter{&NetAdapter{}, &RoundTripAdapter{}, &NetAdapter{DialContext: (&net.Dialer{}).DialContext}} {
		_, err := (&Client{Adapter: adapter}).Handshake(ctx, &Request{URL: "ws://" + s.host()})
		e := wantError(t, err, StageDial)
		if !errors.Is(err, context.Canceled) || e.Timeout() {
			t.Errorf("error is %v, want context.Canceled in it", err)
		}
	}
	if s.accepted() != 0 {
		t.Errorf("%d connections", s.accepted())
	}
}

// On real sockets, cancel and deadline end the call soon and close the connection.
//
// req: 9110-7.5-01 6455-7.1.7-07
func TestStallsOnLoopback(t *testing.T) {
	ca := newAuthority(t)
	for _, c := range []struct {
		name    string
		scheme  string
		stage   Stage
		adapter func() Adapter
	}{
		{"TLS", "wss", StageTLS, func() Adapter { return &NetAdapter{TLSConfig: ca.client()} }},
		{"response", "ws", StageHTTP, func() Adapter { return &NetAdapter{} }},
		{"net/http, TLS", "wss", StageTLS, func() Adapter {
			return &RoundTripAdapter{Client: &http.Client{Transport: &http.Transport{TLSClientConfig: ca.client(), TLSHandshakeTimeout: time.Second}}}
		}},
		{"net/http, response", "ws", StageHTTP, func() Adapter {
			return &RoundTripAdapter{Client: &http.Client{Transport: &http.Transport{}}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			closed := make(chan struct{}, 2)
			s := serve(t, func(conn net.Conn) {
				swallow(conn)
				closed <- struct{}{}
			})
			client := &Client{Adapter: c.adapter()}
			for _, cancelled := range []bool{false, true} {
				ctx, cancel := deadline(t, 100*time.Millisecond)
				want := context.DeadlineExceeded
				if cancelled {
					want = context.Canceled
					ctx, cancel = context.WithCancel(t.Context())
					time.AfterFunc(50*time.Millisecond, cancel)
				}
				begin := time.Now()
				_, err := client.Handshake(ctx, &Request{URL: c.scheme + "://" + s.host()})
				took := time.Since(begin)
				cancel()
				wantError(t, err, c.stage)
				if !errors.Is(err, want) {
					t.Errorf("error is %v, want %v in it", err, want)
				}
				if took > time.Second { // 100 ms on a machine with nothing else to do
					t.Errorf("took %v", took)
				}
				select {
				case <-closed:
				case <-time.After(5 * time.Second):
					t.Fatal("TCP was not closed")
				}
			}
		})
	}
}

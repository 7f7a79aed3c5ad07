package dandelion_test

// Code of the user that fails: panics, and ends of its goroutine.

import (
	"context"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

func TestPanicInHandler(t *testing.T) {
	t.Run("fail the connection", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
			var log strings.Builder
			var reported *messages.HandlerFailed
			opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
			opts.Handler = &dandelion.Handler{
				OnText:  func(c *dandelion.Client, text string) { panic("no " + text) },
				OnPanic: func(c *dandelion.Client, e *messages.HandlerFailed) { reported = e },
			}
			c, conn := open(t, s, opts)
			conn.SendText("good")
			conn.ExpectClose(wire.StatusInternalError)
			conn.ExpectEOF()
			conn.Close()
			<-c.Done()
			synctest.Wait()
			require.ErrorIs(t, c.Err(), messages.ErrHandlerFailed)
			require.ErrorContains(t, c.Err(), "no good")
			require.Equal(t, "no good", reported.Value)
			require.Contains(t, string(reported.Stack), "TestPanicInHandler")
			require.Contains(t, log.String(), "handler failed")
		})
	})
	t.Run("continue", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
			var got []string
			opts.OnPanic = supervisor.ContinueOnPanic
			opts.Handler = &dandelion.Handler{OnText: func(c *dandelion.Client, text string) {
				if text == "bad" {
					panic(text)
				}
				got = append(got, text)
			}}
			c, conn := open(t, s, opts)
			// In one batch: the panic must not take the messages behind it along.
			var buf []byte
			for _, text := range []string{"a", "bad", "b", "bad", "bad", "c"} {
				buf = wire.AppendServerFrame(buf, true, 0, wire.OpText, []byte(text))
			}
			conn.WriteRaw(buf)
			finish(t, c, conn)
			synctest.Wait()
			require.Equal(t, []string{"a", "b", "c"}, got)
		})
	})
	t.Run("the report panics too", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
			opts.OnPanic = supervisor.ContinueOnPanic
			opts.Handler = &dandelion.Handler{
				OnText:  func(c *dandelion.Client, text string) { panic("first") },
				OnPanic: func(c *dandelion.Client, e *messages.HandlerFailed) { panic("second") },
			}
			c, conn := open(t, s, opts)
			conn.SendText("x")
			finish(t, c, conn)
		})
	})
}

// A handler that ends its goroutine, as t.FailNow does, has failed like one that panics.
func TestGoexitInHandler(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Handler = &dandelion.Handler{OnOpen: func(*dandelion.Client, *messages.Opened) { runtime.Goexit() }}
		c, conn := open(t, s, opts)
		conn.ExpectClose(wire.StatusInternalError)
		conn.Close()
		_, err := c.Read(t.Context())
		require.ErrorContains(t, err, "Goexit")
		<-c.Done()
	})
}

// That ends the connection, as nobody is left to go on with what has arrived.
func TestGoexitInDataHandler(t *testing.T) {
	for name, policy := range map[string]supervisor.PanicPolicy{"fail": supervisor.FailOnPanic, "continue": supervisor.ContinueOnPanic} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				opts.OnPanic = policy
				handled := 0
				opts.Handler = &dandelion.Handler{OnText: func(*dandelion.Client, string) {
					handled++
					runtime.Goexit()
				}}
				c, conn := open(t, s, opts)
				// In one write: after the first message the client is gone.
				buf := wire.AppendServerFrame(nil, true, 0, wire.OpText, []byte("go"))
				conn.WriteRaw(wire.AppendServerFrame(buf, true, 0, wire.OpText, []byte("on")))
				_, end := conn.ReadAll()
				require.NotZero(t, end)
				conn.Close()
				<-c.Done()
				require.ErrorContains(t, c.Err(), "Goexit")
				require.Equal(t, 1, handled)
			})
		})
	}
}

// A callback that ends its goroutine while somebody stops the actor does not hold that up.
func TestGoexitWhenStopped(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Handler = &dandelion.Handler{OnStopped: func(*dandelion.Client, *messages.Stopped) { runtime.Goexit() }}
		c, conn := open(t, s, opts)
		require.NoError(t, c.System().Root.StopFuture(c.PID()).Wait())
		conn.Close()
		<-c.Done()
	})
}

// Code of the user that ends its goroutine while it dials ends the attempt, and with
// Dial that goroutine, as it asked for.
func TestGoexitWhileDialling(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.DialContext = func(context.Context, string, string) (net.Conn, error) {
			runtime.Goexit()
			return nil, nil
		}
		returned, done := false, make(chan struct{})
		go func() {
			defer close(done)
			dandelion.Dial(t.Context(), s.URL(), opts)
			returned = true
		}()
		<-done
		require.False(t, returned)

		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		synctest.Wait()
		st := c.Status()
		require.Equal(t, messages.StateWaiting, st.State, "it is tried again")
		require.ErrorContains(t, st.LastCause, "Goexit")
		c.Abort()
		<-c.Done()
	})
}

// A connection of the user whose address panics, or ends the goroutine, is an error of the
// attempt, and is closed.
func TestBadAddress(t *testing.T) {
	for _, tc := range []struct {
		name string
		addr func() string
		want string
	}{
		{"panic", func() string { panic("no address") }, "no address"},
		{"Goexit", func() string { runtime.Goexit(); return "" }, "Goexit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				opts.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := s.DialContext(ctx, network, address)
					return badAddress{conn, tc.addr}, err
				}
				c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
				require.NoError(t, err)
				conn := s.Accept(t.Context())
				conn.Upgrade()
				conn.ExpectEOF()
				conn.Close()
				synctest.Wait()
				require.ErrorContains(t, c.Status().LastCause, tc.want)
				c.Abort()
				<-c.Done()
			})
		})
	}
}

type badAddress struct {
	net.Conn
	addr func() string
}

func (c badAddress) RemoteAddr() net.Addr { return funcAddr(c.addr) }

type funcAddr func() string

func (funcAddr) Network() string { return "bad" }

func (f funcAddr) String() string { return f() }

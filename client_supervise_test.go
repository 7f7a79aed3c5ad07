package dandelion_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// After Abort nothing is said about another connection.
func TestAbortIsTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		for range 100 {
			opts.Handler = &dandelion.Handler{OnReconnecting: func(_ *dandelion.Client, e *messages.ReconnectScheduled) {
				t.Error("it connects again:", e.Reason)
			}}
			c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
			require.NoError(t, err)
			conn := s.Accept(t.Context())
			conn.Upgrade()
			require.NoError(t, c.Write(t.Context(), dandelion.Text("open")))
			c.Abort()
			<-c.Done()
			conn.Close()
		}
	})
}

func TestSupervise(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var delays []time.Duration
		opts.Handler = &dandelion.Handler{OnReconnecting: func(c *dandelion.Client, e *messages.ReconnectScheduled) {
			delays = append(delays, e.Delay)
		}}
		opts.Retry.Backoff = retry.Exponential{Float64: func() float64 { return 0.5 }}.New
		c, err := dandelion.Supervise(ctx, s.URL(), opts)
		require.NoError(t, err)

		conn := s.Accept(ctx)
		conn.Upgrade()
		conn.SendText("first life")
		msg, err := c.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, "first life", msg.Text())
		conn.Reset()
		synctest.Wait()
		require.Equal(t, messages.StateWaiting, c.State())
		require.ErrorIs(t, c.Send(dandelion.Text("x")), messages.ErrNotOpen)
		require.ErrorContains(t, c.Send(dandelion.Text("x")), "WAITING; wait for OnOpen")

		// A write and a read begun now wait for the next connection.
		written := make(chan error, 1)
		go func() { written <- c.Write(ctx, dandelion.Text("waited")) }()
		conn = s.Accept(ctx)
		conn.Upgrade()
		conn.ExpectText("waited")
		require.NoError(t, <-written)
		conn.SendText("second life")
		msg, err = c.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, "second life", msg.Text())
		require.Equal(t, uint64(2), c.Opened().Epoch)

		cancel()
		conn.ExpectClose(wire.StatusGoingAway)
		conn.SendClose(wire.StatusGoingAway, "")
		conn.Close()
		<-c.Done()
		require.Equal(t, []time.Duration{500 * time.Millisecond}, delays)
		_, err = c.Read(t.Context())
		require.ErrorIs(t, err, messages.ErrClosed)
	})
}

func TestSuperviseGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		s.Handle(func(c *wstest.Conn) {
			c.ReadRequest()
			c.Respond(http.StatusNotFound, "no such feed")
		})
		var gaveUp *messages.GaveUp
		opts.Handler = &dandelion.Handler{OnGaveUp: func(c *dandelion.Client, e *messages.GaveUp) { gaveUp = e }}
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		_, err = c.Read(t.Context())
		var failed *handshake.Error
		require.ErrorAs(t, err, &failed)
		require.Equal(t, http.StatusNotFound, failed.Status)
		require.Equal(t, "HTTP status 404", gaveUp.Reason)
		require.Equal(t, 1, s.Accepted())
	})
}

func TestCloseWhileWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		s.Refuse()
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, messages.StateWaiting, c.State())
		require.NoError(t, c.Close(t.Context(), wire.StatusNormal, ""))
		require.Equal(t, messages.StateStopped, c.State())
	})
}

// How an earlier connection has ended is not how the closing went.
func TestCloseAfterALoss(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, c *dandelion.Client) error{
		"Close":    func(ctx context.Context, c *dandelion.Client) error { return c.Close(ctx, wire.StatusNormal, "") },
		"Shutdown": func(ctx context.Context, c *dandelion.Client) error { return c.Shutdown(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				opts.Retry.Backoff = retry.Exponential{Min: time.Hour}.New
				c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
				require.NoError(t, err)
				conn := s.Accept(t.Context())
				conn.Upgrade()
				conn.Reset()
				synctest.Wait()
				require.Equal(t, messages.StateWaiting, c.State())
				require.NoError(t, end(t.Context(), c))
				require.ErrorIs(t, c.Err(), messages.ErrClosed, "how the last connection ended")
			})
		})
	}
}

// A Ping returns when the connection is lost on which it waits for its Pong, although the
// client goes on; it does not wait for another connection.
func TestPingMeetsALoss(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Retry.Backoff = retry.Exponential{Min: time.Hour}.New
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		conn := s.Accept(t.Context())
		conn.Upgrade()
		synctest.Wait()
		failed := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := c.Ping(t.Context())
				failed <- err
			}()
			conn.ExpectPing()
		}
		conn.Reset()
		lost := time.Now()
		for range 2 {
			require.ErrorIs(t, <-failed, messages.ErrClosed)
		}
		require.Equal(t, lost, time.Now())
		synctest.Wait()
		require.Equal(t, messages.StateWaiting, c.State())
		_, err = c.Ping(t.Context())
		require.ErrorIs(t, err, messages.ErrNotOpen)
		c.Abort()
		<-c.Done()
	})
}

func TestPauseAndStatus(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		paused := make(chan *messages.Paused, 1)
		opts.Handler = &dandelion.Handler{OnPaused: func(_ *dandelion.Client, e *messages.Paused) { paused <- e }}
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		conn := s.Accept(t.Context())
		conn.Upgrade()
		synctest.Wait()
		require.Equal(t, messages.StateOpen, c.Status().State)
		c.Pause()
		conn.ExpectClose(wire.StatusGoingAway)
		conn.SendClose(wire.StatusGoingAway, "")
		conn.Close()
		require.EqualValues(t, 1, (<-paused).Epoch)
		time.Sleep(time.Hour)
		st := c.Status()
		require.True(t, st.Paused)
		require.Equal(t, messages.StateWaiting, st.State)
		require.Equal(t, time.Hour, time.Since(st.Since))
		c.Resume()
		conn = s.Accept(t.Context())
		conn.Upgrade()
		synctest.Wait()
		require.NoError(t, c.Send(dandelion.Text("hello")))
		conn.ExpectText("hello")
		conn.SendText("hi")
		conn.Go(func(conn *wstest.Conn) {
			ping := conn.ExpectPing()
			time.Sleep(200 * time.Millisecond)
			conn.SendPong(ping.Payload)
		})
		rtt, err := c.Ping(t.Context())
		require.NoError(t, err)
		require.Equal(t, 200*time.Millisecond, rtt)
		synctest.Wait()
		st = c.Status()
		require.False(t, st.Paused)
		require.EqualValues(t, 2, st.Epoch)
		require.Equal(t, messages.Counters{Attempts: 2, Connections: 2, MessagesSent: 1, BytesSent: 5, MessagesReceived: 1}, st.Counters)
		require.Equal(t, 200*time.Millisecond, st.SmoothedRTT)
		require.Equal(t, 200*time.Millisecond, st.RTT)
		c.Abort()
		<-c.Done()
		require.Equal(t, messages.StateStopped, c.Status().State)
	})
}

// StartDelay delays the first attempt of Supervise, and nothing of Dial.
func TestStartDelay(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		start := time.Now()
		opts.StartDelay = time.Minute
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, start.Add(time.Minute), c.Status().NextAttempt)
		require.Equal(t, messages.StateWaiting, c.State())
		time.Sleep(time.Minute)
		conn := s.Accept(t.Context())
		require.Equal(t, time.Minute, time.Since(start))
		conn.Upgrade()
		finish(t, c, conn)
		c.Abort()

		start = time.Now()
		c, conn = open(t, s, opts)
		require.Zero(t, time.Since(start))
		finish(t, c, conn)
	})
}

package dandelion_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// With an outbox, Send and Write work while there is no connection.
func TestOutbox(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		dropped := make(chan *messages.OutboxDropped, 10)
		opts.Outbox = &outbox.Config{Messages: 2, Full: outbox.Block}
		opts.Handler = &dandelion.Handler{OnDropped: func(_ *dandelion.Client, e *messages.OutboxDropped) { dropped <- e }}
		s.Refuse()
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		require.NoError(t, c.Send(dandelion.Text("one")))
		require.NoError(t, c.Send(dandelion.Text("short").With(messages.Delivery{TTL: time.Millisecond})))
		require.ErrorIs(t, c.Send(dandelion.Text("full")), messages.ErrQueueFull)
		require.ErrorIs(t, c.Send(dandelion.TextBytes([]byte{0xff})), messages.ErrInvalidUTF8)
		ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
		defer cancel()
		require.ErrorIs(t, c.Write(ctx, dandelion.Text("waits for room in vain")), context.DeadlineExceeded)
		written := make(chan error, 1)
		go func() { written <- c.Write(t.Context(), dandelion.Text("two")) }()
		time.Sleep(time.Millisecond)
		require.Equal(t, messages.ErrExpired, (<-dropped).Reason)
		synctest.Wait()
		st := c.Status()
		require.Equal(t, messages.OutboxStatus{Messages: 2, Bytes: 6}, st.Outbox)
		require.EqualValues(t, 1, st.Counters.OutboxDropped)

		down := make(chan error, 1)
		go func() { down <- c.Shutdown(t.Context()) }()
		synctest.Wait()
		require.ErrorIs(t, c.Send(dandelion.Text("too late")), messages.ErrClosed)
		s.Resume()
		conn := s.Accept(t.Context())
		conn.Upgrade()
		conn.ExpectText("one")
		conn.ExpectText("two")
		require.NoError(t, <-written)
		conn.AnswerClose(wire.StatusGoingAway)
		conn.Close()
		require.NoError(t, <-down)
		require.ErrorIs(t, c.Send(dandelion.Text("too late")), messages.ErrClosed)
		require.ErrorIs(t, c.Write(t.Context(), dandelion.Text("too late")), messages.ErrClosed)
	})
}

// Shutdown gives up what is left when its context ends.
func TestShutdownDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Outbox = &outbox.Config{}
		s.Refuse()
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		written := make(chan error, 1)
		go func() { written <- c.Write(t.Context(), dandelion.Text("never")) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, c.Shutdown(ctx), context.DeadlineExceeded)
		require.ErrorIs(t, <-written, messages.ErrStopped)
	})
}

// What the writer had taken when the connection ended is not sent again unless it
// says so; what it had not taken is.
func TestUnconfirmed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Outbox = &outbox.Config{Bytes: 64 << 20}
		opts.QueueBytes = 64 << 20
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		conn := s.Accept(t.Context())
		conn.Upgrade()
		synctest.Wait()
		big := make([]byte, 8<<20) // does not fit into the pipe
		fate := make(chan error, 1)
		go func() { fate <- c.Write(t.Context(), dandelion.Binary(big)) }()
		synctest.Wait()
		require.NoError(t, c.Send(dandelion.Text("behind it")))
		conn.Reset()
		require.ErrorIs(t, <-fate, messages.ErrUnconfirmed)
		conn = s.Accept(t.Context())
		conn.Upgrade()
		conn.ExpectText("behind it")

		go func() {
			fate <- c.Write(t.Context(), dandelion.Binary(big).With(messages.Delivery{Resend: true}))
		}()
		synctest.Wait()
		conn.Reset()
		conn = s.Accept(t.Context())
		conn.Upgrade()
		conn.ExpectBinary(big)
		require.NoError(t, <-fate)
		c.Abort()
		<-c.Done()
	})
}

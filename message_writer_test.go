package dandelion_test

// This file is about messages in several frames.

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

func TestMessageWriter(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Outbox = &dandelion.OutboxConfig{} // it has no part in this
		c, conn := open(t, s, opts)
		w := c.Writer(t.Context(), dandelion.KindText)
		n, err := w.Write([]byte("Gr\xc3")) // a cut inside a character
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.NoError(t, c.Send(dandelion.Text("it waits")))
		other := make(chan error, 1)
		go func() { other <- c.Writer(t.Context(), dandelion.KindBinary).WriteFinal([]byte{1}) }()
		synctest.Wait()
		require.Empty(t, other)
		require.NoError(t, w.WriteFinal([]byte("\xbc\xc3\x9fe")))
		require.NoError(t, w.Close(), "it is finished already")
		_, err = w.Write([]byte("too late"))
		require.ErrorIs(t, err, dandelion.ErrFinalFragmentSent)
		require.ErrorIs(t, w.WriteFinal(nil), dandelion.ErrFinalFragmentSent)

		first, last := conn.ReadFrame(), conn.ReadFrame()
		require.Equal(t, wire.OpText, first.Opcode)
		require.False(t, first.Fin)
		require.Equal(t, wire.OpContinuation, last.Opcode)
		require.True(t, last.Fin)
		require.Equal(t, "Grüße", string(first.Payload)+string(last.Payload))
		conn.ExpectText("it waits")
		conn.ExpectBinary([]byte{1})
		require.NoError(t, <-other)

		w = c.Writer(t.Context(), dandelion.KindBinary)
		_, err = w.Write([]byte{2})
		require.NoError(t, err)
		require.NoError(t, w.Close())
		conn.ExpectMessage(wire.OpBinary, []byte{2})

		w = c.Writer(t.Context(), dandelion.KindText)
		_, err = w.Write([]byte{0xff})
		require.ErrorIs(t, err, dandelion.ErrInvalidUTF8)
		finish(t, c, conn)
	})
}

// A context that has ended lets nothing begin, but a message that has begun be finished.
func TestMessageWriterWhoseContextEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		c, conn := open(t, s, opts)
		ctx, cancel := context.WithCancel(t.Context())
		begun, notBegun := c.Writer(ctx, dandelion.KindText), c.Writer(ctx, dandelion.KindText)
		_, err := begun.Write([]byte("to be "))
		require.NoError(t, err)
		cancel()
		_, err = notBegun.Write([]byte("not to be"))
		require.ErrorIs(t, err, context.Canceled)
		rest := bytes.Repeat([]byte("finished"), 3*wstest.DefaultPipeBuffer/8) // more than the network takes meanwhile
		start := time.Now()
		require.ErrorIs(t, begun.WriteFinal(rest), context.Canceled)
		require.Zero(t, time.Since(start), "it is not waited for")
		conn.ExpectMessage(wire.OpText, append([]byte("to be "), rest...))
		finish(t, c, conn)
	})
}

// The rest of a message cannot go out on another connection, and does not wait for one.
func TestMessageWriterWhoseConnectionEnds(t *testing.T) {
	for name, again := range map[string]bool{"no other connection": false, "another connection": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
				require.NoError(t, err)
				conn := s.Accept(t.Context())
				conn.Upgrade()
				w := c.Writer(t.Context(), dandelion.KindText)
				_, err = w.Write([]byte("half"))
				require.NoError(t, err)
				if !again {
					s.Refuse()
				}
				conn.Reset()
				synctest.Wait()
				if again {
					conn = s.Accept(t.Context())
					conn.Upgrade()
					synctest.Wait()
				}
				require.ErrorIs(t, w.WriteFinal([]byte("of it")), dandelion.ErrClosed)
				if again {
					require.NoError(t, c.Send(dandelion.Text("whole")))
					conn.ExpectText("whole")
				}
				c.Abort()
				<-c.Done()
			})
		})
	}
}

package dandelion_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

func newContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newEcho(t *testing.T) *wstest.EchoServer {
	t.Helper()
	s, err := wstest.NewEchoServer("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestDialEcho(t *testing.T) {
	ctx := newContext(t)
	s := newEcho(t)
	c, err := dandelion.Dial(ctx, s.URL(), nil)
	require.NoError(t, err)
	require.Equal(t, messages.StateOpen, c.State())

	require.NoError(t, c.Write(ctx, dandelion.Text("hello")))
	msg, err := c.Read(ctx)
	require.NoError(t, err)
	require.Equal(t, "hello", msg.Text())
	require.Equal(t, messages.KindText, msg.Kind())

	rtt, err := c.Ping(ctx)
	require.NoError(t, err)
	require.Positive(t, rtt)

	big := make([]byte, 16<<20)
	for i := range big {
		big[i] = byte(i * 7)
	}
	require.NoError(t, c.Write(ctx, dandelion.Binary(big)))
	msg, err = c.Read(ctx)
	require.NoError(t, err)
	require.Equal(t, messages.KindBinary, msg.Kind())
	require.True(t, string(big) == string(msg.Bytes()), "echo differs")

	w := c.Writer(ctx, messages.KindText)
	for _, part := range []string{"Gr\xc3", "\xbc", "\xc3\x9fe"} {
		_, err := w.Write([]byte(part))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	_, err = w.Write([]byte("x"))
	require.ErrorIs(t, err, messages.ErrFinalFragmentSent)
	msg, err = c.Read(ctx)
	require.NoError(t, err)
	require.Equal(t, "Grüße", msg.Text())

	require.NoError(t, c.Close(ctx, wire.StatusNormal, "bye"))
	require.Equal(t, messages.StateStopped, c.State())
	_, err = c.Read(ctx)
	var closed *messages.CloseError
	require.ErrorAs(t, err, &closed)
	require.True(t, closed.Clean)
	require.Contains(t, c.Opened().URL, "//"+closed.Server+"/")
	require.ErrorIs(t, c.Send(dandelion.Text("late")), messages.ErrClosed)
}

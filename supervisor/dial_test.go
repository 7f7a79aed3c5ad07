package supervisor

import (
	"context"
	"io"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
)

// closer is a stream that says that it was closed.
type closer struct {
	io.ReadWriter
	closed chan struct{}
}

func (c *closer) Close() error {
	close(c.closed)
	return nil
}

type handshakeFunc func() *handshake.Result

func (f handshakeFunc) Handshake(context.Context, *handshake.Request) (*handshake.Result, error) {
	return f(), nil
}

// A Handshaker that ends its goroutine, as t.FailNow does, has failed.
func TestGoexitInHandshaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reported := make(chan *dialed, 1)
		cfg := Config{Handshaker: handshakeFunc(func() *handshake.Result {
			runtime.Goexit()
			return nil
		})}.withDefaults()
		startDial(&cfg, nil, Attempt{Epoch: 7}, func(out *dialed) { reported <- out })
		out := <-reported
		require.Equal(t, uint64(7), out.epoch)
		require.ErrorContains(t, out.err, "Goexit")
	})
}

// The stream of an attempt that nobody wants any more is closed, also when its
// outcome is on the way to an actor that stops.
func TestAbandonedAttempt(t *testing.T) {
	for name, early := range map[string]bool{"under way": true, "reported, not taken": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := &closer{closed: make(chan struct{})}
				goOn, reported := make(chan struct{}), make(chan *dialed, 1)
				cfg := Config{Handshaker: handshakeFunc(func() *handshake.Result {
					<-goOn
					return &handshake.Result{Stream: stream}
				})}.withDefaults()
				d := startDial(&cfg, nil, Attempt{Epoch: 1}, func(out *dialed) { reported <- out })
				if early {
					d.abandon()
				}
				close(goOn)
				synctest.Wait()
				if !early {
					d.abandon()
					require.False(t, (<-reported).dial.take())
				}
				<-stream.closed
				require.Empty(t, reported)
			})
		})
	}
}

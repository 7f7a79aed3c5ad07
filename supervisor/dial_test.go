package supervisor

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/supervisor/outbox"
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
		startDial(t.Context(), mailbox.Go, &cfg, nil, Attempt{Epoch: 7}, func(out *dialed) { reported <- out })
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
				d := startDial(t.Context(), mailbox.Go, &cfg, nil, Attempt{Epoch: 1}, func(out *dialed) { reported <- out })
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

// unreadStore is a store that is being read.
type unreadStore struct{ read chan struct{} }

func (s unreadStore) Replay(func(outbox.StoredMessage) error) error { <-s.read; return nil }
func (unreadStore) Append([]outbox.StoredMessage) error             { return nil }
func (unreadStore) Ack([]uint64) error                              { return nil }

// An attempt to connect waits for the store, within its time.
func TestAttemptWaitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := unreadStore{read: make(chan struct{})}
		box := outbox.New(outbox.Config{Store: store}, slog.New(slog.DiscardHandler))
		box.Start(func(any) {}, func(uint64, protocol.Reply, error) {})
		out := make(chan *dialed, 1)
		cfg := Config{ConnectTimeout: time.Minute}.withDefaults()
		startDial(t.Context(), mailbox.Go, &cfg, box, Attempt{Epoch: 1}, func(d *dialed) { out <- d })
		time.Sleep(59 * time.Second)
		synctest.Wait()
		require.Empty(t, out)
		require.ErrorIs(t, (<-out).err, context.DeadlineExceeded)
		close(store.read)
	})
}

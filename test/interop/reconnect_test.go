//go:build linux

package interop

// This file tests clients of Supervise, which reconnect.

import (
	"context"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/wire"
)

// events are the events of a supervised client, in order.
type events chan any

// handler sends all events to the channel; data comes as whole texts or, when streaming, as
// parts.
func (e events) handler(streaming bool) *dandelion.Handler {
	h := &dandelion.Handler{
		OnOpen:         func(_ *dandelion.Client, m *messages.Opened) { e <- m },
		OnClosed:       func(_ *dandelion.Client, m *messages.Closed) { e <- m },
		OnReconnecting: func(_ *dandelion.Client, m *messages.ReconnectScheduled) { e <- m },
	}
	if streaming {
		h.OnFragment = func(_ *dandelion.Client, m *messages.FragmentReceived) { e <- m }
	} else {
		h.OnText = func(_ *dandelion.Client, text string) { e <- text }
	}
	return h
}

// next returns the next event of type T; others are skipped.
func next[T any](t *testing.T, ctx context.Context, e events) T {
	t.Helper()
	var want T
	for {
		select {
		case got := <-e:
			if event, ok := got.(T); ok {
				return event
			}
		case <-ctx.Done():
			t.Fatalf("no event %T: %v", want, ctx.Err())
		}
	}
}

// supervise starts a managed connection that is stopped at the end of the test.
func (s *running) supervise(t *testing.T, ctx context.Context, opts dandelion.Options) (*dandelion.Client, events) {
	t.Helper()
	e := make(events, 4096)
	opts.TLSConfig = s.tlsConfig
	opts.Handler = e.handler(opts.Streaming)
	opts.Retry.Backoff = retry.Exponential{Base: 50 * time.Millisecond, Max: 200 * time.Millisecond}.New
	c, err := dandelion.Supervise(ctx, s.url, &opts)
	if err != nil {
		t.Fatalf("Supervise(%s): %v", s.url, err)
	}
	endWithTest(t, c)
	return c, e
}

// reconnectAfterKill: the server dies in the middle of a message and comes back at the same
// address a while later.
func reconnectAfterKill(t *testing.T, ctx context.Context, s *running) {
	c, e := s.supervise(t, ctx, dandelion.Options{Streaming: true})
	first := next[*messages.Opened](t, ctx, e)
	if err := c.Send(dandelion.Text("half 50000")); err != nil {
		t.Fatalf("Send: %v", err)
	}
	next[*messages.FragmentReceived](t, ctx, e)
	s.kill()
	lost(t, next[*messages.Closed](t, ctx, e).Err)
	next[*messages.ReconnectScheduled](t, ctx, e)
	next[*messages.ReconnectScheduled](t, ctx, e) // an attempt failed while the server was away
	s.start(t)

	second := next[*messages.Opened](t, ctx, e)
	if second.Epoch <= first.Epoch {
		t.Errorf("epoch of the second connection is %d, want more than %d", second.Epoch, first.Epoch)
	}
	if err := c.Send(dandelion.Text("hello again")); err != nil {
		t.Fatalf("Send: %v", err)
	}
	var got []byte
	for final := false; !final; {
		f := next[*messages.FragmentReceived](t, ctx, e)
		got, final = append(got, f.Data...), f.Final
	}
	sameBytes(t, got, []byte("hello again")) // and nothing of the truncated message
	closeManaged(t, ctx, c, e)
}

// reconnectAfterClose: the server says that it restarts (1012), and then accepts the next
// connection.
func reconnectAfterClose(t *testing.T, ctx context.Context, s *running) {
	c, e := s.supervise(t, ctx, dandelion.Options{})
	first := next[*messages.Opened](t, ctx, e)
	if err := c.Send(dandelion.Text("close 1012 restarting")); err != nil {
		t.Fatalf("Send: %v", err)
	}
	closed := next[*messages.Closed](t, ctx, e)
	if got := closed.Err; got.Code != wire.StatusServiceRestart || got.Reason != "restarting" || !got.Clean {
		t.Errorf("closed with code %d, reason %q, clean %t; want 1012, %q, true", got.Code, got.Reason, got.Clean, "restarting")
	}
	if second := next[*messages.Opened](t, ctx, e); second.Epoch <= first.Epoch {
		t.Errorf("epoch of the second connection is %d, want more than %d", second.Epoch, first.Epoch)
	}
	if err := c.Send(dandelion.Text("hello again")); err != nil {
		t.Fatalf("Send: %v", err)
	}
	if got, want := next[string](t, ctx, e), "hello again"; got != want {
		t.Errorf("got the text %q, want %q", got, want)
	}
	closeManaged(t, ctx, c, e)
}

// closeManaged closes the client, which then does not connect again.
func closeManaged(t *testing.T, ctx context.Context, c *dandelion.Client, e events) {
	t.Helper()
	if err := c.Close(ctx, wire.StatusNormal, ""); err != nil {
		t.Errorf("Close: %v, want nil for a clean end", err)
	}
	if closed := next[*messages.Closed](t, ctx, e); !closed.Err.Clean {
		t.Errorf("closed: %v, want a clean end", closed.Err)
	}
	done(t, ctx, c)
	if got := c.State(); got != messages.StateStopped {
		t.Errorf("state is %v, want %v", got, messages.StateStopped)
	}
}

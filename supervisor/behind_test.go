package supervisor_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/internal/quiet"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/wire"
)

// lines is a slog.Handler that keeps the texts.
type lines struct {
	mu    sync.Mutex
	texts []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.texts = append(l.texts, r.Level.String()+" "+r.Message)
	return nil
}

func (l *lines) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.texts)
}

// held is a Sink that handles data only when it is let, and keeps the events.
type held struct {
	let    chan struct{}
	mu     sync.Mutex
	events []any
}

func (h *held) Batch(b *family.Batch) {
	<-h.let
	b.Release()
}

func (*held) Ignores(any) bool { return false }

func (h *held) Event(event any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, event)
}

// about returns the events about a handler that is behind, and the last event.
func (h *held) about() (about []any, last any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, event := range h.events {
		switch event.(type) {
		case *messages.HandlerBehind, *messages.HandlerCaughtUp:
			about = append(about, event)
		}
		last = event
	}
	return about, last
}

// A handler that holds the reader back is reported: at once to the logger, and to
// the handler itself when it gets to it. It is one event, however long it takes.
func TestHandlerBehind(t *testing.T) {
	const window, size = 64 << 10, 4096
	const handOver = 10 * time.Millisecond // with the handler busy, until another goroutine reads
	behind, caughtUp := "WARN dandelion: handler is behind, reading has stopped", "INFO dandelion: handler has caught up, reading goes on"
	for _, test := range []struct {
		name    string
		stall   time.Duration // how long the handler handles nothing
		ends    bool          // and meanwhile the server goes away
		log     []string      // while it does not
		after   []string      // what follows in the log
		events  int
		stopped time.Duration
	}{
		{"not for long", 900 * time.Millisecond, false, nil, nil, 0, 900 * time.Millisecond},
		{"for an hour", time.Hour, false, []string{behind}, []string{caughtUp}, 2, time.Hour},
		{"and then the user closes", time.Hour, true, []string{behind}, nil, 1, time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				system := quiet.System()
				log := &lines{}
				sink := &held{let: make(chan struct{})}
				h, servers := newPeer(1 << 20)
				view := handle.New()
				view.Sink, view.Once = sink, true
				pid := spawn(system, view, supervisor.Config{
					URL: "ws://server.test/", Handshaker: h, Logger: slog.New(log),
					ReceiveWindow: window,
				})
				server := <-servers
				synctest.Wait() // the handler has nothing to do
				start := time.Now().Add(handOver)
				for range 2 * window / size {
					_, err := server.Write(wire.AppendServerFrame(nil, true, 0, wire.OpBinary, make([]byte, size)))
					require.NoError(t, err)
				}
				time.Sleep(handOver + test.stall)
				synctest.Wait()
				require.True(t, view.Conn().Throttled())
				require.Equal(t, test.log, log.get(), "in the log while the handler is busy")
				if test.ends {
					system.Root.Send(pid, &messages.Close{Code: wire.StatusNormal})
					time.Sleep(time.Second)
				}
				close(sink.let)
				synctest.Wait()
				require.Equal(t, append(slices.Clone(test.log), test.after...), log.get())
				about, last := sink.about()
				require.Len(t, about, test.events)
				if test.events > 0 {
					e := about[0].(*messages.HandlerBehind)
					require.Equal(t, start, e.Since)
					require.GreaterOrEqual(t, e.Unhandled, window)
					e.Since, e.Unhandled = time.Time{}, 0
					require.Equal(t, &messages.HandlerBehind{Epoch: 1}, e)
				}
				if test.events > 1 {
					require.Equal(t, &messages.HandlerCaughtUp{Epoch: 1, Stopped: test.stall}, about[1])
					require.Same(t, about[1], last)
				}
				if !test.ends {
					answer, err := system.Root.RequestFuture(pid, &messages.GetStatus{}, time.Second).Result()
					require.NoError(t, err)
					require.Equal(t, test.stopped, answer.(*messages.Status).Counters.Throttled)
					require.NotZero(t, answer.(*messages.Status).Counters.Throttles)
				}
				system.Root.Stop(pid)
				server.Close()
				time.Sleep(10 * time.Second)
			})
		})
	}
}

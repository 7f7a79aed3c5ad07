package dandelion_test

// This file is what each of the three verbs does in each state, with and without an outbox.

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/test/wstest"
)

// A standing is a client in some state, and how it gets out of that.
type standing struct {
	client *dandelion.Client
	conn   *wstest.Conn // the connection that is open, or being opened
}

var verbs = map[string]func(ctx context.Context, c *dandelion.Client, m dandelion.Message) error{
	"Write": func(ctx context.Context, c *dandelion.Client, m dandelion.Message) error { return c.Write(ctx, m) },
	"Queue": func(ctx context.Context, c *dandelion.Client, m dandelion.Message) error { return c.Queue(ctx, m) },
	"Send":  func(_ context.Context, c *dandelion.Client, m dandelion.Message) error { return c.Send(m) },
}

// errWaits stands for a call that has not returned.
var errWaits = errors.New("it waits")

func TestVerbs(t *testing.T) {
	big := dandelion.Binary(make([]byte, 1<<20)) // more than the pipe holds
	supervise := func(t *testing.T, s *wstest.Server, opts *dandelion.Options) *dandelion.Client {
		t.Helper()
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		return c
	}
	connecting := func(t *testing.T, s *wstest.Server, opts *dandelion.Options) standing {
		c := supervise(t, s, opts)
		return standing{c, s.Accept(t.Context())}
	}
	opened := func(t *testing.T, s *wstest.Server, opts *dandelion.Options) standing {
		st := connecting(t, s, opts)
		st.conn.Upgrade()
		synctest.Wait()
		return st
	}
	// full fills what there is for messages: one is being written, one waits.
	full := func(t *testing.T, s *wstest.Server, opts *dandelion.Options) standing {
		opts.QueueMessages = 2
		st := opened(t, s, opts)
		for range 2 {
			require.NoError(t, st.client.Send(big))
			synctest.Wait()
		}
		return st
	}
	fullOutbox := func(p dandelion.FullPolicy) func(*testing.T, *wstest.Server, *dandelion.Options) standing {
		return func(t *testing.T, s *wstest.Server, opts *dandelion.Options) standing {
			opts.Outbox = &dandelion.OutboxConfig{Messages: 1, Full: p}
			st := connecting(t, s, opts)
			require.NoError(t, st.client.Send(dandelion.Text("it is full")))
			return st
		}
	}
	closing := func(t *testing.T, s *wstest.Server, opts *dandelion.Options) standing {
		st := opened(t, s, opts)
		go st.client.Close(t.Context(), dandelion.StatusNormal, "")
		synctest.Wait()
		require.Equal(t, dandelion.StateClosing, st.client.State())
		return st
	}
	// flushing has an outbox that is emptied before the end.
	flushing := func(t *testing.T, s *wstest.Server, opts *dandelion.Options) standing {
		st := connecting(t, s, opts)
		require.NoError(t, st.client.Send(dandelion.Text("the last")))
		go st.client.Shutdown(t.Context())
		synctest.Wait()
		return st
	}
	waiting := func(t *testing.T, s *wstest.Server, opts *dandelion.Options) standing {
		st := opened(t, s, opts)
		st.client.Pause()
		st.conn.AnswerClose(dandelion.StatusGoingAway)
		st.conn.Close()
		synctest.Wait()
		require.Equal(t, dandelion.StateWaiting, st.client.State())
		return st
	}
	ended := func(t *testing.T, s *wstest.Server, opts *dandelion.Options) standing {
		st := opened(t, s, opts)
		st.client.Abort()
		<-st.client.Done()
		return st
	}
	// stopped never had a connection.
	stopped := func(t *testing.T, s *wstest.Server, opts *dandelion.Options) standing {
		s.Refuse()
		c := supervise(t, s, opts)
		require.NoError(t, c.Close(t.Context(), dandelion.StatusNormal, ""))
		return standing{client: c}
	}
	type state = func(*testing.T, *wstest.Server, *dandelion.Options) standing
	none, held := (*dandelion.OutboxConfig)(nil), &dandelion.OutboxConfig{}
	for _, test := range []struct {
		name               string
		outbox             *dandelion.OutboxConfig
		state              state
		write, queue, send error
	}{
		{"connecting", none, connecting, errWaits, errWaits, dandelion.ErrNotOpen},
		{"open", none, opened, nil, nil, nil},
		{"queue full", none, full, errWaits, errWaits, dandelion.ErrQueueFull},
		{"closing", none, closing, errWaits, errWaits, dandelion.ErrClosed},
		{"paused", none, waiting, errWaits, errWaits, dandelion.ErrNotOpen},
		{"ended", none, ended, dandelion.ErrClosed, dandelion.ErrClosed, dandelion.ErrClosed},
		{"stopped", none, stopped, dandelion.ErrClosed, dandelion.ErrClosed, dandelion.ErrClosed},

		{"outbox, connecting", held, connecting, errWaits, nil, nil},
		{"outbox, open", held, opened, nil, nil, nil},
		{"outbox, queue full", held, full, errWaits, nil, nil},
		{"outbox full, reject", none, fullOutbox(dandelion.Reject), dandelion.ErrQueueFull, dandelion.ErrQueueFull, dandelion.ErrQueueFull},
		{"outbox full, block", none, fullOutbox(dandelion.Block), errWaits, errWaits, dandelion.ErrQueueFull},
		{"outbox full, drop the newest", none, fullOutbox(dandelion.DropNewest), dandelion.ErrDropped, nil, nil},
		{"outbox full, drop the oldest", none, fullOutbox(dandelion.DropOldest), errWaits, nil, nil},
		{"outbox, flushing", held, flushing, dandelion.ErrClosed, dandelion.ErrClosed, dandelion.ErrClosed},
		{"outbox, paused", held, waiting, errWaits, nil, nil},
		{"outbox, ended", held, ended, dandelion.ErrClosed, dandelion.ErrClosed, dandelion.ErrClosed},
		{"outbox, stopped", held, stopped, dandelion.ErrClosed, dandelion.ErrClosed, dandelion.ErrClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			for verb, want := range map[string]error{"Write": test.write, "Queue": test.queue, "Send": test.send} {
				t.Run(verb, func(t *testing.T) {
					inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
						opts.Outbox = test.outbox
						st := test.state(t, s, opts)
						ctx, cancel := context.WithCancel(t.Context())
						result := make(chan error, 1)
						go func() { result <- verbs[verb](ctx, st.client, dandelion.Text("hello")) }()
						synctest.Wait()
						var got error
						select {
						case got = <-result:
						default:
							got = errWaits
							cancel()
							require.ErrorIs(t, <-result, context.Canceled)
						}
						cancel()
						if want == nil {
							require.NoError(t, got)
						} else {
							require.ErrorIs(t, got, want)
						}
						st.client.Abort()
						<-st.client.Done()
					})
				})
			}
		})
	}
}

// With Dial there is no other connection to wait for.
func TestVerbsOfAClosingConnection(t *testing.T) {
	for verb, send := range verbs {
		t.Run(verb, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				c, conn := open(t, s, opts)
				closed := make(chan error, 1)
				go func() { closed <- c.Close(t.Context(), dandelion.StatusNormal, "") }()
				synctest.Wait()
				require.ErrorIs(t, send(t.Context(), c, dandelion.Text("late")), dandelion.ErrClosed)
				conn.AnswerClose(dandelion.StatusNormal)
				conn.Close()
				require.NoError(t, <-closed)
			})
		})
	}
}

// What cannot be sent is refused in the same way by all verbs, with and without an outbox.
func TestVerbsRefuse(t *testing.T) {
	for name, box := range map[string]*dandelion.OutboxConfig{"direct": nil, "outbox": {}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				opts.Outbox = box
				c, conn := open(t, s, opts)
				for verb, send := range verbs {
					require.ErrorIs(t, send(t.Context(), c, dandelion.Text("\xff")), dandelion.ErrInvalidUTF8, verb)
					require.ErrorIs(t, send(t.Context(), c, dandelion.TextBytes([]byte{0xff})), dandelion.ErrInvalidUTF8, verb)
					require.ErrorIs(t, send(t.Context(), c, dandelion.Message{}), dandelion.ErrInvalidKind, verb)
					require.ErrorIs(t, send(t.Context(), c, dandelion.NewMessage(7, nil)), dandelion.ErrInvalidKind, verb)
					require.ErrorIs(t, send(t.Context(), c, dandelion.Text("x").Part(true, false)), dandelion.ErrPartialMessage, verb)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				require.ErrorIs(t, c.Write(ctx, dandelion.Text("x")), context.Canceled)
				require.ErrorIs(t, c.Queue(ctx, dandelion.Text("x")), context.Canceled)
				require.NoError(t, c.Send(dandelion.Text("the only one")))
				conn.ExpectText("the only one")
				finish(t, c, conn)
			})
		})
	}
}

// slowStore stores when it may.
type slowStore struct {
	allow chan error
}

func (s *slowStore) Append([]outbox.StoredMessage) error { return <-s.allow }
func (s *slowStore) Ack([]uint64) error                  { return nil }
func (s *slowStore) Replay(func(outbox.StoredMessage) error) error {
	return nil
}

// Queue waits for the store, Send does not. What Send cannot tell is an event.
func TestVerbsAndAStore(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		store := &slowStore{allow: make(chan error)}
		dropped := make(chan *dandelion.OutboxDropped, 10)
		opts.Outbox = &dandelion.OutboxConfig{Store: store}
		opts.Handler = &dandelion.Handler{OnDropped: func(_ *dandelion.Client, e *dandelion.OutboxDropped) { dropped <- e }}
		s.Refuse()
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		disk := errors.New("disk is full")

		require.NoError(t, c.Send(dandelion.Text("stored").With(dandelion.Delivery{ID: "1"})))
		store.allow <- nil
		require.NoError(t, c.Send(dandelion.Text("lost").With(dandelion.Delivery{ID: "2"})))
		store.allow <- disk
		e := <-dropped
		require.ErrorIs(t, e.Reason, disk)
		require.Equal(t, "2", e.ID)

		for _, want := range []error{nil, disk} {
			queued := make(chan error, 1)
			go func() { queued <- c.Queue(t.Context(), dandelion.Text("waits")) }()
			synctest.Wait()
			require.Empty(t, queued)
			store.allow <- want
			require.ErrorIs(t, <-queued, want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		queued := make(chan error, 1)
		go func() { queued <- c.Queue(ctx, dandelion.Text("waits")) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-queued, context.Canceled)
		store.allow <- nil
		synctest.Wait()
		require.EqualValues(t, 3, c.Status().Outbox.Messages, "it stays")
		c.Abort()
		<-c.Done()
	})
}

package supervisor_test

// This file is about orders in each state of a supervisor, and about its end.

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/wire"
)

// untilCancelled is a Handshaker whose server does not answer.
var untilCancelled = handshaker(func(ctx context.Context, _ *handshake.Request) (*handshake.Result, error) {
	<-ctx.Done()
	return nil, ctx.Err()
})

// refusing is a Handshaker whose server refuses.
var refusing = handshaker(func(context.Context, *handshake.Request) (*handshake.Result, error) {
	return nil, &handshake.Error{Stage: handshake.StageHTTP, Status: 503, Err: errors.New("refused")}
})

// What a connection consists of is gone when the next one is made.
func TestEndedFamiliesAreStopped(t *testing.T) {
	inBubble(t, supervisor.Config{Retry: retry.Policy{ResetAfter: 1}}, func(r *rig) {
		actors := len(r.actors())
		for range 20 {
			require.Equal(r, messages.StateOpen, r.state())
			r.server().Close()
			r.sleep(time.Minute)
		}
		require.Equal(r, messages.StateOpen, r.state())
		require.Len(r, r.actors(), actors, "%v", r.actors())
	})
}

// Pause, Reconnect after it, Close, Stop and Abort end an attempt at once.
func TestOrdersEndAnAttempt(t *testing.T) {
	for _, test := range []struct {
		name   string
		orders []any
		want   messages.State
	}{
		{"Pause", []any{&messages.Pause{}}, messages.StateWaiting},
		{"Pause, Resume", []any{&messages.Pause{}, &messages.Resume{}}, messages.StateConnecting},
		{"Close", []any{&messages.Close{Code: wire.StatusNormal}}, messages.StateStopped},
		{"Stop", []any{&messages.Stop{}}, messages.StateStopped},
		{"Abort", []any{&handle.AbortCall{}}, messages.StateStopped},
	} {
		t.Run(test.name, func(t *testing.T) {
			start := time.Time{}
			inBubble(t, supervisor.Config{Handshaker: untilCancelled}, func(r *rig) {
				start = time.Now()
				r.order(test.orders...)
				require.Equal(r, test.want, r.state())
				require.Equal(r, start, time.Now())
				attempts := 1
				if test.want == messages.StateConnecting {
					attempts = 2
				}
				require.Len(r, saw[*messages.Connecting](r), attempts)
				require.Equal(r, test.want == messages.StateWaiting, len(saw[*messages.Paused](r)) == 1)
			})
		})
	}
}

// Reconnect does not end an attempt: it is as good as the next one.
func TestReconnectWhileConnecting(t *testing.T) {
	inBubble(t, supervisor.Config{Handshaker: untilCancelled}, func(r *rig) {
		r.order(&messages.Reconnect{})
		require.Len(r, saw[*messages.Connecting](r), 1)
		require.Equal(r, messages.StateConnecting, r.state())
	})
}

// A pause lasts until Resume or Reconnect, and a Reconnect is one connection only.
func TestPauseOfAnOpenConnection(t *testing.T) {
	for _, order := range []any{&messages.Resume{}, &messages.Reconnect{}} {
		inBubble(t, supervisor.Config{CloseTimeout: time.Second}, func(r *rig) {
			r.order(&messages.Pause{}, &messages.Pause{})
			r.sleep(time.Hour)
			require.Equal(r, messages.StateWaiting, r.state())
			require.True(r, r.handle.Stands().Paused)
			require.Len(r, saw[*messages.Paused](r), 1)
			r.order(order, order)
			require.False(r, r.handle.Stands().Paused)
			require.Equal(r, messages.StateOpen, r.state())
			require.Len(r, saw[*messages.Connecting](r), 2)
			r.server().Close()
			r.server().Close()
			require.Equal(r, messages.StateWaiting, r.state(), "the next end has a delay")
		})
		// During the closing handshake.
		inBubble(t, supervisor.Config{CloseTimeout: time.Second}, func(r *rig) {
			r.order(&messages.Pause{})
			require.Equal(r, messages.StateOpen, r.state())
			r.order(order)
			r.sleep(time.Second)
			require.Equal(r, messages.StateOpen, r.state())
			require.Len(r, saw[*messages.Connecting](r), 2)
			require.Empty(r, saw[*messages.Paused](r))
			require.Empty(r, saw[*messages.ReconnectScheduled](r))
		})
	}
}

// A Close that cannot be sent is refused and changes nothing.
func TestInvalidClose(t *testing.T) {
	for name, cfg := range map[string]supervisor.Config{
		"open":       {},
		"outbox":     {Outbox: &outbox.Config{}},
		"connecting": {Handshaker: untilCancelled},
		"waiting":    {StartDelay: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cfg, func(r *rig) {
				state := r.state()
				r.order(&messages.Close{Code: wire.StatusNoStatus, Ref: 7})
				answers := r.answered()
				require.Len(r, answers, 1)
				require.ErrorIs(r, answers[0].(*messages.SendFailed).Err, messages.ErrInvalidCloseCode)
				require.Equal(r, state, r.state())
				if state == messages.StateOpen { // and it is still one that is wanted
					r.server().Close()
					require.Equal(r, messages.StateWaiting, r.state())
				}
			})
		})
	}
}

// inTheBubble returns a channel that is made when it is first asked for: a channel from
// outside of a bubble would not let its time pass.
func inTheBubble() func() chan struct{} {
	return sync.OnceValue(func() chan struct{} { return make(chan struct{}) })
}

// stuck is a store that does not return from Append until it is let.
type stuck struct{ let func() chan struct{} }

func (s stuck) Append([]outbox.StoredMessage) error         { <-s.let(); return nil }
func (stuck) Ack([]uint64) error                            { return nil }
func (stuck) Replay(func(outbox.StoredMessage) error) error { return nil }

// The end waits for the store of the outbox to finish its work.
func TestEndWaitsForTheStore(t *testing.T) {
	for name, order := range map[string]any{"Stop": &messages.Stop{}, "Close": &messages.Close{Code: wire.StatusNormal}, "nothing": nil} {
		t.Run(name, func(t *testing.T) {
			store := stuck{inTheBubble()}
			cfg := supervisor.Config{Handshaker: refusing, Outbox: &outbox.Config{Store: store}}
			if order == nil {
				cfg.Retry.MaxAttempts = 2 // it gives up
			}
			inBubble(t, cfg, func(r *rig) {
				r.order(&messages.SendText{Text: "hello", Ref: 1})
				if order != nil {
					r.order(order)
				}
				r.sleep(time.Hour)
				require.NotEqual(r, messages.StateStopped, r.state())
				require.Empty(r, saw[*messages.Stopped](r))
				close(store.let())
				require.Equal(r, messages.StateStopped, r.state())
				require.Len(r, saw[*messages.Stopped](r), 1)
				require.Equal(r, order == nil, len(saw[*messages.GaveUp](r)) == 1)
			})
		})
	}
}

// While the end waits for the store orders change nothing, and what wants an answer gets one.
func TestOrdersDuringTheEnd(t *testing.T) {
	for name, connecting := range map[string]bool{"from CONNECTING": true, "from WAITING": false} {
		t.Run(name, func(t *testing.T) {
			store := stuck{inTheBubble()}
			cfg := supervisor.Config{Handshaker: refusing, Outbox: &outbox.Config{Store: store}}
			if connecting {
				cfg.Retry.Verdicts = retry.Verdicts{retry.CauseHTTP: {Action: retry.Stop}, retry.HTTPClass(5): {Action: retry.Stop}}
				cfg.StartDelay = time.Second
			}
			inBubble(t, cfg, func(r *rig) {
				r.order(&messages.SendText{Text: "hello", Ref: 1})
				if connecting {
					r.sleep(time.Second)
				} else {
					r.order(&messages.Stop{})
				}
				ended := len(r.answered())
				events := len(saw[any](r))
				r.order(&messages.Pause{}, &messages.Resume{}, &messages.Reconnect{}, &handle.Later{Delay: time.Second, Command: &messages.Reconnect{}},
					&messages.Close{Code: wire.StatusNormal, Ref: 2}, &messages.SendText{Text: "x", Ref: 3}, &messages.Ping{Ref: 4},
					&messages.SendFragment{Final: true, Ref: 5}, &messages.Stop{}, &messages.Stop{Flush: time.Hour}, &handle.AbortCall{})
				r.sleep(time.Hour)
				require.NotEqual(r, messages.StateStopped, r.state())
				require.Len(r, saw[any](r), events, "%v", saw[any](r))
				require.False(r, r.handle.Stands().Paused)
				refused := map[uint64]error{}
				for _, answer := range r.answered() {
					refused[answer.(*messages.SendFailed).Ref] = answer.(*messages.SendFailed).Err
				}
				require.Len(r, refused, 4)
				require.ErrorIs(r, refused[2], messages.ErrStopped)
				require.ErrorIs(r, refused[3], messages.ErrClosed)
				require.ErrorIs(r, refused[4], messages.ErrStopped)
				require.ErrorIs(r, refused[5], messages.ErrStopped)
				close(store.let())
				require.Equal(r, messages.StateStopped, r.state())
				stopped := 0
				for _, answer := range r.answered() {
					if _, ok := answer.(*messages.Stopped); ok {
						stopped++
					}
				}
				if !connecting {
					stopped--
				}
				require.Equal(r, 3, stopped, "each Stop and the Abort is answered; %d before", ended)
				require.Equal(r, connecting, !r.handle.Stands().End.Wanted)
			})
		})
	}
}

// A Close or a Stop that waits for the outbox is answered if the end comes first.
func TestEndComesBeforeTheOutboxIsEmpty(t *testing.T) {
	t.Run("Close", func(t *testing.T) {
		inBubble(t, supervisor.Config{Outbox: &outbox.Config{Acked: func(messages.Kind, []byte) (outbox.Ack, bool) { return outbox.Ack{}, false }}}, func(r *rig) {
			r.order(&messages.SendText{Text: "never acknowledged", Delivery: messages.Delivery{ID: "a"}, Ref: 1},
				&messages.Close{Code: wire.StatusNormal, Ref: 2})
			require.Equal(r, messages.StateOpen, r.state())
			require.Empty(r, r.answered())
			r.server().Close()
			require.Equal(r, messages.StateStopped, r.state(), "and no other connection is made")
			answers := map[uint64]error{}
			for _, answer := range r.answered() {
				answers[answer.(*messages.SendFailed).Ref] = answer.(*messages.SendFailed).Err
			}
			require.Len(r, answers, 2)
			require.ErrorIs(r, answers[1], messages.ErrStopped)
			require.ErrorIs(r, answers[2], messages.ErrClosed)
		})
	})
	t.Run("Stop", func(t *testing.T) {
		inBubble(t, supervisor.Config{Handshaker: refusing, Outbox: &outbox.Config{}, Retry: retry.Policy{MaxAttempts: 3}}, func(r *rig) {
			r.order(&messages.SendText{Text: "hello", Ref: 1}, &messages.Stop{Flush: time.Hour})
			require.Empty(r, r.answered())
			r.sleep(time.Minute)
			require.Equal(r, messages.StateStopped, r.state())
			answers := r.answered()
			require.Len(r, answers, 2)
			require.ErrorIs(r, answers[0].(*messages.SendFailed).Err, messages.ErrStopped)
			require.IsType(r, &messages.Stopped{}, answers[1])
		})
	})
}

// A Stop with a Flush that a Close replaces does not end that early, and a Stop in a hurry
// ends either.
func TestFlushesReplaceEachOther(t *testing.T) {
	unacknowledged := &outbox.Config{Acked: func(messages.Kind, []byte) (outbox.Ack, bool) { return outbox.Ack{}, false }}
	send := &messages.SendText{Text: "never acknowledged", Delivery: messages.Delivery{ID: "a"}, Ref: 1}
	t.Run("Close after Stop", func(t *testing.T) {
		inBubble(t, supervisor.Config{Outbox: unacknowledged, CloseTimeout: 10 * time.Second}, func(r *rig) {
			r.order(send, &messages.Stop{Flush: time.Second}, &messages.Close{Code: wire.StatusNormal})
			r.sleep(9 * time.Second)
			require.Equal(r, messages.StateOpen, r.handle.Conn().State())
			r.sleep(time.Second)
			require.Equal(r, messages.StateClosing, r.handle.Conn().State())
			closing := saw[*messages.Closing](r)
			require.Len(r, closing, 1)
			require.Equal(r, wire.StatusNormal, closing[0].Code)
		})
	})
	t.Run("Stop after Close", func(t *testing.T) {
		inBubble(t, supervisor.Config{Outbox: unacknowledged, CloseTimeout: 10 * time.Second}, func(r *rig) {
			r.order(send, &messages.Close{Code: wire.StatusNormal}, &messages.Stop{Flush: time.Second})
			r.sleep(9 * time.Second)
			require.Equal(r, messages.StateOpen, r.handle.Conn().State(), "the first flush lasts")
			r.order(&messages.Stop{})
			closing := saw[*messages.Closing](r)
			require.Len(r, closing, 1)
			require.Equal(r, wire.StatusNormal, closing[0].Code, "the Close of the user")
		})
	})
	t.Run("Stop after Stop", func(t *testing.T) {
		inBubble(t, supervisor.Config{Outbox: unacknowledged, CloseTimeout: time.Second}, func(r *rig) {
			r.order(send, &messages.Stop{Flush: time.Hour}, &messages.Stop{})
			require.Equal(r, messages.StateClosing, r.handle.Conn().State())
			r.sleep(time.Second)
			require.Equal(r, messages.StateStopped, r.state())
		})
	})
	t.Run("Stop with Flush in a pause", func(t *testing.T) {
		inBubble(t, supervisor.Config{Outbox: unacknowledged, CloseTimeout: time.Second}, func(r *rig) {
			r.order(send, &messages.Pause{})
			r.sleep(time.Minute)
			r.order(&messages.Stop{Flush: time.Hour})
			require.Equal(r, messages.StateStopped, r.state(), "nothing would flush")
		})
	})
}

// A Handshaker that returns neither a result nor an error, or one without a stream, has failed.
func TestHandshakerReturnsNothing(t *testing.T) {
	for name, result := range map[string]*handshake.Result{"nothing": nil, "no stream": {}} {
		t.Run(name, func(t *testing.T) {
			h := handshaker(func(context.Context, *handshake.Request) (*handshake.Result, error) { return result, nil })
			inBubble(t, supervisor.Config{Handshaker: h}, func(r *rig) {
				scheduled := saw[*messages.ReconnectScheduled](r)
				require.Len(r, scheduled, 1)
				require.ErrorContains(r, scheduled[0].Cause, "returned neither a stream nor an error")
			})
		})
	}
}

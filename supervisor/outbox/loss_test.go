package outbox

// This file is about messages that are lost: somebody is told, or it is an event.

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

func TestLosses(t *testing.T) {
	type setting struct {
		box   *Queue
		conn  *fakeConn
		store *fakeStore
	}
	text := messages.Outgoing{Kind: messages.KindText, Data: []byte("hello"), Delivery: messages.Delivery{ID: "7"}}
	send := func(t *testing.T, s *setting, reply protocol.Reply) { require.NoError(t, s.box.Send(text, reply)) }
	for name, test := range map[string]struct {
		cfg    Config
		stored bool // with a store
		lose   func(t *testing.T, s *setting, reply protocol.Reply)
		want   error // nil: it is not lost
		always bool  // it is an event even if somebody is told
	}{
		"the store fails": {stored: true, want: errDisk, lose: func(t *testing.T, s *setting, reply protocol.Reply) {
			s.store.fails = func() bool { return true }
			send(t, s, reply)
		}},
		"the connection ends while it is written": {want: messages.ErrUnconfirmed, lose: func(t *testing.T, s *setting, reply protocol.Reply) {
			s.box.Attach(1, s.conn)
			send(t, s, reply)
			s.conn.take()
			s.conn.end(0)
		}},
		"the client ends": {want: messages.ErrStopped, lose: func(t *testing.T, s *setting, reply protocol.Reply) {
			send(t, s, reply)
			s.box.Close(func() {})
		}},
		"the client ends, and it waits for room": {
			cfg: Config{Messages: 1, Full: Block}, want: messages.ErrStopped,
			lose: func(t *testing.T, s *setting, reply protocol.Reply) {
				require.NoError(t, s.box.Send(text, protocol.Reply{To: "somebody else"}))
				require.NoError(t, s.box.Accept(text, reply))
				s.box.Close(func() {})
			},
		},
		"the client ends, and it is stored": {stored: true, lose: func(t *testing.T, s *setting, reply protocol.Reply) {
			send(t, s, reply)
			synctest.Wait()
			s.box.Close(func() {})
		}},
		"it expires": {cfg: Config{TTL: 1}, want: messages.ErrExpired, always: true, lose: func(t *testing.T, s *setting, reply protocol.Reply) {
			send(t, s, reply)
			time.Sleep(time.Nanosecond)
		}},
		"it is written": {lose: func(t *testing.T, s *setting, reply protocol.Reply) {
			s.box.Attach(1, s.conn)
			send(t, s, reply)
			s.conn.take()
			s.conn.write()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, reply := range []protocol.Reply{{}, {To: "the sender", Ref: 1}} {
				synctest.Test(t, func(t *testing.T) {
					s := &setting{store: &fakeStore{fails: func() bool { return false }}, conn: &fakeConn{epoch: 1, room: 10}}
					cfg := test.cfg
					if test.stored {
						cfg.Store = s.store
					}
					s.box = New(cfg, slog.New(slog.DiscardHandler))
					var lost []*messages.OutboxDropped
					var answers []error
					s.box.Start(func(e any) {
						if e, ok := e.(*messages.OutboxDropped); ok {
							lost = append(lost, e)
						}
					}, func(_ uint64, r protocol.Reply, err error) {
						if r.To == reply.To {
							answers = append(answers, err)
						}
					})
					test.lose(t, s, reply)
					synctest.Wait()
					require.Len(t, answers, 1)
					_, dropped, _ := s.box.Status()
					if test.want == nil || reply.To != nil && !test.always {
						if test.want != nil {
							require.ErrorIs(t, answers[0], test.want)
						}
						require.Empty(t, lost)
						require.Zero(t, dropped)
						return
					}
					require.Len(t, lost, 1)
					require.ErrorIs(t, lost[0].Reason, test.want)
					require.Equal(t, "7", lost[0].ID)
					require.Equal(t, 5, lost[0].Size)
					require.EqualValues(t, 1, dropped)
				})
			}
		})
	}
}

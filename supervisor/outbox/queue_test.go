package outbox

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// The property test drives a Queue with a connection, a store and a server that
// are played by dice, and checks what must always hold: every accepted message is
// answered exactly once; on one connection the order is kept; nothing is sent
// twice that did not ask for it; nothing is lost; the bounds hold.

// fakeConn is a connection that writes when the dice say so.
type fakeConn struct {
	epoch   uint64
	mu      sync.Mutex
	room    int
	closed  bool
	queued  []fakeSend
	flying  []fakeSend // with the writer
	written []string
	space   chan struct{}
}

type fakeSend struct {
	data  string
	reply protocol.Reply
}

func (c *fakeConn) Send(_ messages.Kind, data []byte, reply protocol.Reply) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return &messages.CloseError{Code: 1006}
	case len(c.queued)+len(c.flying) >= c.room:
		return messages.ErrQueueFull
	}
	c.queued = append(c.queued, fakeSend{string(data), reply})
	return nil
}

func (c *fakeConn) Space() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	space := make(chan struct{})
	if c.closed || len(c.queued)+len(c.flying) == 0 {
		close(space)
	} else if c.space != nil {
		return c.space
	} else {
		c.space = space
	}
	return space
}

func (c *fakeConn) makeSpace() {
	if c.space != nil {
		close(c.space)
		c.space = nil
	}
}

// take hands everything to the writer.
func (c *fakeConn) take() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flying = append(c.flying, c.queued...)
	c.queued = nil
}

// write confirms what the writer has.
func (c *fakeConn) write() {
	c.mu.Lock()
	done := c.flying
	c.flying = nil
	for _, s := range done {
		c.written = append(c.written, s.data)
	}
	c.makeSpace()
	c.mu.Unlock()
	for _, s := range done {
		s.reply.To.(*entry).Settled(c.epoch, s.reply.Ref, nil)
	}
}

// end ends the connection; of what the writer has, arrived has reached the server.
func (c *fakeConn) end(arrived int) {
	c.mu.Lock()
	flying, queued := c.flying, c.queued
	for _, s := range flying[:arrived] {
		c.written = append(c.written, s.data)
	}
	c.closed, c.flying, c.queued = true, nil, nil
	c.makeSpace()
	c.mu.Unlock()
	err := &messages.CloseError{Code: 1006}
	for _, s := range flying {
		s.reply.To.(*entry).Settled(c.epoch, s.reply.Ref, fmt.Errorf("%w: %w", messages.ErrUnconfirmed, err))
	}
	for _, s := range queued {
		s.reply.To.(*entry).Settled(c.epoch, s.reply.Ref, err)
	}
}

// fakeStore is a store in memory that fails when the dice say so.
type fakeStore struct {
	mu    sync.Mutex
	kept  []StoredMessage
	fails func() bool
}

var errDisk = errors.New("disk is full")

func (s *fakeStore) Append(m []StoredMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails() {
		return errDisk
	}
	s.kept = append(s.kept, m...)
	return nil
}

func (s *fakeStore) Ack(seqs []uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = slices.DeleteFunc(s.kept, func(m StoredMessage) bool { return slices.Contains(seqs, m.Seq) })
	return nil
}

func (s *fakeStore) Replay(f func(StoredMessage) error) error {
	s.mu.Lock()
	kept := slices.Clone(s.kept)
	s.mu.Unlock()
	for _, m := range kept {
		if err := f(m); err != nil {
			return err
		}
	}
	return nil
}

type outboxModel struct {
	t    *testing.T
	seed uint64
	*rand.Rand
	box     *Queue
	store   *fakeStore
	conn    *fakeConn
	epoch   uint64
	mu      sync.Mutex
	owed    map[uint64]messages.Outgoing // accepted, by Ref
	answers map[uint64]error
	wire    []string // what the server has seen, all connections
}

func (md *outboxModel) failf(format string, args ...any) {
	md.t.Helper()
	md.t.Fatalf("seed %d: %s", md.seed, fmt.Sprintf(format, args...))
}

func (md *outboxModel) answer(_ uint64, reply protocol.Reply, err error) {
	md.mu.Lock()
	defer md.mu.Unlock()
	if reply.Ref == 0 {
		return
	}
	if _, twice := md.answers[reply.Ref]; twice {
		md.t.Errorf("seed %d: message %d is answered twice", md.seed, reply.Ref)
	}
	md.answers[reply.Ref] = err
}

func (md *outboxModel) step(ref uint64) {
	switch n := md.IntN(100); {
	case n < 45:
		m := messages.Outgoing{Kind: messages.KindBinary, Data: fmt.Appendf(nil, "%04d", ref)}
		m.Data = append(m.Data, make([]byte, md.IntN(20))...)
		m.Resend = md.IntN(3) == 0
		if md.IntN(4) == 0 {
			m.TTL = time.Duration(1+md.IntN(50)) * time.Second
		}
		if md.box.cfg.Acked != nil && md.IntN(2) == 0 {
			m.ID = fmt.Sprint(ref)
		}
		md.mu.Lock()
		md.owed[ref] = m
		md.mu.Unlock()
		if err := md.box.Accept(m, protocol.Reply{Ref: ref}); err != nil {
			md.mu.Lock()
			delete(md.owed, ref)
			md.mu.Unlock()
		}
	case n < 60 && md.conn != nil:
		md.conn.take()
	case n < 75 && md.conn != nil:
		md.conn.write()
	case n < 85 && md.conn != nil && md.box.cfg.Acked != nil && len(md.conn.written) > 0:
		id := strings.TrimLeft(md.conn.written[md.IntN(len(md.conn.written))][:4], "0")
		if md.IntN(3) == 0 {
			id = "through " + id
		}
		md.box.Received(messages.KindText, []byte(id))
	case n < 90 && md.conn != nil:
		md.end()
	case n < 95 && md.conn == nil:
		md.open()
	default:
		time.Sleep(time.Duration(md.IntN(20)) * time.Second)
	}
	synctest.Wait()
	st, _, _ := md.box.Status()
	if st.Messages < 0 || st.Bytes < 0 || st.Messages > md.box.cfg.Messages || st.Messages > 1 && st.Bytes > md.box.cfg.Bytes {
		md.failf("the outbox holds %+v, bounds %d and %d", st, md.box.cfg.Messages, md.box.cfg.Bytes)
	}
}

func (md *outboxModel) open() {
	md.epoch++
	md.conn = &fakeConn{epoch: md.epoch, room: 1 + md.IntN(10)}
	md.box.Attach(md.epoch, md.conn)
}

func (md *outboxModel) end() {
	md.conn.end(md.IntN(len(md.conn.flying) + 1))
	synctest.Wait()
	md.box.Detach()
	if !slices.IsSorted(md.conn.written) {
		md.failf("connection %d has got %v", md.epoch, md.conn.written)
	}
	md.wire = append(md.wire, md.conn.written...)
	md.conn = nil
}

func (md *outboxModel) run(steps int) {
	for ref := range uint64(steps) {
		md.step(ref + 1)
	}
	// A last connection that takes everything.
	if md.conn != nil {
		md.end()
	}
	md.box.Seal(messages.ErrStopped, nil)
	md.open()
	md.conn.room = 1 << 20
	acked := 0
	for range 1000 {
		synctest.Wait()
		md.conn.take()
		md.conn.write()
		if md.box.cfg.Acked != nil {
			for _, data := range md.conn.written[acked:] {
				md.box.Received(messages.KindText, []byte(strings.TrimLeft(data[:4], "0")))
			}
			acked = len(md.conn.written)
		}
		if st, _, _ := md.box.Status(); st.Messages+st.Blocked == 0 {
			break
		}
	}
	synctest.Wait()
	empty := make(chan struct{})
	md.box.Seal(nil, func() { close(empty) })
	select {
	case <-empty:
	default:
		st, _, _ := md.box.Status()
		for e := md.box.first; e != nil; e = e.next {
			md.t.Logf("%q: state %d, sent %v, ID %q, cursor %v", e.m.Data[:4], e.state, e.sent, e.m.ID, md.box.cursor == e)
		}
		md.failf("still held at the end: %+v, policy %v, store %v, acks %v, room waited for %v", st, md.box.cfg.Full, md.store != nil, md.box.cfg.Acked != nil, md.box.awaiting)
	}
	md.end()
	md.box.Close(func() {})
	synctest.Wait()
	md.check()
}

func (md *outboxModel) check() {
	seen := map[string]int{}
	for _, data := range md.wire {
		seen[data[:4]]++
	}
	for ref, m := range md.owed {
		err, answered := md.answers[ref]
		times := seen[string(m.Data[:4])]
		switch {
		case !answered:
			md.failf("message %d was accepted and not answered", ref)
		case err == nil && times == 0:
			md.failf("message %d is Sent, and the server never got it", ref)
		case times > 1 && !m.Resend && m.ID == "":
			md.failf("message %d came %d times", ref, times)
		case errors.Is(err, messages.ErrUnconfirmed) && m.Resend && !errors.Is(err, messages.ErrExpired):
			md.failf("message %d was to be sent again: %v", ref, err)
		case err != nil && times > 0 && !errors.Is(err, messages.ErrUnconfirmed) && !m.Resend && m.ID == "":
			md.failf("message %d has arrived and failed with %v", ref, err)
		}
	}
	if md.store != nil && len(md.store.kept) > 0 {
		md.failf("%d messages are left in the store", len(md.store.kept))
	}
}

func TestOutboxProperties(t *testing.T) {
	first := rand.Uint64() >> 16
	for i := range uint64(400) {
		seed := first + i
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, seed))
			md := &outboxModel{t: t, seed: seed, Rand: r, owed: map[uint64]messages.Outgoing{}, answers: map[uint64]error{}}
			cfg := Config{Messages: 1 + r.IntN(20), Bytes: 1 + r.IntN(300), Full: FullPolicy(r.IntN(4))}
			if r.IntN(2) == 0 {
				cfg.Acked = func(_ messages.Kind, data []byte) (Ack, bool) {
					id, through := strings.CutPrefix(string(data), "through ")
					return Ack{ID: id, Through: through}, true
				}
			}
			if r.IntN(2) == 0 {
				dice := rand.New(rand.NewPCG(seed, 0)) // used on the goroutine of the store
				md.store = &fakeStore{fails: func() bool { return dice.IntN(20) == 0 }}
				cfg.Store = md.store
			}
			md.box = New(cfg, slog.New(slog.DiscardHandler))
			md.box.Start(func(any) {}, md.answer)
			md.run(100 + r.IntN(200))
		})
		if t.Failed() {
			return
		}
	}
}

// What a supervisor leaves in the store the next one sends, in front of its own.
func TestStoreSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{fails: func() bool { return false }}
		var answers []string
		answer := func(_ uint64, r protocol.Reply, err error) {
			answers = append(answers, fmt.Sprintf("%d: %v", r.Ref, err))
		}
		begin := func() *Queue {
			box := New(Config{Store: store}, slog.New(slog.DiscardHandler))
			box.Start(func(any) {}, answer)
			return box
		}
		text := func(s string) messages.Outgoing { return messages.Outgoing{Kind: messages.KindText, Data: []byte(s)} }
		one := begin()
		require.NoError(t, one.Send(text("a"), protocol.Reply{Ref: 1}))
		require.NoError(t, one.Send(text("b"), protocol.Reply{Ref: 2}))
		synctest.Wait() // until both are stored
		closed := make(chan struct{})
		one.Close(func() { close(closed) })
		<-closed
		require.Equal(t, []string{"1: client is stopped: kept in the outbox store", "2: client is stopped: kept in the outbox store"}, answers)
		require.ErrorIs(t, one.Send(text("x"), protocol.Reply{}), messages.ErrClosed)

		answers = nil
		two := begin()
		require.NoError(t, two.Send(text("c"), protocol.Reply{Ref: 3}))
		synctest.Wait()
		conn := &fakeConn{room: 10}
		two.Attach(1, conn)
		conn.take()
		conn.write()
		synctest.Wait()
		require.Equal(t, []string{"a", "b", "c"}, conn.written)
		require.Equal(t, "3: <nil>", answers[len(answers)-1])
		require.Empty(t, store.kept)
	})
}

// A store that fails refuses; it may recover.
func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := true
		store := &fakeStore{fails: func() bool { return fails }}
		box := New(Config{Store: store}, slog.New(slog.DiscardHandler))
		var events []any
		box.Start(func(e any) { events = append(events, e) }, func(uint64, protocol.Reply, error) {})
		m := messages.Outgoing{Kind: messages.KindText, Data: []byte("a")}
		stored, err := box.Keep(m)
		require.NoError(t, err)
		require.ErrorIs(t, <-stored, errDisk)
		synctest.Wait()
		require.Len(t, events, 2)
		require.Equal(t, &messages.OutboxFailed{Call: "append", Err: errDisk}, events[0])
		require.ErrorIs(t, events[1].(*messages.OutboxDropped).Reason, errDisk)
		fails = false
		stored, err = box.Keep(m)
		require.NoError(t, err)
		require.NoError(t, <-stored)
		require.Len(t, store.kept, 1)
	})
}

// slowStore has one message, which can be read as soon as read is closed.
type slowStore struct {
	fakeStore
	read chan struct{}
}

func (s *slowStore) Replay(f func(StoredMessage) error) error {
	<-s.read
	if s.fails() {
		return errDisk
	}
	return s.fakeStore.Replay(f)
}

// refusing is a connection that refuses a message, with something else happening meanwhile.
type refusing struct {
	fakeConn
	err       error
	meanwhile func()
}

func (c *refusing) Send(messages.Kind, []byte, protocol.Reply) error {
	c.meanwhile()
	return c.err
}

// A message that the connection refuses while the outbox is closed is answered as well.
func TestOutboxClosesDuringASend(t *testing.T) {
	for _, refusal := range []error{&messages.CloseError{Code: 1006}, messages.ErrQueueFull, messages.ErrInvalidUTF8} {
		t.Run(refusal.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := New(Config{}, slog.New(slog.DiscardHandler))
				var answers []error
				box.Start(func(any) {}, func(_ uint64, _ protocol.Reply, err error) { answers = append(answers, err) })
				require.NoError(t, box.Send(messages.Outgoing{Kind: messages.KindText, Data: []byte("a")}, protocol.Reply{Ref: 1}))
				box.Attach(1, &refusing{err: refusal, meanwhile: func() { box.Close(func() {}) }})
				synctest.Wait()
				require.Len(t, answers, 1)
				require.Error(t, answers[0])
			})
		})
	}
}

// A flush waits for what the store has, also while it is not known yet what that is.
func TestOutboxFlushesWhatIsNotReadYet(t *testing.T) {
	for name, fails := range map[string]bool{"read": false, "cannot be read": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &slowStore{read: make(chan struct{})}
				store.fails = func() bool { return fails }
				store.kept = []StoredMessage{{Seq: 7, Outgoing: messages.Outgoing{Kind: messages.KindText, Data: []byte("a")}}}
				box := New(Config{Store: store}, slog.New(slog.DiscardHandler))
				box.Start(func(any) {}, func(uint64, protocol.Reply, error) {})

				empty, known := false, make(chan error, 1)
				box.Seal(messages.ErrStopped, func() { empty = true })
				go func() { known <- box.Loaded(t.Context()) }()
				synctest.Wait()
				require.False(t, empty, "it is not known yet what the store has")
				require.Empty(t, known)

				close(store.read)
				synctest.Wait()
				require.NoError(t, <-known)
				require.Equal(t, fails, empty)
				conn := &fakeConn{room: 10}
				box.Attach(1, conn)
				conn.take()
				conn.write()
				synctest.Wait()
				require.True(t, empty)
				if fails {
					require.Len(t, store.kept, 1)
				} else {
					require.Equal(t, []string{"a"}, conn.written)
					require.Empty(t, store.kept)
				}
			})
		})
	}
}

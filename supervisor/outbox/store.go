package outbox

// This file is how the outbox talks to its Store.

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// storing is the part of a Queue that talks to its Store, on a goroutine that lives while there
// is work. What gathers while the Store is busy goes there in one call.
type storing struct {
	running bool
	loaded  bool          // Replay has succeeded
	tried   chan struct{} // closed when Replay was tried: its messages are held
	seq     uint64
	appends []*entry
	acks    []uint64
}

// wasTried reports whether Replay was tried.
func (s *storing) wasTried() bool {
	select {
	case <-s.tried:
		return true
	default:
		return false
	}
}

// Loaded waits until the messages of an earlier program are held, or cannot be read.
func (q *Queue) Loaded(ctx context.Context) error {
	if q == nil || q.cfg.Store == nil {
		return nil
	}
	select {
	case <-q.store.tried:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("outbox: its store has not been read: %w", ctx.Err())
	}
}

// wakeStore ensures that the Store is told the news.
func (q *Queue) wakeStore() {
	if !q.store.running {
		q.store.running = true
		go q.runStore()
	}
}

func (q *Queue) runStore() {
	for first := true; ; first = false {
		q.mu.Lock()
		loaded := q.store.loaded
		appends, acks := q.store.appends, q.store.acks
		q.store.appends, q.store.acks = nil, nil
		if len(appends)+len(acks) == 0 && (loaded || !first) {
			q.store.running = false
			q.unlock()
			return
		}
		q.mu.Unlock()
		err := error(nil)
		if !loaded {
			err = q.load()
		}
		if len(appends) > 0 {
			q.appendAll(appends, err)
		}
		if len(acks) > 0 {
			if err := safely(func() error { return q.cfg.Store.Ack(acks) }); err != nil {
				q.failed("ack", err)
			}
		}
		q.pump()
	}
}

// load puts the messages of an earlier program in front of everything.
func (q *Queue) load() error {
	var left []StoredMessage
	err := safely(func() error {
		return q.cfg.Store.Replay(func(m StoredMessage) error {
			left = append(left, m)
			return nil
		})
	})
	if err != nil {
		q.failed("replay", err)
	}
	q.mu.Lock()
	defer q.unlock()
	if !q.store.wasTried() {
		close(q.store.tried)
	}
	if err != nil {
		return err
	}
	q.store.loaded = true
	var after *entry
	for _, m := range left {
		q.store.seq = max(q.store.seq, m.Seq)
		e := &entry{box: q, m: m.Outgoing, seq: m.Seq, state: entryHeld, since: time.Now(), expires: m.Expires, index: -1}
		q.link(e, after)
		after = e
		q.expireLater(e)
		if q.closed {
			q.leave(e, nil)
		}
	}
	q.cursor = q.first
	return nil
}

// appendAll stores new messages. If err is not nil it is why that is not possible.
func (q *Queue) appendAll(entries []*entry, err error) {
	q.mu.Lock()
	batch := make([]StoredMessage, 0, len(entries))
	seqs := make([]uint64, len(entries))
	for i, e := range entries {
		if e.state != entryAnswered {
			q.store.seq++
			seqs[i] = q.store.seq
			batch = append(batch, StoredMessage{Seq: seqs[i], Outgoing: e.m, Expires: e.expires})
		}
	}
	q.mu.Unlock()
	if err == nil && len(batch) > 0 {
		err = safely(func() error { return q.cfg.Store.Append(batch) })
	}
	if err != nil {
		q.failed("append", err)
	}
	q.mu.Lock()
	defer q.unlock()
	for i, e := range entries {
		switch {
		case e.state == entryAnswered && err == nil && seqs[i] != 0: // expired meanwhile
			q.store.acks = append(q.store.acks, seqs[i])
		case e.state == entryAnswered:
		case err != nil:
			q.remove(e, q.epoch, fmt.Errorf("outbox: not stored: %w", err))
		default:
			e.seq, e.state = seqs[i], entryHeld
			if e.stored != nil {
				e.stored <- nil // it has room
				e.stored = nil
			}
			if q.closed {
				q.leave(e, nil)
			}
		}
	}
}

// failed reports an error of the Store.
func (q *Queue) failed(what string, err error) {
	q.logger.Error("dandelion: outbox store failed", slog.String("call", what), slog.Any("error", err))
	q.mu.Lock()
	q.events = append(q.events, &messages.OutboxFailed{Epoch: q.epoch, Call: what, Err: err})
	q.unlock()
}

// safely turns a panic into an error.
func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}

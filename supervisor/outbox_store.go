package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// storing is the part of an Outbox that talks to its OutboxStore, on a goroutine
// that is there while there is work. What gathers while the store is busy goes
// there in one call.
type storing struct {
	running bool
	loaded  bool          // Replay has succeeded
	tried   chan struct{} // closed when Replay was tried: what it gives is held
	seq     uint64
	appends []*entry
	acks    []uint64
}

// wasTried says whether Replay was tried.
func (s *storing) wasTried() bool {
	select {
	case <-s.tried:
		return true
	default:
		return false
	}
}

// awaitStore waits until what an earlier program has left is held, or cannot be read.
func (o *Outbox) awaitStore(ctx context.Context) error {
	if o == nil || o.Store == nil {
		return nil
	}
	select {
	case <-o.store.tried:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("outbox: its store has not been read: %w", ctx.Err())
	}
}

// wakeStore sees to it that the store is told what there is to tell.
func (o *Outbox) wakeStore() {
	if !o.store.running {
		o.store.running = true
		go o.runStore()
	}
}

func (o *Outbox) runStore() {
	for first := true; ; first = false {
		o.mu.Lock()
		loaded := o.store.loaded
		appends, acks := o.store.appends, o.store.acks
		o.store.appends, o.store.acks = nil, nil
		if len(appends)+len(acks) == 0 && (loaded || !first) {
			o.store.running = false
			o.unlock()
			return
		}
		o.mu.Unlock()
		err := error(nil)
		if !loaded {
			err = o.load()
		}
		if len(appends) > 0 {
			o.appendAll(appends, err)
		}
		if len(acks) > 0 {
			if err := safely(func() error { return o.Store.Ack(acks) }); err != nil {
				o.failed("ack", err)
			}
		}
		o.pump()
	}
}

// load puts what an earlier program has left in front of everything.
func (o *Outbox) load() error {
	var left []StoredMessage
	err := safely(func() error {
		return o.Store.Replay(func(m StoredMessage) error {
			left = append(left, m)
			return nil
		})
	})
	if err != nil {
		o.failed("replay", err)
	}
	o.mu.Lock()
	defer o.unlock()
	if !o.store.wasTried() {
		close(o.store.tried)
	}
	if err != nil {
		return err
	}
	o.store.loaded = true
	var after *entry
	for _, m := range left {
		o.store.seq = max(o.store.seq, m.Seq)
		e := &entry{box: o, m: m.Outgoing, seq: m.Seq, state: entryHeld, since: time.Now(), expires: m.Expires, index: -1}
		o.link(e, after)
		after = e
		o.expireLater(e)
		if o.closed {
			o.giveUp(e, nil)
		}
	}
	o.cursor = o.first
	return nil
}

// appendAll stores new messages; err is why that is not possible.
func (o *Outbox) appendAll(entries []*entry, err error) {
	o.mu.Lock()
	batch := make([]StoredMessage, 0, len(entries))
	seqs := make([]uint64, len(entries))
	for i, e := range entries {
		if e.state != entryDone {
			o.store.seq++
			seqs[i] = o.store.seq
			batch = append(batch, StoredMessage{Seq: seqs[i], Outgoing: e.m, Expires: e.expires})
		}
	}
	o.mu.Unlock()
	if err == nil && len(batch) > 0 {
		err = safely(func() error { return o.Store.Append(batch) })
	}
	if err != nil {
		o.failed("append", err)
	}
	o.mu.Lock()
	defer o.unlock()
	for i, e := range entries {
		switch {
		case e.state == entryDone && err == nil && seqs[i] != 0: // expired meanwhile
			o.store.acks = append(o.store.acks, seqs[i])
		case e.state == entryDone:
		case err != nil:
			o.finish(e, o.epoch, fmt.Errorf("outbox: not stored: %w", err))
		default:
			e.seq, e.state = seqs[i], entryHeld
			if e.stored != nil {
				e.stored <- nil // it has room
				e.stored = nil
			}
			if o.closed {
				o.giveUp(e, nil)
			}
		}
	}
}

// failed reports an error of the store.
func (o *Outbox) failed(what string, err error) {
	o.logger.Error("dandelion: outbox store failed", slog.String("call", what), slog.Any("error", err))
	o.mu.Lock()
	o.events = append(o.events, &messages.OutboxFailed{Epoch: o.epoch, Call: what, Err: err})
	o.unlock()
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

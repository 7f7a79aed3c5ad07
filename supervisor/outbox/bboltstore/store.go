// This file is the Store: its file, its transactions, and what becomes of their failures.

package bboltstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/dandelionws/dandelion/supervisor/outbox"
)

// Options say how a file is opened. The zero value is good.
type Options struct {
	// LockTimeout is how long Open waits while the file is in use. Default 1 s;
	// less than 0: not at all.
	LockTimeout time.Duration
	// NoSync leaves the writing to the disk to the operating system. That is much
	// faster, and nothing is lost when the program is killed; but when the system
	// crashes, or its power fails, messages may be lost and the file damaged.
	NoSync bool
	// Mode are the permissions of a new file, before umask. Default 0600.
	Mode os.FileMode
}

// bucketName names the format as well: another one gets another name.
var bucketName = []byte("dandelion outbox 1")

// replayMessages and replayBytes bound what Replay has in memory at once.
const (
	replayMessages = 1024
	replayBytes    = 1 << 20
)

var errForeign = errors.New("it is the file of another program or version")

// Store is an outbox store in a file. Its methods are safe for concurrent use.
type Store struct {
	path string

	mu     sync.Mutex
	db     *bbolt.DB
	file   *os.File // that of db
	update func(func(*bbolt.Tx) error) error
	closed bool
	broken *CorruptError // bbolt has panicked and may hold its locks
	// undone are the messages of an Append that has failed and may be in the file.
	undone []uint64
}

var _ outbox.Store = (*Store)(nil)

// Open opens the file at path, or makes it; its directory has to exist. opts may be
// nil. Errors: ErrLocked, *CorruptError, those of the operating system.
func Open(path string, opts *Options) (*Store, error) {
	if opts == nil {
		opts = &Options{}
	}
	timeout, mode := opts.LockTimeout, opts.Mode
	switch {
	case timeout == 0:
		timeout = time.Second
	case timeout < 0:
		timeout = 1 // bbolt tries once, and takes 0 for ever
	}
	if mode == 0 {
		mode = 0o600
	}
	s := &Store{path: path}
	config := *bbolt.DefaultOptions
	config.Timeout, config.NoSync = timeout, opts.NoSync
	config.FreelistType = bbolt.FreelistMapType
	config.OpenFile = func(name string, flag int, perm os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, perm)
		s.file = f
		return f, err
	}
	err := s.guard(func() (err error) {
		if s.db, err = bbolt.Open(path, mode, &config); err != nil {
			return err
		}
		s.update = s.db.Update
		return s.prepare()
	})
	if err == nil && !opts.NoSync {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		_ = s.Close() // the first error counts
		return nil, s.failure("open", err)
	}
	return s, nil
}

// prepare makes the bucket of a new file. That of another program is left alone.
func (s *Store) prepare() error {
	empty, ready := true, false
	err := s.db.View(func(tx *bbolt.Tx) error {
		first, _ := tx.Cursor().First()
		empty, ready = first == nil, tx.Bucket(bucketName) != nil
		return nil
	})
	switch {
	case err != nil || ready:
		return err
	case !empty:
		return &CorruptError{Path: s.path, Err: errForeign}
	}
	return s.update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(bucketName)
		return err
	})
}

// syncDir makes the entry of a new file survive a loss of power.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it does so by itself
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err // the two are of file systems that have nothing to sync
	}
	return nil
}

// Close waits for the call under way and closes the file. Close it when the client
// has ended ([dandelion.Client.Done]): what is sent later fails with ErrClosed. A
// second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	switch {
	case s.broken == nil && s.db != nil:
		err = s.db.Close()
	case s.file != nil:
		// bbolt may hold locks that its Close would wait for, so the mapping of the
		// file stays until the program ends. After a failed Open it is closed already.
		_ = unlock(s.file)
		if err = s.file.Close(); errors.Is(err, os.ErrClosed) {
			err = nil
		}
	}
	if err != nil {
		return s.failure("close", err)
	}
	return nil
}

// Append implements [outbox.Store]: when it returns nil the messages are on
// disk. It is one transaction. Errors: ErrClosed, ErrOrder, *CorruptError, those of
// the operating system.
func (s *Store) Append(messages []outbox.StoredMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.guard(func() error {
		if err := s.takeBack(); err != nil {
			return fmt.Errorf("an earlier failure is not mended: %w", err)
		}
		if len(messages) == 0 {
			return nil
		}
		committing := false
		err := s.inBucket(func(b *bbolt.Bucket) error {
			last := uint64(0)
			if key, _ := b.Cursor().Last(); key != nil {
				if len(key) != 8 {
					return &CorruptError{Path: s.path, Err: errKey}
				}
				last = binary.BigEndian.Uint64(key)
			}
			for i := range messages {
				m := &messages[i]
				if m.Seq <= last {
					return fmt.Errorf("message %d after %d: %w", m.Seq, last, ErrOrder)
				}
				last = m.Seq
				key := keyOf(m.Seq)
				value, err := encode(key, m)
				if err != nil {
					return fmt.Errorf("message %d: %w", m.Seq, err)
				}
				if err := b.Put(key, value); err != nil {
					return err
				}
			}
			committing = true
			return nil
		})
		if err != nil && committing {
			// A flush that fails last leaves the messages where the next transaction
			// finds them.
			for i := range messages {
				s.undone = append(s.undone, messages[i].Seq)
			}
			if again := s.takeBack(); again != nil {
				err = errors.Join(err, again)
			}
		}
		return err
	})
	return s.failure("append", err)
}

// takeBack removes what a failed Append has left.
func (s *Store) takeBack() error {
	if len(s.undone) == 0 {
		return nil
	}
	left := false
	err := s.db.View(func(tx *bbolt.Tx) error {
		b, err := s.bucket(tx)
		if err != nil {
			return err
		}
		left = slices.ContainsFunc(s.undone, func(seq uint64) bool { return b.Get(keyOf(seq)) != nil })
		return nil
	})
	if err == nil && left {
		err = s.remove(s.undone)
	}
	if err == nil {
		s.undone = nil
	}
	return err
}

// Ack implements [outbox.Store]: when it returns nil the messages will not be
// replayed. Those that are not there are none of its business. Errors: ErrClosed,
// *CorruptError, those of the operating system; all of the messages are then still there.
func (s *Store) Ack(seqs []uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure("ack", s.guard(func() error {
		if len(seqs) == 0 {
			return nil
		}
		return s.remove(seqs)
	}))
}

func (s *Store) remove(seqs []uint64) error {
	return s.inBucket(func(b *bbolt.Bucket) error {
		for _, seq := range seqs {
			if err := b.Delete(keyOf(seq)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Replay implements [outbox.Store]. It reads up to 1 MiB, or one message, at
// a time. f may keep the message and may call Ack. Errors: that of f, ErrClosed,
// *CorruptError when what precedes the damage was replayed.
func (s *Store) Replay(f func(m outbox.StoredMessage) error) error {
	for next := uint64(0); ; {
		batch, err := s.read(next)
		for _, m := range batch {
			if err := f(m); err != nil {
				return err
			}
			next = m.Seq + 1
		}
		// 0: there is no larger number.
		if err != nil || len(batch) == 0 || next == 0 {
			return err
		}
	}
}

// read returns messages from next on; none means that there are none. Those before a
// damaged one come with its error.
func (s *Store) read(next uint64) (batch []outbox.StoredMessage, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			b, err := s.bucket(tx)
			if err != nil {
				return err
			}
			size, c := 0, b.Cursor()
			for key, value := c.Seek(keyOf(next)); key != nil; key, value = c.Next() {
				size += len(value)
				if len(batch) == replayMessages || len(batch) > 0 && size > replayBytes {
					return nil
				}
				m, err := decode(key, value)
				if err != nil {
					return &CorruptError{Path: s.path, Seq: m.Seq, Err: err}
				}
				if !slices.Contains(s.undone, m.Seq) {
					batch = append(batch, m)
				}
			}
			return nil
		})
	})
	return batch, s.failure("replay", err)
}

func (s *Store) inBucket(f func(*bbolt.Bucket) error) error {
	return s.update(func(tx *bbolt.Tx) error {
		b, err := s.bucket(tx)
		if err != nil {
			return err
		}
		return f(b)
	})
}

func (s *Store) bucket(tx *bbolt.Tx) (*bbolt.Bucket, error) {
	b := tx.Bucket(bucketName)
	if b == nil {
		return nil, &CorruptError{Path: s.path, Err: errors.New("its bucket is missing")}
	}
	return b, nil
}

// guard calls bbolt, with mu held. bbolt panics on a damaged file, and reads a mapping
// that faults where the file was cut or the disk fails.
func (s *Store) guard(f func() error) (err error) {
	switch {
	case s.closed:
		return ErrClosed
	case s.broken != nil:
		return s.broken
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			s.broken = &CorruptError{Path: s.path, Err: fmt.Errorf("bbolt panicked: %v", p)}
			err = s.broken
		}
	}()
	return f()
}

// failure says what has failed where.
func (s *Store) failure(what string, err error) error {
	var corrupt *CorruptError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &corrupt):
		return err
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return &CorruptError{Path: s.path, Err: err}
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("bboltstore: %s %s: %w; close the other Store, or end its program", what, s.path, ErrLocked)
	}
	return fmt.Errorf("bboltstore: %s %s: %w", what, s.path, err)
}

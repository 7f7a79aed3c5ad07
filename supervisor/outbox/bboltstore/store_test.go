package bboltstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
)

func tempFile(t testing.TB) string { return filepath.Join(t.TempDir(), "outbox.db") }

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // some are closed, some broken
	return s
}

func text(seq uint64, data string) outbox.StoredMessage {
	return outbox.StoredMessage{Seq: seq, Outgoing: messages.Outgoing{Kind: messages.KindText, Data: []byte(data)}}
}

func texts(seqs ...uint64) (all []outbox.StoredMessage) {
	for _, seq := range seqs {
		all = append(all, text(seq, fmt.Sprint("message ", seq)))
	}
	return all
}

func replay(t testing.TB, s *Store) []outbox.StoredMessage {
	t.Helper()
	var all []outbox.StoredMessage
	require.NoError(t, s.Replay(func(m outbox.StoredMessage) error {
		all = append(all, m)
		return nil
	}))
	return all
}

func seqs(all []outbox.StoredMessage) []uint64 {
	list := []uint64{}
	for _, m := range all {
		list = append(list, m.Seq)
	}
	return list
}

// Each case is a run of calls; what Replay then gives is the same before and after
// the file was closed and opened again.
func TestContract(t *testing.T) {
	appends := func(want error, seqs ...uint64) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) { require.ErrorIs(t, s.Append(texts(seqs...)), want) }
	}
	acks := func(seqs ...uint64) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) { require.NoError(t, s.Ack(seqs)) }
	}
	type steps []func(*testing.T, *Store)
	for _, tc := range []struct {
		name  string
		steps steps
		want  []uint64
	}{
		{"a new store is empty", nil, []uint64{}},
		{"what was appended is replayed in order", steps{appends(nil, 1, 2), appends(nil, 3), appends(nil, 300, 70000)}, []uint64{1, 2, 3, 300, 70000}},
		{"what was acknowledged is not", steps{appends(nil, 1, 2, 3), acks(2)}, []uint64{1, 3}},
		{"acknowledging again, or what was never there", steps{appends(nil, 1, 2), acks(1), acks(1, 99)}, []uint64{2}},
		{"nothing appended, nothing acknowledged", steps{appends(nil, 1), appends(nil), acks()}, []uint64{1}},
		{"numbers may begin again when all is acknowledged", steps{appends(nil, 7, 8), acks(7, 8), appends(nil, 1)}, []uint64{1}},
		{"a number that is there already", steps{appends(nil, 1, 2), appends(ErrOrder, 2)}, []uint64{1, 2}},
		{"an append that fails leaves none of its messages", steps{appends(nil, 1), appends(ErrOrder, 2, 3, 3), appends(nil, 2)}, []uint64{1, 2}},
		{"number 0 is none", steps{appends(ErrOrder, 0)}, []uint64{}},
		{"the largest number", steps{appends(nil, 1, math.MaxUint64)}, []uint64{1, math.MaxUint64}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := tempFile(t)
			s := open(t, path)
			for _, step := range tc.steps {
				step(t, s)
			}
			require.Equal(t, tc.want, seqs(replay(t, s)))
			require.Equal(t, tc.want, seqs(replay(t, s)), "a second replay")
			require.NoError(t, s.Close())
			require.Equal(t, tc.want, seqs(replay(t, open(t, path))), "after opening it again")
		})
	}
}

func TestMessagesComeBackWhole(t *testing.T) {
	all := texts(1)
	all = append(all,
		outbox.StoredMessage{Seq: 2, Expires: time.Now().Round(0), Outgoing: messages.Outgoing{
			Kind: messages.KindBinary, Data: []byte{0, 255}, Delivery: messages.Delivery{TTL: time.Hour, Resend: true, ID: "order 7"},
		}},
		outbox.StoredMessage{Seq: 3, Expires: time.Now().Round(0).Add(math.MaxInt64), Outgoing: messages.Outgoing{
			Kind: messages.KindText, Data: []byte{}, Delivery: messages.Delivery{TTL: math.MaxInt64, ID: "é"},
		}},
		text(4, string(make([]byte, 3*replayBytes))),
	)
	s := open(t, tempFile(t))
	require.NoError(t, s.Append(all))
	got := replay(t, s)
	require.Len(t, got, len(all))
	for i := range all {
		require.True(t, all[i].Expires.Equal(got[i].Expires), "message %d expires %v, want %v", i+1, got[i].Expires, all[i].Expires)
		got[i].Expires = all[i].Expires
	}
	require.Equal(t, all, got)
}

func TestUnknownKindIsRefused(t *testing.T) {
	s := open(t, tempFile(t))
	require.ErrorIs(t, s.Append([]outbox.StoredMessage{{Seq: 1}}), messages.ErrInvalidKind)
	require.Empty(t, replay(t, s))
}

// Replay is in pieces; what f does to the store meanwhile does not disturb it.
func TestReplayInPieces(t *testing.T) {
	s := open(t, tempFile(t))
	var all []outbox.StoredMessage
	for seq := range uint64(2*replayMessages + 10) {
		all = append(all, texts(seq+1)...)
	}
	require.NoError(t, s.Append(all))
	stop := errors.New("enough")
	count := 0
	require.ErrorIs(t, s.Replay(func(outbox.StoredMessage) error {
		if count++; count == replayMessages+5 {
			return stop
		}
		return nil
	}), stop)
	require.Equal(t, seqs(all), seqs(replay(t, s)))
	require.NoError(t, s.Replay(func(m outbox.StoredMessage) error {
		if m.Seq%500 == 0 {
			return s.Ack([]uint64{m.Seq})
		}
		return nil
	}))
	require.Len(t, replay(t, s), len(all)-len(all)/500)
	require.Panics(t, func() { _ = s.Replay(func(outbox.StoredMessage) error { panic("of the caller") }) })
	require.Len(t, replay(t, s), len(all)-len(all)/500, "a panic of the caller does no harm")
}

func TestClosedStore(t *testing.T) {
	s := open(t, tempFile(t))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "a second Close")
	require.ErrorIs(t, s.Append(texts(1)), ErrClosed)
	require.ErrorIs(t, s.Append(nil), ErrClosed)
	require.ErrorIs(t, s.Ack([]uint64{1}), ErrClosed)
	require.ErrorIs(t, s.Replay(nil), ErrClosed)
}

func TestFileIsLocked(t *testing.T) {
	path := tempFile(t)
	s := open(t, path)
	_, err := Open(path, &Options{LockTimeout: -1})
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, s.Append(texts(1)))

	// One that waits gets it.
	got := make(chan error, 1)
	go func() {
		next, err := Open(path, &Options{LockTimeout: 10 * time.Second})
		if err == nil {
			err = next.Close()
		}
		got <- err
	}()
	require.NoError(t, s.Close())
	require.NoError(t, <-got)
}

func TestOpenFails(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "no such directory", "outbox.db"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Open(t.TempDir(), nil)
	var pathError *os.PathError
	require.ErrorAs(t, err, &pathError)
}

func TestModeOfTheFile(t *testing.T) {
	path := tempFile(t)
	open(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestConcurrentUse(t *testing.T) {
	s, err := Open(tempFile(t), &Options{NoSync: true})
	require.NoError(t, err)
	const count = 300
	appended := make(chan uint64, count)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(appended)
		for seq := range uint64(count) {
			if err := s.Append(texts(seq + 1)); err != nil {
				t.Error(err)
				return
			}
			appended <- seq + 1
		}
	})
	wg.Go(func() {
		for seq := range appended {
			if seq%2 == 0 {
				continue
			}
			if err := s.Ack([]uint64{seq}); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			for range 50 {
				last := uint64(0)
				err := s.Replay(func(m outbox.StoredMessage) error {
					if m.Seq <= last || string(m.Data) != fmt.Sprint("message ", m.Seq) {
						return fmt.Errorf("got message %d %q after %d", m.Seq, m.Data, last)
					}
					last = m.Seq
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, replay(t, s), count/2)

	// Close among other calls: each has worked or says that it is closed.
	for range 4 {
		wg.Go(func() {
			for {
				if err := s.Ack([]uint64{2}); err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	require.NoError(t, s.Close())
	wg.Wait()
}

// A disk that fails is an error, and nothing of the append is there later.
func TestFailingDisk(t *testing.T) {
	path := tempFile(t)
	s := open(t, path)
	require.NoError(t, s.Append(texts(1)))
	require.NoError(t, s.file.Close()) // all writes fail from now on
	require.ErrorIs(t, s.Append(texts(2)), os.ErrClosed)
	require.ErrorIs(t, s.Ack([]uint64{1}), os.ErrClosed)
	require.Equal(t, []uint64{1}, seqs(replay(t, s)))
	require.Error(t, s.Close())
	require.Equal(t, []uint64{1}, seqs(replay(t, open(t, path))))
}

// When the last flush of a commit fails the messages are in the file all the same.
func TestFailedFlush(t *testing.T) {
	path := tempFile(t)
	s := open(t, path)
	flush := errors.New("flush failed")
	failing, good := 0, s.update
	s.update = func(f func(*bbolt.Tx) error) error {
		if failing == 0 {
			return good(f)
		}
		if failing--; failing == 0 {
			return errors.Join(flush, good(f)) // committed, and nobody knows
		}
		return flush
	}
	require.NoError(t, s.Append(texts(1)))

	failing = 1
	require.ErrorIs(t, s.Append(texts(2, 3)), flush)
	require.Equal(t, []uint64{1}, seqs(replay(t, s)), "they were taken back at once")
	require.NoError(t, s.Append(texts(4)))

	// Taking back fails as well.
	failing = 1
	again := s.update
	s.update = func(f func(*bbolt.Tx) error) error {
		err := again(f)
		if err != nil {
			s.update = func(func(*bbolt.Tx) error) error { return flush }
		}
		return err
	}
	require.ErrorIs(t, s.Append(texts(5)), flush)
	require.Equal(t, []uint64{1, 4}, seqs(replay(t, s)))
	require.ErrorContains(t, s.Append(texts(6)), "not mended")
	s.update = good
	require.NoError(t, s.Append(texts(6)))
	require.NoError(t, s.Close())
	require.Equal(t, []uint64{1, 4, 6}, seqs(replay(t, open(t, path))))
}

// damage changes the value of a message in a closed file.
func damage(t *testing.T, path string, seq uint64, change func([]byte) []byte) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketName)
		value := append([]byte(nil), b.Get(keyOf(seq))...)
		return b.Put(keyOf(seq), change(value))
	}))
	require.NoError(t, db.Close())
}

func TestDamagedMessage(t *testing.T) {
	resum := func(b []byte) []byte { // damage that a checksum does not show
		b = b[:len(b)-sumSize]
		return binary.BigEndian.AppendUint32(b, checksum(keyOf(2), b))
	}
	for _, tc := range []struct {
		name   string
		change func([]byte) []byte
		want   error
	}{
		{"one bit", func(b []byte) []byte { b[headSize+3] ^= 4; return b }, errChecksum},
		{"cut", func(b []byte) []byte { return b[:5] }, errShort},
		{"empty", func([]byte) []byte { return nil }, errShort},
		{"kind", func(b []byte) []byte { b[0] = 9; return resum(b) }, errFields},
		{"flags", func(b []byte) []byte { b[1] = 128; return resum(b) }, errFields},
		{"length of the ID", func(b []byte) []byte { b[22] = 255; return resum(b) }, errShort},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := tempFile(t)
			s := open(t, path)
			require.NoError(t, s.Append(texts(1, 2, 3)))
			require.NoError(t, s.Close())
			damage(t, path, 2, tc.change)

			s = open(t, path)
			var got []outbox.StoredMessage
			err := s.Replay(func(m outbox.StoredMessage) error {
				got = append(got, m)
				return nil
			})
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.ErrorIs(t, err, tc.want)
			require.Equal(t, uint64(2), corrupt.Seq)
			require.Equal(t, path, corrupt.Path)
			require.Equal(t, texts(1), got)
			require.NoError(t, s.Ack([]uint64{corrupt.Seq}))
			require.Equal(t, texts(1, 3), replay(t, s))
		})
	}
}

func TestForeignFile(t *testing.T) {
	path := tempFile(t)
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("of somebody else"))
		return err
	}))
	require.NoError(t, db.Close())
	_, err = Open(path, nil)
	require.ErrorIs(t, err, errForeign)
	_, err = Open(path, &Options{LockTimeout: -1})
	require.ErrorIs(t, err, errForeign, "and not that it is locked")
}

// Whatever is in the file, there is an error or the messages, and never a panic.
func TestDamagedFile(t *testing.T) {
	path := tempFile(t)
	s := open(t, path)
	for seq := range uint64(200) {
		require.NoError(t, s.Append([]outbox.StoredMessage{text(seq+1, string(make([]byte, 100)))}))
	}
	require.NoError(t, s.Close())
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	page := os.Getpagesize()

	type change struct {
		name string
		data []byte
	}
	var changes []change
	add := func(name string, data []byte) { changes = append(changes, change{name, data}) }
	add("no database", []byte("this is not a database"))
	add("zeros", make([]byte, len(good)))
	for i := 1; i*page < len(good); i++ {
		add(fmt.Sprintf("cut to %d pages", i), good[:i*page])
	}
	for i := 0; i*page < len(good); i++ {
		for _, fill := range []byte{0, 0xff} {
			data := append([]byte(nil), good...)
			for j := range page {
				data[i*page+j] = fill
			}
			add(fmt.Sprintf("page %d is %#x", i, fill), data)
		}
		for j := 0; j < 64; j += 8 {
			data := append([]byte(nil), good...)
			data[i*page+j] ^= 0x41
			add(fmt.Sprintf("page %d byte %d", i, j), data)
		}
	}
	failed, short := 0, 0
	for _, c := range changes {
		require.NoError(t, os.WriteFile(path, c.data, 0o600))
		replayed := 0
		use := func() (err error) {
			s, err := Open(path, &Options{LockTimeout: -1, NoSync: true})
			if err != nil {
				return err
			}
			defer func() {
				if e := s.Close(); err == nil {
					err = e
				}
			}()
			return errors.Join(
				s.Replay(func(m outbox.StoredMessage) error {
					replayed++
					if string(m.Data) != string(make([]byte, 100)) {
						t.Errorf("%s: message %d is wrong", c.name, m.Seq)
					}
					return nil
				}),
				s.Append(texts(1000)), s.Ack([]uint64{5, 100}), s.Append(texts(1001)))
		}
		require.NotPanics(t, func() {
			err := use()
			require.NotErrorIs(t, err, ErrLocked, "%s: the one before has left its lock", c.name)
			switch {
			case err != nil:
				failed++
			case replayed != 200:
				short++ // see the package comment: bbolt's pages have no checksum
			}
		}, c.name)
	}
	t.Logf("%d damaged files: %d gave an error, %d fewer messages without one", len(changes), failed, short)
}

// A file that is cut while it is open faults where it is mapped.
func TestFileCutWhileOpen(t *testing.T) {
	path := tempFile(t)
	s := open(t, path)
	require.NoError(t, s.Append([]outbox.StoredMessage{text(1, string(make([]byte, 1<<16)))}))
	require.NoError(t, os.Truncate(path, 0))
	var corrupt *CorruptError
	require.ErrorAs(t, s.Append(texts(2)), &corrupt)
	require.ErrorAs(t, s.Append(texts(2)), &corrupt, "and it says so again")
	require.ErrorAs(t, s.Replay(nil), &corrupt)
	require.NoError(t, s.Close())
}

func BenchmarkAppendAck(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		for _, size := range []int{1, 100} {
			b.Run(fmt.Sprintf("nosync=%v/batch=%d", noSync, size), func(b *testing.B) {
				s, err := Open(tempFile(b), &Options{NoSync: noSync})
				require.NoError(b, err)
				defer s.Close()
				seq := uint64(0)
				for b.Loop() {
					batch, acks := make([]outbox.StoredMessage, size), make([]uint64, size)
					for i := range batch {
						seq++
						batch[i], acks[i] = text(seq, "a message of some length, as they are"), seq
					}
					if err := errors.Join(s.Append(batch), s.Ack(acks)); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(seq), "µs/message")
			})
		}
	}
}

package wstest_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion/test/wstest"
)

func TestPipeReadKeepsWritesApart(t *testing.T) {
	a, b := wstest.Pipe(0)
	for _, p := range []string{"one", "", "three"} {
		_, err := a.Write([]byte(p))
		check(t, err)
	}
	buf := make([]byte, 4)
	for _, want := range []string{"one", "thre", "e"} {
		n, err := b.Read(buf)
		check(t, err)
		if got := string(buf[:n]); got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
}

func TestPipeWriteBlocksOnlyWhileFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := wstest.Pipe(4)
		_, err := a.Write([]byte("1234"))
		check(t, err)
		var written bool
		go func() {
			if _, err := a.Write([]byte("567890")); err != nil {
				t.Error(err)
			}
			written = true
		}()
		synctest.Wait()
		if written {
			t.Fatal("a write to a full pipe returned")
		}
		var got bytes.Buffer
		_, err = io.CopyN(&got, b, 8)
		check(t, err)
		synctest.Wait()
		if !written {
			t.Error("the write still blocks after the rest fits")
		}
		_, err = io.CopyN(&got, b, 2)
		check(t, err)
		if got.String() != "1234567890" {
			t.Errorf("read %q", got.String())
		}
	})
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := wstest.Pipe(4)
		start := time.Now()
		took := func(want time.Duration) {
			t.Helper()
			if got := time.Since(start); got != want {
				t.Errorf("took %v, want %v", got, want)
			}
		}

		check(t, a.SetReadDeadline(start.Add(time.Second)))
		_, err := a.Read(make([]byte, 1))
		wantError(t, err, timedOut)
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
		took(time.Second)

		check(t, a.SetWriteDeadline(start.Add(2*time.Second)))
		n, err := a.Write([]byte("12345"))
		wantError(t, err, timedOut)
		if n != 4 {
			t.Errorf("%d bytes were written, want 4", n)
		}
		took(2 * time.Second)

		// A deadline that passed is over when a new one is set, and a new
		// one replaces one that is being waited for.
		check(t, a.SetDeadline(start.Add(time.Hour)))
		go func() {
			time.Sleep(time.Second)
			if err := a.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				t.Error(err)
			}
		}()
		_, err = a.Read(make([]byte, 1))
		wantError(t, err, timedOut)
		took(4 * time.Second)

		check(t, b.SetDeadline(time.Now().Add(-time.Second)))
		_, err = b.Read(make([]byte, 1))
		wantError(t, err, timedOut)
		check(t, b.SetDeadline(time.Time{}))
		_, err = b.Read(make([]byte, 1))
		check(t, err)
	})
}

func TestPipeEnds(t *testing.T) {
	read := func(t *testing.T, c *wstest.PipeConn, want string, wantErr error) {
		t.Helper()
		got, err := io.ReadAll(c)
		if string(got) != want {
			t.Errorf("read %q, want %q", got, want)
		}
		if !errors.Is(err, wantErr) {
			t.Errorf("error %v, want %v", err, wantErr)
		}
	}
	write := func(t *testing.T, c *wstest.PipeConn, p string, want error) {
		t.Helper()
		if _, err := c.Write([]byte(p)); !errors.Is(err, want) {
			t.Errorf("write: %v, want %v", err, want)
		}
	}

	t.Run("half-close", func(t *testing.T) {
		a, b := wstest.Pipe(0)
		write(t, a, "last", nil)
		check(t, a.CloseWrite())
		read(t, b, "last", nil)
		write(t, a, "more", syscall.EPIPE)
		write(t, b, "answer", nil)
		check(t, b.CloseWrite())
		read(t, a, "answer", nil)
	})
	t.Run("close", func(t *testing.T) {
		a, b := wstest.Pipe(0)
		write(t, a, "last", nil)
		check(t, a.Close())
		read(t, b, "last", nil)
		write(t, b, "x", syscall.EPIPE)
		write(t, a, "x", net.ErrClosed)
		read(t, a, "", net.ErrClosed)
		if err := a.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second close: %v", err)
		}
		if err := a.CloseWrite(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("CloseWrite after close: %v", err)
		}
		if err := a.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("SetDeadline after close: %v", err)
		}
	})
	t.Run("close with unread bytes is a reset", func(t *testing.T) {
		a, b := wstest.Pipe(0)
		write(t, b, "unread", nil)
		write(t, a, "last", nil)
		check(t, a.Close())
		read(t, b, "last", syscall.ECONNRESET)
	})
	t.Run("reset", func(t *testing.T) {
		a, b := wstest.Pipe(0)
		write(t, a, "last", nil)
		check(t, a.Reset())
		write(t, b, "x", syscall.ECONNRESET)
		if err := b.CloseWrite(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("CloseWrite after a reset: %v", err)
		}
		read(t, b, "last", syscall.ECONNRESET)
	})
	t.Run("ends wake who waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := wstest.Pipe(1)
			write(t, a, "1", nil)
			ended := make(chan error, 2)
			go func() {
				_, err := a.Read(make([]byte, 1))
				ended <- err
			}()
			go func() {
				_, err := a.Write([]byte("2"))
				ended <- err
			}()
			synctest.Wait()
			check(t, b.Reset())
			for range 2 {
				if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("got %v, want ECONNRESET", err)
				}
			}
		})
	})
}

func TestPipeCarriesMuchBothWays(t *testing.T) {
	a, b := wstest.Pipe(1000)
	want := bytes.Repeat([]byte("0123456789"), 50_000)
	done := make(chan error, 2)
	for _, c := range []*wstest.PipeConn{a, b} {
		go func() {
			_, err := c.Write(want)
			done <- errors.Join(err, c.CloseWrite())
		}()
	}
	fromB := make(chan []byte)
	go func() {
		got, err := io.ReadAll(a)
		if err != nil {
			t.Error(err)
		}
		fromB <- got
	}()
	fromA, err := io.ReadAll(b)
	check(t, err)
	for range 2 {
		check(t, <-done)
	}
	if !bytes.Equal(fromA, want) || !bytes.Equal(<-fromB, want) {
		t.Error("bytes were changed")
	}
}

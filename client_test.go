package dandelion_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/testkit"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// inBubble runs f with fake time and a server that is reached over in-memory
// pipes. The bubble fails if a goroutine is left behind.
func inBubble(t *testing.T, f func(t *testing.T, s *wstest.Server, opts *dandelion.Options)) {
	t.Helper()
	testkit.Bubble(t, f)
}

// open dials and accepts.
func open(t *testing.T, s *wstest.Server, opts *dandelion.Options) (*dandelion.Client, *wstest.Conn) {
	t.Helper()
	accepted := make(chan struct{})
	var conn *wstest.Conn
	var c *dandelion.Client
	var err error
	go func() {
		defer close(accepted)
		c, err = dandelion.Dial(t.Context(), s.URL(), opts)
	}()
	conn = s.Accept(t.Context())
	conn.Upgrade()
	<-accepted
	require.NoError(t, err)
	return c, conn
}

// finish closes the connection from the server's side.
func finish(t *testing.T, c *dandelion.Client, conn *wstest.Conn) {
	t.Helper()
	conn.CloseHandshake(wire.StatusNormal, "")
	conn.Close()
	<-c.Done()
}

func TestReadEndsWithItsContextOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		c, conn := open(t, s, opts)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Read(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = c.Ping(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		conn.SendText("still here")
		msg, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "still here", msg.Text())
		conn.ExpectPing()
		finish(t, c, conn)
	})
}

func TestMessages(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		c, conn := open(t, s, opts)
		conn.SendText("one")
		conn.SendBinary([]byte("two"))
		conn.SendFragments(wire.OpText, []byte("th"), []byte("ree"))
		finish(t, c, conn)
		var got []string
		for msg, err := range c.Messages(t.Context()) {
			require.NoError(t, err)
			got = append(got, msg.Kind().String()+" "+msg.Text())
		}
		require.Equal(t, []string{"text one", "binary two", "text three"}, got)
	})
}

func TestMessagesEndsWithTheError(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		c, conn := open(t, s, opts)
		conn.SendText("one")
		conn.Reset()
		var errs []error
		n := 0
		for _, err := range c.Messages(t.Context()) {
			if err != nil {
				errs = append(errs, err)
			} else {
				n++
			}
		}
		require.Equal(t, 1, n)
		require.Len(t, errs, 1)
		var closed *messages.CloseError
		require.ErrorAs(t, errs[0], &closed)
		require.Equal(t, wire.StatusAbnormal, closed.Code)
		require.False(t, closed.Clean)
	})
}

// A server that does not read: what is accepted stays within the limits, the
// rest is refused or waits, and nothing waits behind it that need not.
func TestServerThatDoesNotRead(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.QueueMessages, opts.QueueBytes = 10, 1<<20
		c, conn := open(t, s, opts)
		payload := make([]byte, 32<<10)
		accepted := 0
		var err error
		for ; err == nil; accepted++ {
			err = c.Send(dandelion.Binary(payload))
			synctest.Wait()
		}
		accepted--
		require.ErrorIs(t, err, messages.ErrQueueFull)
		require.LessOrEqual(t, accepted, 10+wstest.DefaultPipeBuffer/len(payload)+1)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, c.Write(ctx, dandelion.Binary(payload)), context.DeadlineExceeded)

		// Receiving goes on.
		conn.SendText("hello")
		msg, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "hello", msg.Text())

		// Once the server reads, a waiting write goes through.
		written := make(chan error, 1)
		go func() { written <- c.Write(t.Context(), dandelion.Binary(payload)) }()
		for range accepted + 1 {
			conn.ExpectBinary(payload)
		}
		require.NoError(t, <-written)
		finish(t, c, conn)
	})
}

// Queue waits for room, and not for what it has queued.
func TestQueue(t *testing.T) {
	payload := make([]byte, 32<<10)
	t.Run("in a full queue", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
			opts.QueueMessages = 2
			c, conn := open(t, s, opts)
			sent := 0
			for c.Send(dandelion.Binary(payload)) == nil {
				sent++
				synctest.Wait()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.ErrorIs(t, c.Queue(ctx, dandelion.Binary(payload)), context.DeadlineExceeded)
			require.ErrorIs(t, c.Queue(ctx, dandelion.Binary(nil)), context.DeadlineExceeded, "a context that has ended")

			last := []byte("last")
			queued := make(chan error, 1)
			go func() { queued <- c.Queue(t.Context(), dandelion.Binary(last)) }()
			synctest.Wait()
			require.Empty(t, queued)
			conn.ExpectBinary(payload)
			conn.ExpectBinary(payload)
			require.NoError(t, <-queued)
			clear(last) // it is the caller's again
			for range sent - 2 {
				conn.ExpectBinary(payload)
			}
			conn.ExpectBinary([]byte("last"))
			finish(t, c, conn)
			require.ErrorIs(t, c.Queue(t.Context(), dandelion.Binary(last)), messages.ErrClosed)
		})
	})
	t.Run("in a full outbox, without a connection", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
			opts.Outbox = &outbox.Config{Messages: 1, Full: outbox.Block}
			c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
			require.NoError(t, err)
			conn := s.Accept(t.Context())
			require.NoError(t, c.Queue(t.Context(), dandelion.Text("first")))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, c.Queue(ctx, dandelion.Text("late")), context.DeadlineExceeded)
			queued := make(chan error, 1)
			go func() { queued <- c.Queue(t.Context(), dandelion.Text("second")) }()
			conn.Upgrade()
			conn.ExpectText("first")
			require.NoError(t, <-queued)
			conn.ExpectText("second")
			c.Abort()
			<-c.Done()
		})
	})
	t.Run("before the connection is open", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
			c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
			require.NoError(t, err)
			conn := s.Accept(t.Context())
			queued := make(chan error, 1)
			go func() { queued <- c.Queue(t.Context(), dandelion.Text("hello")) }()
			synctest.Wait()
			require.Empty(t, queued)
			conn.Upgrade()
			conn.ExpectText("hello")
			require.NoError(t, <-queued)
			c.Abort()
			<-c.Done()
		})
	})
}

// A user who does not read: reading from the network stops, and goes on later.
func TestUserWhoDoesNotRead(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.ReceiveWindow = 256 << 10
		c, conn := open(t, s, opts)
		sent := 0
		payload := make([]byte, 4<<10)
		script := conn.Go(func(conn *wstest.Conn) {
			conn = conn.Within(time.Hour)
			for range 2000 {
				conn.SendBinary(payload)
				sent++
			}
		})
		synctest.Wait()
		require.Less(t, sent*len(payload), 2*(256<<10), "bytes sent before the server had to wait")
		for range 2000 {
			msg, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Len(t, msg.Bytes(), len(payload))
		}
		script.Wait()
		finish(t, c, conn)
	})
}

// The user does not read, closes, and the server still sends more than the
// window takes: the closing handshake completes, what is lost is counted.
func TestCloseWithUnreadMessages(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.ReceiveWindow = 128 << 10
		var closed *messages.Closed
		opts.Handler = &dandelion.Handler{OnClosed: func(c *dandelion.Client, e *messages.Closed) { closed = e }}
		c, conn := open(t, s, opts)
		script := conn.Go(func(conn *wstest.Conn) {
			conn = conn.Within(time.Hour)
			for range 200 {
				conn.SendBinary(make([]byte, 16<<10))
			}
			conn.ExpectClose(wire.StatusNormal)
			conn.SendClose(wire.StatusNormal, "")
			conn.Close()
		})
		synctest.Wait()
		require.NoError(t, c.Close(t.Context(), wire.StatusNormal, ""))
		script.Wait()
		read := 0
		for _, err := range c.Messages(t.Context()) {
			require.NoError(t, err)
			read++
		}
		require.Positive(t, closed.Discarded)
		require.Equal(t, 200, read+closed.Discarded)
	})
}

func TestPingWaitsForItsOwnPong(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		c, conn := open(t, s, opts)
		type result struct {
			rtt time.Duration
			err error
		}
		done := make(chan result, 1)
		go func() {
			rtt, err := c.Ping(t.Context())
			done <- result{rtt, err}
		}()
		ping := conn.ExpectPing()
		conn.SendPong([]byte("another"))
		time.Sleep(time.Second)
		require.Empty(t, done)
		conn.SendPong(ping.Payload)
		got := <-done
		require.NoError(t, got.err)
		require.Equal(t, time.Second, got.rtt)

		go func() {
			rtt, err := c.Ping(t.Context())
			done <- result{rtt, err}
		}()
		conn.ExpectPing()
		conn.Reset()
		require.ErrorIs(t, (<-done).err, messages.ErrClosed)
	})
}

func TestAbort(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		c, conn := open(t, s, opts)
		c.Abort()
		<-c.Done()
		conn.ExpectEOF()
		conn.Close()
		var closed *messages.CloseError
		require.ErrorAs(t, c.Err(), &closed)
		require.False(t, closed.Clean)
		require.Equal(t, wire.StatusAbnormal, closed.Code)
		require.Equal(t, messages.Local, closed.By)
		require.ErrorIs(t, c.Write(t.Context(), dandelion.Text("x")), messages.ErrClosed)
		require.ErrorIs(t, c.Send(dandelion.Text("x")), messages.ErrClosed)
		_, err := c.Ping(t.Context())
		require.Error(t, err)
		require.Error(t, c.Close(t.Context(), wire.StatusNormal, ""), "the end was not clean")
	})
}

func TestRefusedSends(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		c, conn := open(t, s, opts)
		ctx := t.Context()
		long := make([]byte, 126)
		for name, test := range map[string]struct {
			err  error
			want error
		}{
			"text":          {c.Send(dandelion.Text("\xff")), messages.ErrInvalidUTF8},
			"text bytes":    {c.Send(dandelion.TextBytes([]byte{0xff})), messages.ErrInvalidUTF8},
			"written text":  {c.Write(ctx, dandelion.Text("\xff")), messages.ErrInvalidUTF8},
			"ping":          {c.SendPing(long), messages.ErrControlTooLong},
			"pong":          {c.SendPong(long), messages.ErrControlTooLong},
			"close code":    {c.Close(ctx, wire.StatusNoStatus, ""), messages.ErrInvalidCloseCode},
			"close reason":  {c.Close(ctx, wire.StatusNormal, string(long)), messages.ErrControlTooLong},
			"reason's UTF8": {c.Close(ctx, wire.StatusNormal, "\xff"), messages.ErrInvalidUTF8},
		} {
			require.ErrorIs(t, test.err, test.want, name)
		}
		require.Error(t, c.Send(dandelion.NewMessage(7, nil)))
		ended, cancel := context.WithCancel(ctx)
		cancel()
		for range 20 {
			require.ErrorIs(t, c.Write(ended, dandelion.Text("too late")), context.Canceled)
			_, err := c.Writer(ended, messages.KindText).Write([]byte("too late"))
			require.ErrorIs(t, err, context.Canceled)
		}
		require.Equal(t, messages.StateOpen, c.State())
		require.NoError(t, c.Send(dandelion.Text("fine")))
		conn.ExpectText("fine")
		finish(t, c, conn)
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		s.Hang()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_, err := dandelion.Dial(ctx, s.URL(), opts)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var failed *handshake.Error
		require.ErrorAs(t, err, &failed)
		require.Equal(t, time.Second, time.Since(begin))
	})
}

func TestBadURL(t *testing.T) {
	for _, url := range []string{"", "http://x/", "ws://", "ws://x/#f"} {
		var failed *handshake.Error
		_, err := dandelion.Dial(t.Context(), url, nil)
		require.ErrorAs(t, err, &failed, url)
		require.Equal(t, handshake.StageURL, failed.Stage, url)
		_, err = dandelion.Supervise(t.Context(), url, nil)
		require.ErrorAs(t, err, &failed, url)
	}
}

func TestHTTPClient(t *testing.T) {
	ctx := newContext(t)
	s := newEcho(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := dandelion.Dial(ctx, s.URL(), &dandelion.Options{HTTPClient: &http.Client{Transport: transport}})
	require.NoError(t, err)
	require.NoError(t, c.Write(ctx, dandelion.Text("over net/http")))
	msg, err := c.Read(ctx)
	require.NoError(t, err)
	require.Equal(t, "over net/http", msg.Text())
	require.NoError(t, c.Close(ctx, wire.StatusNormal, ""))

	_, err = dandelion.Dial(ctx, s.URL(), &dandelion.Options{HTTPClient: http.DefaultClient, DisableNoDelay: true})
	require.ErrorContains(t, err, "HTTPClient")
}

func TestTLS(t *testing.T) {
	ctx := newContext(t)
	s, err := wstest.NewEchoServer("127.0.0.1:0", wstest.WithTLS())
	require.NoError(t, err)
	defer s.Close()
	c, err := dandelion.Dial(ctx, s.URL(), &dandelion.Options{TLSConfig: s.ClientTLS()})
	require.NoError(t, err)
	big := make([]byte, 1<<20)
	require.NoError(t, c.Write(ctx, dandelion.Binary(big)))
	msg, err := c.Read(ctx)
	require.NoError(t, err)
	require.True(t, slices.Equal(big, msg.Bytes()))
	require.NoError(t, c.Close(ctx, wire.StatusNormal, ""))
}

// Many goroutines use one client at once; every message arrives whole and, by
// goroutine, in order.
func TestConcurrentUse(t *testing.T) {
	ctx := newContext(t)
	s := newEcho(t)
	c, err := dandelion.Dial(ctx, s.URL(), nil)
	require.NoError(t, err)
	const senders, each = 8, 200
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := range each {
				data := []byte{byte(i), byte(n)}
				var err error
				switch n % 3 {
				case 0:
					err = c.Write(ctx, dandelion.Binary(data))
				case 1:
					for err = c.Send(dandelion.Binary(data)); errors.Is(err, messages.ErrQueueFull); err = c.Send(dandelion.Binary(data)) {
						runtime.Gosched()
					}
				case 2:
					w := c.Writer(ctx, messages.KindBinary)
					if _, err = w.Write(data[:1]); err == nil {
						err = w.WriteFinal(data[1:])
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	next := [senders]int{}
	for range senders * each {
		msg, err := c.Read(ctx)
		require.NoError(t, err)
		require.Len(t, msg.Bytes(), 2)
		require.Equal(t, next[msg.Bytes()[0]], int(msg.Bytes()[1]))
		next[msg.Bytes()[0]]++
	}
	wg.Wait()
	require.NoError(t, c.Close(ctx, wire.StatusNormal, ""))
}

func TestCloseTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, o *dandelion.Options) {
		o.CloseTimeout = 200 * time.Millisecond
		c, conn := open(t, s, o)
		begin := time.Now()
		err := c.Close(t.Context(), wire.StatusNormal, "")
		require.ErrorIs(t, err, messages.ErrCloseTimeout)
		require.Equal(t, 200*time.Millisecond, time.Since(begin))
		conn.ExpectClose(wire.StatusNormal)
		conn.Close()
	})
}

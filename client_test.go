package dandelion_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// inBubble runs f with fake time and a server that is reached over in-memory
// pipes. The bubble fails if a goroutine is left behind.
func inBubble(t *testing.T, f func(t *testing.T, s *wstest.Server, opts *dandelion.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := wstest.NewPipe(t)
		f(t, s, &dandelion.Options{
			DialContext: s.DialContext,
			System: actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
				return slog.New(slog.DiscardHandler)
			})),
		})
		time.Sleep(2 * time.Second) // lets the actor system's own timers run out
	})
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

func TestHandlerCallbacks(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		var mu sync.Mutex
		var got []string
		note := func(line string) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, line)
		}
		opts.Handler = &dandelion.Handler{
			OnConnecting: func(c *dandelion.Client, e *messages.Connecting) { note("connecting " + e.URL) },
			OnOpen: func(c *dandelion.Client, e *messages.Opened) {
				note("open")
				require.NoError(t, c.SendText("from OnOpen"))
			},
			OnText: func(c *dandelion.Client, text string) {
				note("text " + text)
				require.NoError(t, c.WriteText(context.Background(), "re: "+text))
			},
			OnBinary: func(c *dandelion.Client, data []byte) { note("binary " + string(data)) },
			OnPing:   func(c *dandelion.Client, data []byte) { note("ping " + string(data)) },
			OnPong: func(c *dandelion.Client, e *messages.PongReceived) {
				note("pong " + string(e.Data) + " " + e.RTT.String())
			},
			OnClosing: func(c *dandelion.Client, e *messages.Closing) { note("closing by " + e.By.String()) },
			OnClosed:  func(c *dandelion.Client, e *messages.Closed) { note("closed " + e.Err.Code.String()) },
			OnStopped: func(c *dandelion.Client, e *messages.Stopped) { note("stopped") },
		}
		c, conn := open(t, s, opts)
		conn.ExpectText("from OnOpen")
		conn.SendText("one")
		conn.ExpectText("re: one")
		conn.SendBinary([]byte("two"))
		conn.SendPing([]byte("three"))
		conn.ExpectPong([]byte("three"))
		require.NoError(t, c.SendPing([]byte("four")))
		conn.ExpectPing()
		time.Sleep(70 * time.Millisecond)
		conn.SendPong([]byte("four"))
		conn.SendPong([]byte("five"))
		finish(t, c, conn)
		synctest.Wait()
		require.Equal(t, []string{
			"connecting ws://pipe.test", "open", "text one", "binary two", "ping three",
			"pong four 70ms", "pong five 0s", "closing by remote", "closed normal closure", "stopped",
		}, got)
	})
}

func TestCloseFromHandler(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		result := make(chan error, 1)
		opts.Handler = &dandelion.Handler{OnText: func(c *dandelion.Client, text string) {
			result <- c.Close(context.Background(), wire.StatusNormal, text)
		}}
		c, conn := open(t, s, opts)
		conn.SendText("bye")
		conn.ExpectClose(wire.StatusNormal)
		conn.SendClose(wire.StatusNormal, "")
		conn.Close()
		require.NoError(t, <-result)
		require.Equal(t, messages.StateStopped, c.State())
	})
}

func TestPanicInHandler(t *testing.T) {
	t.Run("fail the connection", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
			var log strings.Builder
			var reported *messages.HandlerFailed
			opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
			opts.Handler = &dandelion.Handler{
				OnText:  func(c *dandelion.Client, text string) { panic("no " + text) },
				OnPanic: func(c *dandelion.Client, e *messages.HandlerFailed) { reported = e },
			}
			c, conn := open(t, s, opts)
			conn.SendText("good")
			conn.ExpectClose(wire.StatusInternalError)
			conn.ExpectEOF()
			conn.Close()
			<-c.Done()
			synctest.Wait()
			require.ErrorIs(t, c.Err(), messages.ErrHandlerFailed)
			require.ErrorContains(t, c.Err(), "no good")
			require.Equal(t, "no good", reported.Value)
			require.Contains(t, string(reported.Stack), "TestPanicInHandler")
			require.Contains(t, log.String(), "handler failed")
		})
	})
	t.Run("continue", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
			var got []string
			opts.OnPanic = supervisor.ContinueOnPanic
			opts.Handler = &dandelion.Handler{OnText: func(c *dandelion.Client, text string) {
				if text == "bad" {
					panic(text)
				}
				got = append(got, text)
			}}
			c, conn := open(t, s, opts)
			// In one batch: the panic must not take the messages behind it along.
			var buf []byte
			for _, text := range []string{"a", "bad", "b", "bad", "bad", "c"} {
				buf = wire.AppendServerFrame(buf, true, 0, wire.OpText, []byte(text))
			}
			conn.WriteRaw(buf)
			finish(t, c, conn)
			synctest.Wait()
			require.Equal(t, []string{"a", "b", "c"}, got)
		})
	})
	t.Run("the report panics too", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
			opts.OnPanic = supervisor.ContinueOnPanic
			opts.Handler = &dandelion.Handler{
				OnText:  func(c *dandelion.Client, text string) { panic("first") },
				OnPanic: func(c *dandelion.Client, e *messages.HandlerFailed) { panic("second") },
			}
			c, conn := open(t, s, opts)
			conn.SendText("x")
			finish(t, c, conn)
		})
	})
}

// A handler that ends its goroutine, as t.FailNow does, has failed like one that panics.
func TestGoexitInHandler(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Handler = &dandelion.Handler{OnOpen: func(*dandelion.Client, *messages.Opened) { runtime.Goexit() }}
		c, conn := open(t, s, opts)
		conn.ExpectClose(wire.StatusInternalError)
		conn.Close()
		_, err := c.Read(t.Context())
		require.ErrorContains(t, err, "Goexit")
		<-c.Done()
	})
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
			got = append(got, msg.Kind.String()+" "+msg.Text())
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
			err = c.Send(messages.Binary, payload)
			synctest.Wait()
		}
		accepted--
		require.ErrorIs(t, err, messages.ErrQueueFull)
		require.LessOrEqual(t, accepted, 10+wstest.DefaultPipeBuffer/len(payload)+1)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, c.Write(ctx, messages.Binary, payload), context.DeadlineExceeded)

		// Receiving goes on.
		conn.SendText("hello")
		msg, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "hello", msg.Text())

		// Once the server reads, a waiting write goes through.
		written := make(chan error, 1)
		go func() { written <- c.Write(t.Context(), messages.Binary, payload) }()
		for range accepted + 1 {
			conn.ExpectBinary(payload)
		}
		require.NoError(t, <-written)
		finish(t, c, conn)
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
			require.Len(t, msg.Data, len(payload))
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
		require.ErrorIs(t, c.WriteText(t.Context(), "x"), messages.ErrClosed)
		require.ErrorIs(t, c.SendText("x"), messages.ErrClosed)
		_, err := c.Ping(t.Context())
		require.Error(t, err)
		require.Error(t, c.Close(t.Context(), wire.StatusNormal, ""), "the end was not clean")
	})
}

// After Abort nothing is said about another connection.
func TestAbortIsTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		for range 100 {
			opts.Handler = &dandelion.Handler{OnReconnecting: func(_ *dandelion.Client, e *messages.ReconnectScheduled) {
				t.Error("it connects again:", e.Reason)
			}}
			c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
			require.NoError(t, err)
			conn := s.Accept(t.Context())
			conn.Upgrade()
			require.NoError(t, c.WriteText(t.Context(), "open"))
			c.Abort()
			<-c.Done()
			conn.Close()
		}
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
			"text":          {c.SendText("\xff"), messages.ErrInvalidUTF8},
			"text bytes":    {c.Send(messages.Text, []byte{0xff}), messages.ErrInvalidUTF8},
			"written text":  {c.WriteText(ctx, "\xff"), messages.ErrInvalidUTF8},
			"ping":          {c.SendPing(long), messages.ErrControlTooLong},
			"pong":          {c.SendPong(long), messages.ErrControlTooLong},
			"close code":    {c.Close(ctx, wire.StatusNoStatus, ""), messages.ErrInvalidCloseCode},
			"close reason":  {c.Close(ctx, wire.StatusNormal, string(long)), messages.ErrControlTooLong},
			"reason's UTF8": {c.Close(ctx, wire.StatusNormal, "\xff"), messages.ErrInvalidUTF8},
		} {
			require.ErrorIs(t, test.err, test.want, name)
		}
		require.Error(t, c.Send(7, nil))
		ended, cancel := context.WithCancel(ctx)
		cancel()
		for range 20 {
			require.ErrorIs(t, c.WriteText(ended, "too late"), context.Canceled)
			_, err := c.Writer(ended, messages.Text).Write([]byte("too late"))
			require.ErrorIs(t, err, context.Canceled)
		}
		require.Equal(t, messages.StateOpen, c.State())
		require.NoError(t, c.SendText("fine"))
		conn.ExpectText("fine")
		finish(t, c, conn)
	})
}

func TestSupervise(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var delays []time.Duration
		opts.Handler = &dandelion.Handler{OnReconnecting: func(c *dandelion.Client, e *messages.ReconnectScheduled) {
			delays = append(delays, e.Delay)
		}}
		opts.Backoff = supervisor.Exponential{Float64: func() float64 { return 0.5 }}.New
		c, err := dandelion.Supervise(ctx, s.URL(), opts)
		require.NoError(t, err)

		conn := s.Accept(ctx)
		conn.Upgrade()
		conn.SendText("first life")
		msg, err := c.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, "first life", msg.Text())
		conn.Reset()
		synctest.Wait()
		require.Equal(t, messages.StateWaiting, c.State())
		require.ErrorIs(t, c.SendText("x"), messages.ErrNotOpen)
		require.ErrorContains(t, c.SendText("x"), "WAITING; wait for OnOpen")

		// A write and a read begun now wait for the next connection.
		written := make(chan error, 1)
		go func() { written <- c.WriteText(ctx, "waited") }()
		conn = s.Accept(ctx)
		conn.Upgrade()
		conn.ExpectText("waited")
		require.NoError(t, <-written)
		conn.SendText("second life")
		msg, err = c.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, "second life", msg.Text())
		require.Equal(t, uint64(2), c.Opened().Epoch)

		cancel()
		conn.ExpectClose(wire.StatusGoingAway)
		conn.SendClose(wire.StatusGoingAway, "")
		conn.Close()
		<-c.Done()
		require.Equal(t, []time.Duration{500 * time.Millisecond}, delays)
		_, err = c.Read(t.Context())
		require.ErrorIs(t, err, messages.ErrClosed)
	})
}

func TestSuperviseGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		s.Handle(func(c *wstest.Conn) {
			c.ReadRequest()
			c.Respond(http.StatusNotFound, "no such feed")
		})
		var gaveUp *messages.GaveUp
		opts.Handler = &dandelion.Handler{OnGaveUp: func(c *dandelion.Client, e *messages.GaveUp) { gaveUp = e }}
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		_, err = c.Read(t.Context())
		var failed *handshake.Error
		require.ErrorAs(t, err, &failed)
		require.Equal(t, http.StatusNotFound, failed.Status)
		require.Equal(t, "HTTP status 404", gaveUp.Reason)
		require.Equal(t, 1, s.Accepted())
	})
}

func TestCloseWhileWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		s.Refuse()
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, messages.StateWaiting, c.State())
		require.NoError(t, c.Close(t.Context(), wire.StatusNormal, ""))
		require.Equal(t, messages.StateStopped, c.State())
	})
}

// How an earlier connection has ended is not how the closing went.
func TestCloseAfterALoss(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, c *dandelion.Client) error{
		"Close":    func(ctx context.Context, c *dandelion.Client) error { return c.Close(ctx, wire.StatusNormal, "") },
		"Shutdown": func(ctx context.Context, c *dandelion.Client) error { return c.Shutdown(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				opts.Backoff = supervisor.Exponential{Min: time.Hour}.New
				c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
				require.NoError(t, err)
				conn := s.Accept(t.Context())
				conn.Upgrade()
				conn.Reset()
				synctest.Wait()
				require.Equal(t, messages.StateWaiting, c.State())
				require.NoError(t, end(t.Context(), c))
				require.ErrorIs(t, c.Err(), messages.ErrClosed, "how the last connection ended")
			})
		})
	}
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
	require.NoError(t, c.WriteText(ctx, "over net/http"))
	msg, err := c.Read(ctx)
	require.NoError(t, err)
	require.Equal(t, "over net/http", msg.Text())
	require.NoError(t, c.Close(ctx, wire.StatusNormal, ""))

	_, err = dandelion.Dial(ctx, s.URL(), &dandelion.Options{HTTPClient: http.DefaultClient, DisableNoDelay: true})
	require.ErrorContains(t, err, "HTTPClient")
}

func TestTLS(t *testing.T) {
	ctx := newContext(t)
	s, err := wstest.NewEchoServer("127.0.0.1:0", wstest.EchoTLS())
	require.NoError(t, err)
	defer s.Close()
	c, err := dandelion.Dial(ctx, s.URL(), &dandelion.Options{TLSConfig: s.ClientTLS()})
	require.NoError(t, err)
	big := make([]byte, 1<<20)
	require.NoError(t, c.Write(ctx, messages.Binary, big))
	msg, err := c.Read(ctx)
	require.NoError(t, err)
	require.True(t, slices.Equal(big, msg.Data))
	require.NoError(t, c.Close(ctx, wire.StatusNormal, ""))
}

func TestInlineHandler(t *testing.T) {
	ctx := newContext(t)
	s := newEcho(t)
	got := make(chan string, 1)
	c, err := dandelion.Dial(ctx, s.URL(), &dandelion.Options{Inline: true, Handler: &dandelion.Handler{
		OnText: func(c *dandelion.Client, text string) { got <- text },
	}})
	require.NoError(t, err)
	require.NoError(t, c.SendText("inline"))
	require.Equal(t, "inline", <-got)
	require.NoError(t, c.Close(ctx, wire.StatusNormal, ""))
}

// An inline handler may send and wait for it, also in OnOpen, and is told when the
// connection breaks meanwhile.
func TestInlineHandlerWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Inline = true
		failed := make(chan error, 1)
		opts.Handler = &dandelion.Handler{
			OnOpen: func(c *dandelion.Client, _ *messages.Opened) {
				require.NoError(t, c.WriteText(context.Background(), "hello"))
				require.NoError(t, c.SendPing([]byte("?")))
				require.ErrorIs(t, c.SendPing(make([]byte, 126)), messages.ErrControlTooLong)
			},
			OnText: func(c *dandelion.Client, text string) {
				for range 2 { // of which the second finds the stream broken
					time.Sleep(time.Second)
					if err := c.WriteText(context.Background(), text); err != nil {
						failed <- err
						return
					}
				}
			},
		}
		c, conn := open(t, s, opts)
		conn.ExpectText("hello")
		require.Equal(t, "?", string(conn.ExpectPing().Payload))
		conn.SendText("echo")
		conn.ExpectText("echo")
		conn.Reset()
		require.ErrorIs(t, <-failed, messages.ErrClosed)
		<-c.Done()
		require.ErrorIs(t, c.Err(), messages.ErrClosed)
	})
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
					err = c.Write(ctx, messages.Binary, data)
				case 1:
					for err = c.Send(messages.Binary, data); errors.Is(err, messages.ErrQueueFull); err = c.Send(messages.Binary, data) {
						runtime.Gosched()
					}
				case 2:
					w := c.Writer(ctx, messages.Binary)
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
		require.Len(t, msg.Data, 2)
		require.Equal(t, next[msg.Data[0]], int(msg.Data[1]))
		next[msg.Data[0]]++
	}
	wg.Wait()
	require.NoError(t, c.Close(ctx, wire.StatusNormal, ""))
}

func TestSettingsAreShown(t *testing.T) {
	opts := dandelion.Options{Settings: actors.Settings{CloseTimeout: 200 * time.Millisecond}}
	inBubble(t, func(t *testing.T, s *wstest.Server, o *dandelion.Options) {
		o.Settings = opts.Settings
		c, conn := open(t, s, o)
		begin := time.Now()
		err := c.Close(t.Context(), wire.StatusNormal, "")
		require.ErrorIs(t, err, messages.ErrCloseTimeout)
		require.Equal(t, 200*time.Millisecond, time.Since(begin))
		conn.ExpectClose(wire.StatusNormal)
		conn.Close()
	})
}

// A callback may use the client before Supervise has returned.
func TestCloseFromTheFirstCallback(t *testing.T) {
	s := newEcho(t)
	stopped := make(chan struct{})
	_, err := dandelion.Supervise(t.Context(), s.URL(), &dandelion.Options{Handler: &dandelion.Handler{
		OnConnecting: func(c *dandelion.Client, _ *messages.Connecting) {
			c.Close(t.Context(), wire.StatusNormal, "")
		},
		OnStopped: func(*dandelion.Client, *messages.Stopped) { close(stopped) },
	}})
	require.NoError(t, err)
	<-stopped
}

func TestPauseAndStatus(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		paused := make(chan *messages.Paused, 1)
		opts.Handler = &dandelion.Handler{OnPaused: func(_ *dandelion.Client, e *messages.Paused) { paused <- e }}
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		conn := s.Accept(t.Context())
		conn.Upgrade()
		synctest.Wait()
		require.Equal(t, messages.StateOpen, c.Status().State)
		c.Pause()
		conn.ExpectClose(wire.StatusGoingAway)
		conn.SendClose(wire.StatusGoingAway, "")
		conn.Close()
		require.EqualValues(t, 1, (<-paused).Epoch)
		time.Sleep(time.Hour)
		st := c.Status()
		require.True(t, st.Paused)
		require.Equal(t, messages.StateWaiting, st.State)
		require.Equal(t, time.Hour, time.Since(st.Since))
		c.Resume()
		conn = s.Accept(t.Context())
		conn.Upgrade()
		synctest.Wait()
		require.NoError(t, c.SendText("hello"))
		conn.ExpectText("hello")
		conn.SendText("hi")
		conn.Go(func(conn *wstest.Conn) {
			ping := conn.ExpectPing()
			time.Sleep(200 * time.Millisecond)
			conn.SendPong(ping.Payload)
		})
		rtt, err := c.Ping(t.Context())
		require.NoError(t, err)
		require.Equal(t, 200*time.Millisecond, rtt)
		synctest.Wait()
		st = c.Status()
		require.False(t, st.Paused)
		require.EqualValues(t, 2, st.Epoch)
		require.Equal(t, messages.Counters{Attempts: 2, Connections: 2, MessagesSent: 1, BytesSent: 5, MessagesReceived: 1}, st.Counters)
		require.Equal(t, 200*time.Millisecond, st.SmoothedRTT)
		require.Equal(t, 200*time.Millisecond, st.RTT)
		c.Abort()
		<-c.Done()
		require.Equal(t, messages.StateStopped, c.Status().State)
	})
}

// With an outbox, Send and Write work while there is no connection.
func TestOutbox(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		dropped := make(chan *messages.OutboxDropped, 10)
		opts.Outbox = &supervisor.OutboxConfig{Messages: 2, Full: supervisor.Block}
		opts.Handler = &dandelion.Handler{OnDropped: func(_ *dandelion.Client, e *messages.OutboxDropped) { dropped <- e }}
		s.Refuse()
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		require.NoError(t, c.SendText("one"))
		require.NoError(t, c.SendMessage(messages.Outgoing{Kind: messages.Text, Data: []byte("short"), Delivery: messages.Delivery{TTL: time.Millisecond}}))
		require.ErrorIs(t, c.SendText("full"), messages.ErrQueueFull)
		require.ErrorIs(t, c.Send(messages.Text, []byte{0xff}), messages.ErrInvalidUTF8)
		ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
		defer cancel()
		require.ErrorIs(t, c.WriteText(ctx, "waits for room in vain"), context.DeadlineExceeded)
		written := make(chan error, 1)
		go func() { written <- c.WriteText(t.Context(), "two") }()
		time.Sleep(time.Millisecond)
		require.Equal(t, messages.ErrExpired, (<-dropped).Reason)
		synctest.Wait()
		st := c.Status()
		require.Equal(t, messages.OutboxStatus{Messages: 2, Bytes: 6}, st.Outbox)
		require.EqualValues(t, 1, st.Counters.OutboxDropped)

		down := make(chan error, 1)
		go func() { down <- c.Shutdown(t.Context()) }()
		synctest.Wait()
		require.ErrorIs(t, c.SendText("too late"), messages.ErrClosed)
		s.Resume()
		conn := s.Accept(t.Context())
		conn.Upgrade()
		conn.ExpectText("one")
		conn.ExpectText("two")
		require.NoError(t, <-written)
		conn.AnswerClose(wire.StatusGoingAway)
		conn.Close()
		require.NoError(t, <-down)
		require.ErrorIs(t, c.SendText("too late"), messages.ErrClosed)
		require.ErrorIs(t, c.WriteText(t.Context(), "too late"), messages.ErrClosed)
	})
}

// Shutdown gives up what is left when its context ends.
func TestShutdownDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Outbox = &supervisor.OutboxConfig{}
		s.Refuse()
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		written := make(chan error, 1)
		go func() { written <- c.WriteText(t.Context(), "never") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, c.Shutdown(ctx), context.DeadlineExceeded)
		require.ErrorIs(t, <-written, messages.ErrStopped)
	})
}

// What the writer had taken when the connection ended is not sent again unless it
// says so; what it had not taken is.
func TestUnconfirmed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.Outbox = &supervisor.OutboxConfig{Bytes: 64 << 20}
		opts.QueueBytes = 64 << 20
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		conn := s.Accept(t.Context())
		conn.Upgrade()
		synctest.Wait()
		big := make([]byte, 8<<20) // does not fit into the pipe
		fate := make(chan error, 1)
		go func() { fate <- c.Write(t.Context(), messages.Binary, big) }()
		synctest.Wait()
		require.NoError(t, c.SendText("behind it"))
		conn.Reset()
		require.ErrorIs(t, <-fate, messages.ErrUnconfirmed)
		conn = s.Accept(t.Context())
		conn.Upgrade()
		conn.ExpectText("behind it")

		go func() {
			fate <- c.WriteMessage(t.Context(), messages.Outgoing{Kind: messages.Binary, Data: big, Delivery: messages.Delivery{Resend: true}})
		}()
		synctest.Wait()
		conn.Reset()
		conn = s.Accept(t.Context())
		conn.Upgrade()
		conn.ExpectBinary(big)
		require.NoError(t, <-fate)
		c.Abort()
		<-c.Done()
	})
}

// StartDelay delays the first attempt of Supervise, and nothing of Dial.
func TestStartDelay(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		start := time.Now()
		opts.StartDelay = time.Minute
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, start.Add(time.Minute), c.Status().NextAttempt)
		require.Equal(t, messages.StateWaiting, c.State())
		time.Sleep(time.Minute)
		conn := s.Accept(t.Context())
		require.Equal(t, time.Minute, time.Since(start))
		conn.Upgrade()
		finish(t, c, conn)
		c.Abort()

		start = time.Now()
		c, conn = open(t, s, opts)
		require.Zero(t, time.Since(start))
		finish(t, c, conn)
	})
}

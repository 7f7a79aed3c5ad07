package dandelion_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

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
				require.NoError(t, c.Send(dandelion.Text("from OnOpen")))
			},
			OnText: func(c *dandelion.Client, text string) {
				note("text " + text)
				require.NoError(t, c.Write(context.Background(), dandelion.Text("re: "+text)))
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

// What OnBinary is given belongs to the callback, which may change it and append to it,
// whatever its size and however many messages came with it.
func TestBinaryBelongsToTheCallback(t *testing.T) {
	for _, together := range []int{1, 20} {
		t.Run(fmt.Sprintf("%d in a read", together), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				var got [][]byte
				opts.Handler = &dandelion.Handler{OnBinary: func(_ *dandelion.Client, data []byte) {
					require.NotNil(t, data)
					for i := range data {
						data[i] ^= 0x20
					}
					got = append(got, data)
					_ = append(data, "behind"...)
				}}
				c, conn := open(t, s, opts)
				var want [][]byte
				for size := range 300 {
					var frames []byte
					for range together {
						frames = wire.AppendServerFrame(frames, true, 0, wire.OpBinary, bytes.Repeat([]byte{byte(size)}, size))
						want = append(want, bytes.Repeat([]byte{byte(size) ^ 0x20}, size))
					}
					conn.WriteRaw(frames)
					synctest.Wait()
				}
				finish(t, c, conn)
				require.Equal(t, want, got)
			})
		})
	}
}

// Middleware of the user's actor system puts messages into envelopes; callbacks run on
// their own goroutine all the same, and may wait for the supervisor.
func TestSenderMiddleware(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		opts.System.Root.WithSenderMiddleware(func(next actor.SenderFunc) actor.SenderFunc {
			return func(ctx actor.SenderContext, to *actor.PID, e *actor.MessageEnvelope) { next(ctx, to, e) }
		})
		var states []messages.State
		status := func(c *dandelion.Client) { states = append(states, c.Status().State) }
		opts.Handler = &dandelion.Handler{
			OnConnecting: func(c *dandelion.Client, _ *messages.Connecting) { status(c) },
			OnStopped:    func(c *dandelion.Client, _ *messages.Stopped) { status(c) },
		}
		c, conn := open(t, s, opts)
		finish(t, c, conn)
		synctest.Wait()
		require.Len(t, states, 2)
		require.Equal(t, messages.StateStopped, states[1])
	})
}

// A callback for an event that takes long holds up neither Dial nor closing, wherever
// the event came about, and also behind events that have no callback.
func TestSlowEventCallbacks(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		dialed, stopped := make(chan struct{}), make(chan struct{})
		var got []string
		opts.Handler = &dandelion.Handler{
			OnConnecting: func(*dandelion.Client, *messages.Connecting) {
				<-dialed
				got = append(got, "connecting")
			},
			OnClosed: func(*dandelion.Client, *messages.Closed) {
				<-stopped
				got = append(got, "closed")
			},
		}
		c, conn := open(t, s, opts)
		close(dialed)
		synctest.Wait()
		finish(t, c, conn)
		close(stopped)
		synctest.Wait()
		require.Equal(t, []string{"connecting", "closed"}, got)
	})
}

// A handler that takes long holds up neither Pongs nor what else is read, and gets
// its messages in order; afterwards nothing is left of the goroutine that it had.
func TestSlowHandler(t *testing.T) {
	const handOver = 10 * time.Millisecond // with the handler busy, until another goroutine reads
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		let, got := make(chan struct{}), make(chan string)
		opts.Handler = &dandelion.Handler{OnText: func(_ *dandelion.Client, text string) {
			if text == "slow" {
				<-let
			}
			got <- text
		}}
		c, conn := open(t, s, opts)
		for i := range 4 {
			if i%2 == 0 {
				time.Sleep(time.Second) // nobody watches any more
			}
			conn.SendText("slow")
			start := time.Now()
			conn.SendPing([]byte("there?"))
			conn.ExpectPong([]byte("there?"))
			require.LessOrEqual(t, time.Since(start), handOver)
			conn.SendText("quick")
			conn.SendPing([]byte("again"))
			conn.ExpectPong([]byte("again"))
			require.LessOrEqual(t, time.Since(start), handOver, "the second goroutine reads all that comes")
			let <- struct{}{}
			require.Equal(t, "slow", <-got)
			require.Equal(t, "quick", <-got)
			synctest.Wait()
		}
		conn.Close()
		<-c.Done()
	})
}

// A handler may wait for what only the goroutine that reads can bring.
func TestHandlerWaitsForTheServer(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		pinged, closed := make(chan error, 1), make(chan error, 1)
		opts.Handler = &dandelion.Handler{OnText: func(c *dandelion.Client, text string) {
			_, err := c.Ping(context.Background())
			pinged <- err
			closed <- c.Close(context.Background(), wire.StatusNormal, "")
		}}
		c, conn := open(t, s, opts)
		conn.SendText("go")
		conn.SendPong(conn.ExpectPing().Payload)
		require.NoError(t, <-pinged)
		conn.AnswerClose(wire.StatusNormal)
		conn.Close()
		require.NoError(t, <-closed)
		<-c.Done()
	})
}

// A handler may send and wait for it, also in OnOpen, and is told when the
// connection breaks meanwhile.
func TestHandlerWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		failed := make(chan error, 1)
		opts.Handler = &dandelion.Handler{
			OnOpen: func(c *dandelion.Client, _ *messages.Opened) {
				require.NoError(t, c.Write(context.Background(), dandelion.Text("hello")))
				require.NoError(t, c.SendPing([]byte("?")))
				require.ErrorIs(t, c.SendPing(make([]byte, 126)), messages.ErrControlTooLong)
			},
			OnText: func(c *dandelion.Client, text string) {
				for range 2 { // of which the second finds the stream broken
					time.Sleep(time.Second)
					if err := c.Write(context.Background(), dandelion.Text(text)); err != nil {
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

// In the callbacks everything may be called.
func TestHandlerAsks(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		var states []messages.State
		ask := func(c *dandelion.Client) { states = append(states, c.Status().State) }
		closed := make(chan error, 1)
		opts.Handler = &dandelion.Handler{
			OnConnecting: func(c *dandelion.Client, _ *messages.Connecting) { ask(c) },
			OnOpen: func(c *dandelion.Client, _ *messages.Opened) {
				ask(c)
				rtt, err := c.Ping(context.Background())
				require.NoError(t, err)
				require.Equal(t, 3*time.Second, rtt)
				require.Equal(t, 3*time.Second, c.Status().RTT)
			},
			OnText: func(c *dandelion.Client, text string) {
				ask(c)
				c.Reconnect()
			},
			OnReconnecting: func(c *dandelion.Client, _ *messages.ReconnectScheduled) {
				ask(c)
				closed <- c.Close(context.Background(), wire.StatusNormal, "")
			},
		}
		c, err := dandelion.Supervise(t.Context(), s.URL(), opts)
		require.NoError(t, err)
		for i := range 2 {
			conn := s.Accept(t.Context())
			time.Sleep(time.Second)
			conn.Upgrade()
			ping := conn.ExpectPing()
			time.Sleep(3 * time.Second)
			conn.SendPong(ping.Payload)
			if i == 1 {
				time.Sleep(time.Second)
				conn.Reset()
				break
			}
			conn.SendText("now")
			conn.ExpectClose(wire.StatusGoingAway)
			conn.SendClose(wire.StatusGoingAway, "")
			conn.Close()
		}
		require.NoError(t, <-closed)
		<-c.Done()
		require.Equal(t, []messages.State{
			messages.StateConnecting, messages.StateOpen, messages.StateOpen,
			messages.StateConnecting, messages.StateOpen, messages.StateWaiting,
		}, states)
	})
}

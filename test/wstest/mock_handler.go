// This file gives events to a Handler, with a client that leads back to the Mock.

package wstest

import (
	"bytes"
	"context"
	"fmt"
	"math"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
)

func takesData(h *dandelion.Handler) bool {
	return h.OnText != nil || h.OnBinary != nil || h.OnBorrowed != nil || h.OnFragment != nil
}

// callHandler calls the callback for an event, if there is one.
func callHandler(h *dandelion.Handler, c *dandelion.Client, event any) {
	switch e := event.(type) {
	case *messages.Connecting:
		call(c, h.OnConnecting, e)
	case *messages.Opened:
		call(c, h.OnOpen, e)
	case *messages.TextReceived:
		if h.OnBorrowed != nil {
			lend(c, h, messages.KindText, []byte(e.Text))
			return
		}
		call(c, h.OnText, e.Text)
	case *messages.BinaryReceived:
		if h.OnBorrowed != nil {
			lend(c, h, messages.KindBinary, bytes.Clone(e.Data))
			return
		}
		call(c, h.OnBinary, e.Data)
	case *messages.FragmentReceived:
		call(c, h.OnFragment, e)
	case *messages.PingReceived:
		call(c, h.OnPing, e.Data)
	case *messages.PongReceived:
		call(c, h.OnPong, e)
	case *messages.Closing:
		call(c, h.OnClosing, e)
	case *messages.Closed:
		call(c, h.OnClosed, e)
	case *messages.HandlerBehind:
		call(c, h.OnBehind, e)
	case *messages.HandlerCaughtUp:
		call(c, h.OnCaughtUp, e)
	case *messages.ReconnectScheduled:
		call(c, h.OnReconnecting, e)
	case *messages.GaveUp:
		call(c, h.OnGaveUp, e)
	case *messages.HandlerFailed:
		call(c, h.OnPanic, e)
	case *messages.Stopped:
		call(c, h.OnStopped, e)
	}
}

// lend calls OnBorrowed and makes sure that nobody can rely on data afterwards.
func lend(c *dandelion.Client, h *dandelion.Handler, kind messages.Kind, data []byte) {
	h.OnBorrowed(c, kind, data)
	for i := range data {
		data[i] = '?'
	}
}

func call[T any](c *dandelion.Client, f func(*dandelion.Client, T), v T) {
	if f != nil {
		f(c, v)
	}
}

// loopback is a real client whose server gives what it gets to a Mock.
type loopback struct {
	client *dandelion.Client
}

func newLoopback(t TestingT, c *mockCore, system *actor.ActorSystem) *loopback {
	srv := NewPipe(t)
	srv.Go(func(srv *Server) {
		conn := srv.Accept(context.Background()).Within(math.MaxInt64)
		conn.Upgrade()
		// What ends it is the client that has closed or dropped the connection.
		_ = conn.Try(func(conn *Conn) { serveLoopback(conn, c) })
	})
	client, err := dandelion.Dial(context.Background(), srv.URL(), &dandelion.Options{DialContext: srv.DialContext, System: system})
	if err != nil {
		panic(fmt.Sprintf("wstest: a connection in memory failed: %v", err))
	}
	t.Cleanup(func() {
		client.Abort()
		<-client.Done()
	})
	return &loopback{client: client}
}

// serveLoopback gives each frame of the client to the Mock, which may take its
// time for the answer, and behaves as a server to it.
func serveLoopback(conn *Conn, c *mockCore) {
	var fragments fragmentStream
	for {
		f := conn.expectCorrect("a command")
		command, err := fragments.command(f)
		if err != nil {
			conn.Reset()
			return
		}
		c.command(command, func(err error) {
			if err != nil {
				conn.Reset()
				return
			}
			// The client may have ended meanwhile.
			_ = conn.Try(func(conn *Conn) {
				switch command := command.(type) {
				case *messages.Ping:
					conn.SendPong(command.Data)
				case *messages.Close:
					conn.send(f.Opcode, f.Payload)
					conn.CloseWrite()
				}
			})
		})
	}
}

//go:build linux

package interop

// This file tests servers that are killed in the middle of a message.

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
)

// hugeMessage is larger, in bytes, than all socket buffers on the way.
const hugeMessage = 64 << 20

// killedWhileClientReceives: the server dies in the middle of a frame. The client reads 1
// MiB of it before that, and afterwards the rest that was under way.
//
// req: 6455-7.1.5-03 6455-7.2.1-01
func killedWhileClientReceives(t *testing.T, ctx context.Context, s *running) {
	dial, g := dialGate(1 << 20)
	c := s.dial(t, ctx, dandelion.Options{
		DialContext: dial,
		MaxMessage:  2 * hugeMessage,
	})
	command(t, ctx, c, fmt.Sprintf("blob %d", hugeMessage))
	select {
	case <-g.reached:
	case <-ctx.Done():
		t.Fatalf("1 MiB of the message did not arrive: %v", ctx.Err())
	}
	s.kill()
	close(g.open)
	m, err := c.Read(ctx)
	if err == nil {
		t.Fatalf("Read: got a message of %d bytes, want an error", len(m.Bytes()))
	}
	lost(t, err)
	done(t, ctx, c)
	lost(t, c.Err())
}

// killedWhileClientSends: the server dies while the client has still to write a part of a
// frame.
//
// req: 6455-7.1.5-03 6455-7.2.1-01
func killedWhileClientSends(t *testing.T, ctx context.Context, s *running) {
	dial, sock := dialSocket()
	c := s.dial(t, ctx, dandelion.Options{DialContext: dial})
	echo(t, ctx, c, messages.KindText, []byte("hello"))
	s.proc.pause(t)
	written := make(chan error, 1)
	go func() { written <- c.Write(ctx, dandelion.Binary(make([]byte, hugeMessage))) }()

	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for sock.queued(t) == 0 {
		select {
		case <-poll.C:
		case err := <-written:
			t.Fatalf("Write returned before the server was killed: %v", err)
		case <-ctx.Done():
			t.Fatalf("nothing was written: %v", ctx.Err())
		}
	}
	s.kill()

	select {
	case err := <-written:
		lost(t, err)
	case <-ctx.Done():
		t.Fatalf("Write did not return: %v", ctx.Err())
	}
	_, err := c.Read(ctx)
	lost(t, err)
	done(t, ctx, c)
	lost(t, c.Err())
}

// killedBetweenFragments: the server dies after the first fragment of a message.
//
// req: 6455-7.1.5-03 6455-7.2.1-01
func killedBetweenFragments(t *testing.T, ctx context.Context, s *running) {
	c := s.dial(t, ctx, dandelion.Options{Streaming: true})
	command(t, ctx, c, "half 50000")
	m, err := c.Read(ctx)
	if err != nil || !m.First() || m.Final() {
		t.Fatalf("Read: got first %t, final %t, error %v; want the first part of a message", m.First(), m.Final(), err)
	}
	s.kill()
	lost(t, readToEnd(t, ctx, c))
	done(t, ctx, c)
	lost(t, c.Err())
}

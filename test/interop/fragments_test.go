//go:build linux

package interop

// This file tests messages in several frames (RFC 6455 §5.4).

import (
	"bytes"
	"context"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// fragmentsToServer: fragments of a text end inside characters, and one is empty.
//
// req: 6455-5.4-12
func fragmentsToServer(t *testing.T, ctx context.Context, s *running) {
	for _, kind := range []messages.Kind{messages.KindText, messages.KindBinary} {
		t.Run(kind.String(), func(t *testing.T) {
			dial, wires := dialTap()
			c := s.dial(t, ctx, dandelion.Options{DialContext: dial})
			content := textOf(100_003)
			if kind == messages.KindBinary {
				content = binaryOf(100_003)
			}
			parts := append([][]byte{{}}, cut(content, 7)...)
			writeParts(t, ctx, c, kind, parts)
			receive(t, ctx, c, kind, content)
			if s.tlsConfig == nil { // under TLS the frames are not visible
				checkFragments(t, wires.sent(t), kind.Opcode(), len(parts))
			}

			// The connection accepts whole messages again.
			echo(t, ctx, c, messages.KindText, []byte("whole"))
		})
	}
}

// fragmentsFromServer: fragments of a text end inside characters if the server's library
// allows it.
//
// req: 6455-5.4-02 6455-5.6-03
func fragmentsFromServer(t *testing.T, ctx context.Context, s *running) {
	const count, size = 10, 10_001
	for _, kind := range []messages.Kind{messages.KindText, messages.KindBinary} {
		want := serverText(count * size)
		if kind == messages.KindBinary {
			want = serverBinary(count * size)
		}
		t.Run(kind.String(), func(t *testing.T) {
			dial, wires := dialTap()
			c := s.dial(t, ctx, dandelion.Options{DialContext: dial})
			command(t, ctx, c, "fragments "+kind.String()+" 10 10001")
			receive(t, ctx, c, kind, want)
			if s.tlsConfig == nil {
				checkFragments(t, wires.received(t), kind.Opcode(), count)
			}
			echo(t, ctx, c, messages.KindText, []byte("whole"))
		})
		t.Run(kind.String()+" streaming", func(t *testing.T) {
			c := s.dial(t, ctx, dandelion.Options{Streaming: true})
			command(t, ctx, c, "fragments "+kind.String()+" 10 10001")
			sameBytes(t, readParts(t, ctx, c, kind), want)
		})
	}
}

// pingBetweenFragments: control frames may come between the frames of a message.
func pingBetweenFragments(t *testing.T, ctx context.Context, s *running) {
	c := s.dial(t, ctx, dandelion.Options{})
	content := textOf(30_000)
	w := c.Writer(ctx, messages.KindText)
	for i, p := range cut(content, 5) {
		if _, err := w.Write(p); err != nil {
			t.Fatalf("fragment %d: %v", i, err)
		}
		if _, err := c.Ping(ctx); err != nil {
			t.Fatalf("Ping between fragments: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close of the message: %v", err)
	}
	receive(t, ctx, c, messages.KindText, content)
}

// writeParts sends a message with a frame for each part.
func writeParts(t *testing.T, ctx context.Context, c *dandelion.Client, kind messages.Kind, parts [][]byte) {
	t.Helper()
	w := c.Writer(ctx, kind)
	last := len(parts) - 1
	for i, p := range parts[:last] {
		if _, err := w.Write(p); err != nil {
			t.Fatalf("fragment %d: %v", i, err)
		}
	}
	if err := w.WriteFinal(parts[last]); err != nil {
		t.Fatalf("final fragment: %v", err)
	}
}

// checkFragments finds the first data message and checks that it came in at least count
// frames with the right opcodes.
func checkFragments(t *testing.T, frames []wire.Header, first wire.Opcode, count int) {
	t.Helper()
	for i, h := range frames {
		if want := map[bool]wire.Opcode{true: first, false: wire.OpContinuation}[i == 0]; h.Opcode != want {
			t.Fatalf("frame %d has the opcode %v, want %v", i, h.Opcode, want)
		}
		if h.Fin {
			if i+1 < count {
				t.Errorf("the message has %d frames, want at least %d", i+1, count)
			}
			return
		}
	}
	t.Errorf("no final frame among %d", len(frames))
}

// readParts reads one streamed message and joins its parts.
func readParts(t *testing.T, ctx context.Context, c *dandelion.Client, kind messages.Kind) []byte {
	t.Helper()
	var whole bytes.Buffer
	for first := true; ; first = false {
		m, err := c.Read(ctx)
		if err != nil {
			t.Fatalf("Read after %d bytes: %v", whole.Len(), err)
		}
		if m.Kind() != kind || m.First() != first {
			t.Fatalf("after %d bytes: part is of kind %v, first %t; want %v, %t", whole.Len(), m.Kind(), m.First(), kind, first)
		}
		whole.Write(m.Bytes())
		if m.Final() {
			return whole.Bytes()
		}
	}
}

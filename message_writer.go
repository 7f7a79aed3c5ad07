package dandelion

// This file is how a client sends one message in several frames.

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// MessageWriter sends one message in several frames (RFC 6455 §5.4). Until the message is
// finished other messages wait their turn; Pings and Pongs do not. A MessageWriter that is
// given up without Close holds up all others: end the client then.
type MessageWriter struct {
	c    *Client
	ctx  context.Context
	kind Kind

	mu    sync.Mutex
	id    uint64
	conn  *family.Conn // that took the first fragment
	final bool
}

var _ io.WriteCloser = (*MessageWriter)(nil)

// streams are the names of messages in fragments, unique in the program.
var streams atomic.Uint64

// Writer begins a message that is sent piece by piece. ctx bounds every call of the
// MessageWriter. If it has ended nothing begins; the frames of a message that has begun
// are still accepted, but not waited for, so that it can be finished. Nothing is sent
// before the first call. It bypasses the outbox.
func (c *Client) Writer(ctx context.Context, kind Kind) *MessageWriter {
	return &MessageWriter{c: c, ctx: ctx, kind: kind, id: streams.Add(1)}
}

// Write sends p as one frame and waits until it was handed to the operating system. A text
// may be cut anywhere, even inside a character. After the final frame the error is
// [ErrFinalFragmentSent]. If the connection has ended since the first frame the message is
// lost, and the error is [ErrClosed].
func (w *MessageWriter) Write(p []byte) (int, error) {
	if err := w.send(p, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteFinal sends p as the final frame.
func (w *MessageWriter) WriteFinal(p []byte) error { return w.send(p, true) }

// Close sends an empty final frame, unless WriteFinal or Close has finished the message.
func (w *MessageWriter) Close() error {
	w.mu.Lock()
	done := w.final
	w.mu.Unlock()
	if done {
		return nil
	}
	return w.send(nil, true)
}

func (w *MessageWriter) send(p []byte, final bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.final {
		return fmt.Errorf("write to a finished message: %w; begin another with Writer", ErrFinalFragmentSent)
	}
	f := &messages.SendFragment{Stream: w.id, Kind: w.kind, First: w.conn == nil, Final: final, Data: p}
	return w.c.write(w.ctx, w.conn, func(conn *family.Conn, reply protocol.Reply) error {
		err := conn.Out.SendFragment(protocol.Sender{}, f, reply)
		if err == nil {
			w.conn, w.final = conn, final
		}
		return err
	})
}

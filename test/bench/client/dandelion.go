package client

import (
	"context"
	"errors"
	"sync/atomic"
	"unsafe"

	root "github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/bench/payload"
)

const ourModule = "github.com/dandelionws/dandelion"

// The ways to use the root package. All options not named have their defaults.
var (
	// dandelion: callbacks, and a send that does not wait.
	dandelion = ours("dandelion", dandelionWay{})
	// dandelionBorrowed: the same with payloads that are good only until the callback returns.
	dandelionBorrowed = ours("dandelion-borrowed", dandelionWay{borrowed: true})
	// dandelionPull: Read and Write, which waits.
	dandelionPull = ours("dandelion-pull", dandelionWay{pull: true})
)

// dandelionWay is one way to use the root package.
type dandelionWay struct{ pull, borrowed bool }

func ours(name string, way dandelionWay) Library {
	return Library{
		Name:         name,
		Ours:         true,
		Checks:       true,
		OnlyReceives: way.borrowed,
		Module:       ourModule,
		Dial:         way.dial,
	}
}

type dandelionConn struct {
	client *root.Client
	pull   bool
	closed atomic.Bool
}

func (way dandelionWay) dial(url string, cfg Config) (Conn, error) {
	c := &dandelionConn{pull: way.pull}
	opts := &root.Options{}
	if !way.pull {
		opts.Handler = c.handler(cfg)
		if way.borrowed {
			opts.Handler.OnBorrowed = func(_ *root.Client, _ messages.Kind, p []byte) { cfg.OnMessage(c, p) }
		}
	}
	var err error
	if c.client, err = root.Dial(context.Background(), url, opts); err != nil {
		return nil, err
	}
	if way.pull {
		go cfg.readLoop(c, &c.closed, func() ([]byte, error) {
			msg, err := c.client.Read(context.Background())
			return msg.Bytes(), err
		})
	}
	return c, nil
}

func (c *dandelionConn) handler(cfg Config) *root.Handler {
	return &root.Handler{
		OnText:   func(_ *root.Client, text string) { cfg.OnMessage(c, bytesOf(text)) },
		OnBinary: func(_ *root.Client, data []byte) { cfg.OnMessage(c, data) },
		OnStopped: func(_ *root.Client, e *messages.Stopped) {
			if !c.closed.Load() {
				cfg.OnError(e.Cause)
			}
		},
	}
}

// Send waits for room when the queue is full.
func (c *dandelionConn) Send(kind payload.Kind, p []byte) error {
	if c.pull {
		return c.client.Write(context.Background(), root.NewMessage(dandelionKind(kind), p))
	}
	err := c.client.Send(root.NewMessage(dandelionKind(kind), p))
	if errors.Is(err, messages.ErrQueueFull) {
		return c.client.Queue(context.Background(), root.NewMessage(dandelionKind(kind), p))
	}
	return err
}

func (c *dandelionConn) Close() {
	c.closed.Store(true)
	c.client.Abort()
}

func dandelionKind(kind payload.Kind) messages.Kind {
	if kind == payload.Text {
		return messages.KindText
	}
	return messages.KindBinary
}

// bytesOf returns the bytes of text, which must not be changed.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// textOf is the reverse; p must not be changed any more.
func textOf(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

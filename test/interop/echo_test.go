//go:build linux

package interop

// This file tests whole messages, there and back.

import (
	"context"
	"fmt"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
)

func echoText(t *testing.T, ctx context.Context, s *running) {
	echoSizes(t, ctx, s, messages.KindText, textOf)
}

func echoBinary(t *testing.T, ctx context.Context, s *running) {
	echoSizes(t, ctx, s, messages.KindBinary, binaryOf)
}

// echoSizes: one connection carries a message of each size.
//
// req: 6455-5.2-01 6455-5.6-01
func echoSizes(t *testing.T, ctx context.Context, s *running, kind messages.Kind, content func(n int) []byte) {
	c := s.dial(t, ctx, dandelion.Options{})
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) { echo(t, ctx, c, kind, content(n)) })
	}
}

// echoMany sends without waiting for answers; they keep their order.
func echoMany(t *testing.T, ctx context.Context, s *running) {
	const count = 2000
	c := s.dial(t, ctx, dandelion.Options{})
	written := make(chan error, 1)
	go func() {
		for i := range count {
			if err := c.Write(ctx, dandelion.NewMessage(kindOf(i), number(i))); err != nil {
				written <- fmt.Errorf("message %d: %w", i, err)
				return
			}
		}
		written <- nil
	}()
	for i := range count {
		receive(t, ctx, c, kindOf(i), number(i))
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func kindOf(i int) messages.Kind {
	if i%2 == 0 {
		return messages.KindText
	}
	return messages.KindBinary
}

func number(i int) []byte { return fmt.Appendf(nil, "message %d", i) }

//go:build linux

package interop

// This file is what many scenarios do with a client.

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// dial connects to the server. At the end of the test the connection is dropped if it is
// still open.
func (s *running) dial(t *testing.T, ctx context.Context, opts dandelion.Options) *dandelion.Client {
	t.Helper()
	opts.TLSConfig = s.tlsConfig
	c, err := dandelion.Dial(ctx, s.url, &opts)
	if err != nil {
		t.Fatalf("Dial(%s): %v", s.url, err)
	}
	endWithTest(t, c)
	return c
}

// endWithTest drops the connection of c at the end of the test if it is still open, and
// waits for its end.
func endWithTest(t *testing.T, c *dandelion.Client) {
	t.Cleanup(func() {
		c.Abort()
		select {
		case <-c.Done():
		case <-time.After(5 * time.Second):
			t.Errorf("client is still not done 5 s after Abort, state %v", c.State())
		}
	})
}

// command sends one of the commands of servers/README.md.
func command(t *testing.T, ctx context.Context, c *dandelion.Client, text string) {
	t.Helper()
	if err := c.Write(ctx, dandelion.Text(text)); err != nil {
		t.Fatalf("Write(%q): %v", text, err)
	}
}

// receive reads one message and compares it.
func receive(t *testing.T, ctx context.Context, c *dandelion.Client, kind messages.Kind, want []byte) {
	t.Helper()
	m, err := c.Read(ctx)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if m.Kind() != kind {
		t.Fatalf("got a %v message of %d bytes, want %v of %d", m.Kind(), len(m.Bytes()), kind, len(want))
	}
	sameBytes(t, m.Bytes(), want)
}

// echo sends a message and expects it back.
func echo(t *testing.T, ctx context.Context, c *dandelion.Client, kind messages.Kind, data []byte) {
	t.Helper()
	if err := c.Write(ctx, dandelion.NewMessage(kind, data)); err != nil {
		t.Fatalf("Write(%v, %d bytes): %v", kind, len(data), err)
	}
	receive(t, ctx, c, kind, data)
}

// closeError returns the *messages.CloseError that err must be.
func closeError(t *testing.T, err error) *messages.CloseError {
	t.Helper()
	ce, ok := errors.AsType[*messages.CloseError](err)
	if !ok {
		t.Fatalf("got error %v (%T), want a *messages.CloseError", err, err)
	}
	return ce
}

// lost checks that the connection ended without a closing handshake.
func lost(t *testing.T, err error) {
	t.Helper()
	if ce := closeError(t, err); ce.Code != wire.StatusAbnormal || ce.Clean {
		t.Fatalf("got code %d, clean %t (%v); want code 1006, clean false", ce.Code, ce.Clean, ce)
	}
}

// readToEnd reads until the end of the connection and returns its error; messages before it
// are discarded.
func readToEnd(t *testing.T, ctx context.Context, c *dandelion.Client) error {
	t.Helper()
	for {
		_, err := c.Read(ctx)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			t.Fatalf("the connection did not end: %v", err)
		}
		return err
	}
}

// done waits for the end of a client.
func done(t *testing.T, ctx context.Context, c *dandelion.Client) {
	t.Helper()
	select {
	case <-c.Done():
	case <-ctx.Done():
		t.Fatalf("client is not done, state %v: %v", c.State(), ctx.Err())
	}
}

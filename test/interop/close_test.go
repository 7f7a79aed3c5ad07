//go:build linux

package interop

// This file tests the closing handshake, begun by either side (RFC 6455 §7).

import (
	"context"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// closeByClient: the server has seen code and reason.
//
// req: 6455-7.1.2-01
func closeByClient(t *testing.T, ctx context.Context, s *running) {
	c := s.dial(t, ctx, dandelion.Options{})
	echo(t, ctx, c, messages.KindText, []byte("hello"))
	if err := c.Close(ctx, 4001, "closed by client"); err != nil {
		t.Errorf("Close: %v, want nil for a clean end", err)
	}
	if got, want := s.proc.expect(t, ctx, "closed "), "4001 closed by client"; got != want {
		t.Errorf("the server saw %q, want %q", got, want)
	}
	checkClosed(t, ctx, c, messages.Local, 4001)
}

func closeByClientWithoutStatus(t *testing.T, ctx context.Context, s *running) {
	c := s.dial(t, ctx, dandelion.Options{})
	echo(t, ctx, c, messages.KindText, []byte("hello"))
	if err := c.Close(ctx, 0, ""); err != nil {
		t.Errorf("Close: %v, want nil for a clean end", err)
	}
	if got, want := s.proc.expect(t, ctx, "closed "), "1005 "; got != want {
		t.Errorf("the server saw %q, want %q", got, want)
	}
	done(t, ctx, c)
}

// closeByServer: code and reason are the server's.
//
// req: 6455-5.5.1-06 6455-7.1.5-01 6455-7.1.6-01
func closeByServer(t *testing.T, ctx context.Context, s *running) {
	c := s.dial(t, ctx, dandelion.Options{})
	command(t, ctx, c, "close 1001 bye, see you")
	_, err := c.Read(ctx)
	ce := closeError(t, err)
	if ce.Code != wire.StatusGoingAway || ce.Reason != "bye, see you" || !ce.Clean || ce.By != messages.Remote {
		t.Errorf("Read: got code %d, reason %q, clean %t, by %v; want 1001, %q, true, remote",
			ce.Code, ce.Reason, ce.Clean, ce.By, "bye, see you")
	}
	checkClosed(t, ctx, c, messages.Remote, wire.StatusGoingAway)
}

// closeByServerWithoutStatus: no status in the frame is 1005.
//
// req: 6455-7.1.5-02
func closeByServerWithoutStatus(t *testing.T, ctx context.Context, s *running) {
	want, request := wire.StatusNormal, "close 1000" // a status, but no reason
	if s.emptyClose {
		want, request = wire.StatusNoStatus, "close 0"
	}
	c := s.dial(t, ctx, dandelion.Options{})
	command(t, ctx, c, request)
	_, err := c.Read(ctx)
	if ce := closeError(t, err); ce.Code != want || ce.Reason != "" || !ce.Clean {
		t.Errorf("Read: got code %d, reason %q, clean %t; want %d, no reason, true", ce.Code, ce.Reason, ce.Clean, want)
	}
	checkClosed(t, ctx, c, messages.Remote, want)
}

// checkClosed checks the client after a clean end.
func checkClosed(t *testing.T, ctx context.Context, c *dandelion.Client, by messages.Side, code wire.StatusCode) {
	t.Helper()
	done(t, ctx, c)
	if ce := closeError(t, c.Err()); !ce.Clean || ce.By != by || ce.Code != code {
		t.Errorf("Err: got code %d, clean %t, by %v (%v); want %d, true, %v", ce.Code, ce.Clean, ce.By, ce, code, by)
	}
	if err := c.Write(ctx, dandelion.Text("too late")); err == nil {
		t.Error("Write after the end returned nil, want an error")
	}
}

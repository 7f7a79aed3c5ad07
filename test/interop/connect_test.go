//go:build linux

package interop

// This file tests the opening handshake.

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
)

// connect: the server accepts the second of two offered subprotocols.
//
// req: 6455-4.1-08 6455-4.1-32 6455-4.1-46
func connect(t *testing.T, ctx context.Context, s *running) {
	c := s.dial(t, ctx, dandelion.Options{Subprotocols: []string{"unknown.interop", "echo.interop"}})
	if got := c.State(); got != messages.StateOpen {
		t.Errorf("state is %v, want %v", got, messages.StateOpen)
	}
	opened := c.Opened()
	if got, want := opened.Subprotocol, "echo.interop"; got != want {
		t.Errorf("subprotocol is %q, want %q", got, want)
	}
	if len(opened.Extensions) != 0 {
		t.Errorf("extensions are %q, want none", opened.Extensions)
	}
	want := s.addr
	if s.front != nil {
		want = s.front.addr
	}
	if opened.RemoteAddr != want {
		t.Errorf("remote address is %q, want %q", opened.RemoteAddr, want)
	}
	if got := opened.Header.Get("Sec-WebSocket-Accept"); got == "" {
		t.Error("header of the server's response has no Sec-WebSocket-Accept")
	}
	echo(t, ctx, c, messages.KindText, []byte("hello"))

	// Without an offer there is no subprotocol.
	c = s.dial(t, ctx, dandelion.Options{})
	if got := c.Opened().Subprotocol; got != "" {
		t.Errorf("subprotocol without an offer is %q, want none", got)
	}
	echo(t, ctx, c, messages.KindText, []byte("hello"))
}

// TestNginx tests what a TLS and HTTP front can do besides forwarding bytes.
//
// req: 6455-4.1-14
func TestNginx(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	i := slices.IndexFunc(servers, func(s server) bool { return s.nginx })
	s := servers[i].launch(t)

	t.Run("untrusted certificate", func(t *testing.T) {
		_, err := dandelion.Dial(ctx, s.url, &dandelion.Options{})
		he, ok := errors.AsType[*handshake.Error](err)
		if !ok || he.Stage != handshake.StageTLS {
			t.Errorf("Dial: got %v (%T), want a *handshake.Error of the stage TLS", err, err)
		}
	})
	t.Run("backend is down", func(t *testing.T) {
		s.kill()
		_, err := dandelion.Dial(ctx, s.url, &dandelion.Options{TLSConfig: s.tlsConfig})
		he, ok := errors.AsType[*handshake.Error](err)
		if !ok || he.Status != http.StatusBadGateway {
			t.Errorf("Dial: got %v (%T), want a *handshake.Error with status 502", err, err)
		}
	})
	t.Run("front is killed", func(t *testing.T) {
		s.start(t)
		c := s.dial(t, ctx, dandelion.Options{})
		echo(t, ctx, c, messages.KindText, []byte("hello"))
		s.front.proc.kill()
		lost(t, readToEnd(t, ctx, c))
	})
}

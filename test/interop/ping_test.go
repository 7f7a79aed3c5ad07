//go:build linux

package interop

// This file tests Ping and Pong (RFC 6455 §5.5.2, §5.5.3).

import (
	"context"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
)

// pingByClient: the server answers, and an unsolicited Pong disturbs nobody.
//
// req: 6455-5.5.3-03
func pingByClient(t *testing.T, ctx context.Context, s *running) {
	c := s.dial(t, ctx, dandelion.Options{})
	for range 3 {
		rtt, err := c.Ping(ctx)
		if err != nil {
			t.Fatalf("Ping: %v", err)
		}
		if rtt <= 0 || rtt > patience {
			t.Errorf("round-trip time is %v, want more than 0 and at most %v", rtt, patience)
		}
	}
	if err := c.SendPong([]byte("unasked")); err != nil {
		t.Fatalf("SendPong: %v", err)
	}
	echo(t, ctx, c, messages.KindText, []byte("after pings"))
}

// pingByServer: the connection itself answers, with the same data.
//
// req: 6455-5.5.2-02 6455-5.5.3-01
func pingByServer(t *testing.T, ctx context.Context, s *running) {
	pings := make(chan string, 16)
	c := s.dial(t, ctx, dandelion.Options{
		Handler: &dandelion.Handler{
			OnPing: func(_ *dandelion.Client, data []byte) { pings <- string(data) },
		},
	})
	command(t, ctx, c, "ping are you there?")
	receive(t, ctx, c, messages.KindText, []byte("pong are you there?"))
	select {
	case got := <-pings:
		if want := "are you there?"; got != want && !s.ownPingData {
			t.Errorf("OnPing got %q, want %q", got, want)
		}
	case <-time.After(5 * time.Second):
		t.Error("OnPing was not called within 5 s")
	}
}

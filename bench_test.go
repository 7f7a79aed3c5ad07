package dandelion_test

import (
	"context"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
)

// These benchmarks are for profiles; test/bench compares with other clients.

func newBenchEcho(b *testing.B) *wstest.EchoServer {
	b.Helper()
	s, err := wstest.NewEchoServer("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkDial opens connections, one after the other, and drops them.
func BenchmarkDial(b *testing.B) {
	s := newBenchEcho(b)
	b.ReportAllocs()
	for b.Loop() {
		c, err := dandelion.Dial(context.Background(), s.URL(), nil)
		if err != nil {
			b.Fatal(err)
		}
		c.Abort()
		<-c.Done()
	}
}

// BenchmarkEcho sends a message and waits for its echo.
func BenchmarkEcho(b *testing.B) {
	s := newBenchEcho(b)
	b.ReportAllocs()
	data := make([]byte, 32)
	done := make(chan struct{})
	left := 0
	c, err := dandelion.Dial(context.Background(), s.URL(), &dandelion.Options{Handler: &dandelion.Handler{
		OnBorrowed: func(c *dandelion.Client, kind messages.Kind, p []byte) {
			if left--; left < 0 {
				close(done)
				return
			}
			c.Send(dandelion.NewMessage(kind, p))
		},
	}})
	if err != nil {
		b.Fatal(err)
	}
	left = b.N
	b.ResetTimer()
	c.Send(dandelion.Binary(data))
	<-done
	c.Abort()
	<-c.Done()
}

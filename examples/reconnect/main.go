// Command reconnect shows what a supervised client does while a server comes and
// goes: the verdict for each end of a connection, and the delay that was drawn
// before the next attempt.
//
//	go run ./examples/reconnect
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/test/wstest"
)

const legend = "< received   = state   % verdict of the supervisor   # what the server does next"

// accountClosed is a close code of this service's own (RFC 6455 §7.4.2).
const accountClosed dandelion.StatusCode = 4001

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "reconnect:", err)
		os.Exit(1)
	}
}

// verdicts differ from the default ones in the code that only this service knows.
var verdicts = dandelion.Verdicts{
	dandelion.CloseCode(accountClosed): {Action: dandelion.Stop, Reason: "the account is closed"},
}

func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	trace := log.New(out, "", 0)
	trace.Print(legend)
	server, err := wstest.NewEchoServer("")
	if err != nil {
		return err
	}
	defer server.Close()

	opened, refused, stopped := make(chan struct{}, 100), make(chan struct{}, 100), make(chan struct{})
	client, err := dandelion.Supervise(ctx, server.URL(), &dandelion.Options{
		Retry: dandelion.RetryPolicy{
			Verdicts: verdicts,
			// A delay is drawn at random from 20 to 50 ms, then 20 to 100, 20 to 200 …
			// The defaults are longer: this is for a demonstration that does not last.
			Backoff: dandelion.Exponential{
				Min:  20 * time.Millisecond,
				Base: 50 * time.Millisecond,
				Max:  500 * time.Millisecond,
			}.New,
			ResetAfter:  time.Nanosecond, // a Pong is enough to start from 50 ms again
			MaxAttempts: 20,
		},
		Handler: &dandelion.Handler{
			OnConnecting: func(_ *dandelion.Client, e *dandelion.Connecting) {
				trace.Printf("= CONNECTING epoch %d, attempt %d", e.Epoch, e.Attempt)
			},
			OnOpen: func(_ *dandelion.Client, e *dandelion.Opened) {
				trace.Printf("= OPEN epoch %d", e.Epoch)
				opened <- struct{}{}
			},
			OnClosed: func(_ *dandelion.Client, e *dandelion.Closed) {
				trace.Printf("= CLOSED code %d, reason %q", e.Err.Code, e.Err.Reason)
			},
			OnReconnecting: func(_ *dandelion.Client, e *dandelion.ReconnectScheduled) {
				trace.Printf("%% waits %v: %s", e.Delay.Round(time.Millisecond), e.Reason)
				var failed *dandelion.HandshakeError
				if errors.As(e.Cause, &failed) && failed.Stage == dandelion.StageDial {
					refused <- struct{}{}
				}
			},
			OnGaveUp: func(_ *dandelion.Client, e *dandelion.GaveUp) {
				trace.Printf("%% gives up: %s", e.Reason)
			},
			OnStopped: func(*dandelion.Client, *dandelion.Stopped) {
				trace.Print("= STOPPED")
				close(stopped)
			},
		},
	})
	if err != nil {
		return err
	}
	defer func() {
		client.Abort()
		<-stopped
	}()
	await := func(event <-chan struct{}) error {
		select {
		case <-event:
			return nil
		case <-client.Done(): // too early, or because ctx has ended
			return fmt.Errorf("the client stopped: %w", client.Err())
		}
	}

	for _, act := range []struct {
		name string
		do   func() error
	}{
		{"drops the connection", func() error { server.KillConnections(); return nil }},
		{"closes for a new version", func() error { return server.CloseConnections(dandelion.StatusServiceRestart, "new version") }},
		{"is overloaded", func() error { return server.CloseConnections(dandelion.StatusTryAgainLater, "") }},
		{"is away for three attempts", func() error {
			server.Close()
			for range 3 {
				if err := await(refused); err != nil {
					return err
				}
			}
			return server.Restart()
		}},
		{"closes the account", func() error { return server.CloseConnections(accountClosed, "goodbye") }},
	} {
		if err := await(opened); err != nil {
			return err
		}
		rtt, err := client.Ping(ctx)
		if err != nil {
			return err
		}
		trace.Printf("< PONG after %v", rtt.Round(time.Microsecond))
		trace.Print("# ", act.name)
		if err := act.do(); err != nil {
			return err
		}
	}

	<-client.Done() // by the last verdict, or because ctx has ended
	var closed *dandelion.CloseError
	if err := client.Err(); !errors.As(err, &closed) || closed.Code != accountClosed {
		return fmt.Errorf("not stopped by code %d: %w", accountClosed, err)
	}
	return nil
}

// Command echo does the main job of a WebSocket client: it connects, exchanges
// text, binary and fragmented messages and a Ping, lives through a restart of
// the server, and closes. It prints what happened, one line each.
//
//	go run ./examples/echo
//	go run ./examples/echo -url wss://echo.example.org
//
// The server is its own one unless -url names another, which is not restarted.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/test/wstest"
)

const legend = "> sent   < received   = state   % decision of the supervisor   # this program"

func main() {
	url := flag.String("url", "", "an echo server, e.g. wss://echo.example.org; default: one in this program")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *url); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	trace := log.New(out, "", 0)
	trace.Print(legend)

	var server *wstest.EchoServer
	if url == "" {
		var err error
		if server, err = wstest.NewEchoServer(""); err != nil {
			return err
		}
		defer server.Close()
		url = server.URL()
	}

	opened, stopped := make(chan struct{}, 1), make(chan struct{})
	client, err := dandelion.Supervise(ctx, url, &dandelion.Options{
		Handler:        handler(trace, opened, stopped),
		ConnectTimeout: 5 * time.Second,
		Retry: dandelion.RetryPolicy{
			Backoff:     dandelion.Exponential{Min: 50 * time.Millisecond, Base: 200 * time.Millisecond}.New,
			MaxAttempts: 3,
		},
	})
	if err != nil {
		return err
	}
	defer func() { // for the returns below; a client that was closed stays closed
		client.Abort()
		<-stopped
	}()

	t := &talk{client, trace}
	if err := t.awaitOpen(opened); err != nil {
		return err
	}
	if err := t.exchange(ctx); err != nil {
		return err
	}
	if server != nil {
		trace.Print("# the server restarts")
		if err := server.Restart(); err != nil {
			return err
		}
		if err := t.awaitOpen(opened); err != nil {
			return err
		}
		if err := t.echo(ctx, dandelion.KindText, "still here"); err != nil {
			return err
		}
	}
	trace.Printf("> CLOSE %d %q", dandelion.StatusNormal, "done")
	return client.Close(ctx, dandelion.StatusNormal, "done")
}

// handler prints what happens to the connection.
func handler(trace *log.Logger, opened, stopped chan<- struct{}) *dandelion.Handler {
	return &dandelion.Handler{
		OnConnecting: func(_ *dandelion.Client, e *dandelion.Connecting) {
			trace.Printf("= CONNECTING epoch %d", e.Epoch)
		},
		OnOpen: func(_ *dandelion.Client, e *dandelion.Opened) {
			trace.Printf("= OPEN epoch %d", e.Epoch)
			select {
			case opened <- struct{}{}:
			default: // the last one was not looked at yet
			}
		},
		OnClosing: func(_ *dandelion.Client, e *dandelion.Closing) {
			trace.Printf("= CLOSING by %v side, code %d", e.By, e.Code)
		},
		OnClosed: func(_ *dandelion.Client, e *dandelion.Closed) {
			trace.Printf("= CLOSED code %d (%v), clean: %t", e.Err.Code, e.Err.Code, e.Err.Clean)
		},
		OnReconnecting: func(_ *dandelion.Client, e *dandelion.ReconnectScheduled) {
			trace.Printf("%% waits %v: %s", e.Delay.Round(time.Millisecond), e.Reason)
		},
		OnGaveUp: func(_ *dandelion.Client, e *dandelion.GaveUp) {
			trace.Printf("%% gives up: %s", e.Reason)
		},
		OnStopped: func(*dandelion.Client, *dandelion.Stopped) {
			trace.Print("= STOPPED")
			close(stopped)
		},
	}
}

// talk is what the program says to the server and what it hears.
type talk struct {
	client *dandelion.Client
	trace  *log.Logger
}

func (t *talk) awaitOpen(opened <-chan struct{}) error {
	select {
	case <-opened:
		return nil
	case <-t.client.Done(): // it gave up, or the context has ended
		return t.client.Err()
	}
}

// exchange sends one message of every sort and waits for the echoes.
func (t *talk) exchange(ctx context.Context) error {
	if err := t.echo(ctx, dandelion.KindText, "hello"); err != nil {
		return err
	}
	if err := t.echo(ctx, dandelion.KindBinary, "\x00\x01\xfe\xff"); err != nil {
		return err
	}

	// One message in three frames. The first cut is inside a character, which is
	// allowed, and a Ping goes between two of the frames.
	w := t.client.Writer(ctx, dandelion.KindText)
	for _, part := range []string{"Gr\xc3", "\xbc\xc3\x9fe, "} {
		t.trace.Printf("> TEXT %q …", part)
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
	}
	t.trace.Print("> PING")
	rtt, err := t.client.Ping(ctx)
	if err != nil {
		return err
	}
	t.trace.Printf("< PONG after %v", rtt.Round(time.Microsecond))
	t.trace.Printf("> TEXT … %q", "Welt")
	if err := w.WriteFinal([]byte("Welt")); err != nil {
		return err
	}
	return t.receive(ctx, dandelion.KindText, "Grüße, Welt")
}

// echo sends a message and waits for its echo.
func (t *talk) echo(ctx context.Context, kind dandelion.Kind, data string) error {
	t.trace.Printf("> %s %q", strings.ToUpper(kind.String()), data)
	if err := t.client.Write(ctx, dandelion.NewMessage(kind, []byte(data))); err != nil {
		return err
	}
	return t.receive(ctx, kind, data)
}

// receive reads until the message arrives; a server may have other things to say.
func (t *talk) receive(ctx context.Context, kind dandelion.Kind, data string) error {
	for {
		msg, err := t.client.Read(ctx)
		if err != nil {
			return fmt.Errorf("no echo of %q: %w", data, err)
		}
		t.trace.Printf("< %s %.80q", strings.ToUpper(msg.Kind().String()), msg.Bytes())
		if msg.Kind() == kind && string(msg.Bytes()) == data {
			return nil
		}
	}
}

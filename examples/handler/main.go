// Command handler runs a whole conversation in the callbacks of a Handler. They
// are called one at a time, so they share variables without a lock, and they use
// the client as they like. One of them panics, and the conversation continues.
//
//	go run ./examples/handler
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/test/wstest"
)

const legend = "> sent   < received   = state   # this program"

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "handler:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	trace := log.New(out, "", 0)
	trace.Print(legend)
	server, err := wstest.NewEchoServer("")
	if err != nil {
		return err
	}
	defer server.Close()

	// The state of the conversation. Only callbacks touch it until stopped is closed.
	numbers, sum := []string{"20", "oops", "22"}, 0
	stopped := make(chan struct{})

	// next sends the next number, or the sum when there are no more.
	next := func(c *dandelion.Client) {
		if len(numbers) == 0 {
			trace.Printf("> BINARY %x", []byte{byte(sum)})
			check(c, c.Send(dandelion.Binary([]byte{byte(sum)})))
			return
		}
		text := numbers[0]
		numbers = numbers[1:]
		trace.Printf("> TEXT %q", text)
		check(c, c.Send(dandelion.Text(text)))
	}

	client, err := dandelion.Dial(ctx, server.URL(), &dandelion.Options{
		OnPanic: dandelion.ContinueOnPanic, // the default fails the connection
		Handler: &dandelion.Handler{
			OnOpen: func(c *dandelion.Client, e *dandelion.Opened) {
				trace.Print("= OPEN")
				next(c)
			},
			OnText: func(c *dandelion.Client, text string) {
				trace.Printf("< TEXT %q", text)
				n, err := strconv.Atoi(text)
				if err != nil {
					panic(err)
				}
				sum += n
				next(c)
			},
			OnPanic: func(c *dandelion.Client, e *dandelion.HandlerFailed) {
				trace.Printf("# a callback panicked: %v", e.Value)
				next(c)
			},
			OnBinary: func(c *dandelion.Client, data []byte) {
				trace.Printf("< BINARY %x", data)
				trace.Printf("> PING %q", "done?")
				check(c, c.SendPing([]byte("done?")))
			},
			OnPong: func(c *dandelion.Client, e *dandelion.PongReceived) {
				trace.Printf("< PONG %q after %v", e.Data, e.RTT.Round(time.Microsecond))
				trace.Print("> CLOSE 1000")
				check(c, c.Close(ctx, dandelion.StatusNormal, ""))
			},
			OnClosing: func(_ *dandelion.Client, e *dandelion.Closing) {
				trace.Printf("= CLOSING by %v side", e.By)
			},
			OnClosed: func(_ *dandelion.Client, e *dandelion.Closed) {
				trace.Printf("= CLOSED code %d, clean: %t", e.Err.Code, e.Err.Clean)
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

	defer context.AfterFunc(ctx, client.Abort)() // when it takes too long
	<-stopped
	if sum != 42 {
		return fmt.Errorf("the sum is %d: %w", sum, client.Err())
	}
	return nil
}

// check ends the client when a send was refused. Client.Err then says why.
func check(c *dandelion.Client, err error) {
	if err != nil {
		c.Abort()
	}
}

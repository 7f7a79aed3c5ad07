package dandelion_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// This file has the code of README.md, so that it is compiled and run. What is
// there in a block is here word for word; TestReadme holds that.

func chat(ctx context.Context, url string) error {
	client, err := dandelion.Supervise(ctx, url, nil) // Dial makes one connection only
	if err != nil {
		return err
	}
	defer client.Abort() // does nothing after Close
	for _, text := range []string{"hello", "bye"} {
		if err := client.Write(ctx, dandelion.Text(text)); err != nil { // waits for the connection
			return err
		}
	}
	for msg, err := range client.Messages(ctx) { // goes on through reconnects
		if err != nil {
			return err
		}
		fmt.Println(msg.Kind(), msg.Text())
		if msg.Text() == "bye" {
			break
		}
	}
	return client.Close(ctx, wire.StatusNormal, "")
}

func ExampleSupervise_readme() {
	server, err := wstest.NewEchoServer("")
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := chat(ctx, server.URL()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// text hello
	// text bye
}

type feed struct {
	url  string
	conn *actor.PID // stays the same through all reconnects
}

func (f *feed) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		f.conn = ctx.Spawn(supervisor.Props(supervisor.Config{
			URL:    f.url,
			Target: ctx.Self(), // gets the events
		}))
	case *messages.Opened: // also after every reconnect
		ctx.Request(f.conn, &messages.SendText{Text: "hello"})
	case *messages.Sent: // or *messages.SendFailed: exactly one for each Request
		fmt.Println("sent in epoch", msg.Epoch)
	case *messages.TextReceived:
		fmt.Println("text", msg.Text)
		ctx.Send(f.conn, &messages.Close{Code: wire.StatusNormal})
	case *messages.Stopped: // the last event
		ctx.Stop(ctx.Self())
	}
}

func Example_actor() {
	server, err := wstest.NewEchoServer("")
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	ended := make(chan struct{})
	system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &feed{url: server.URL()}
	}, actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(ctx actor.ReceiverContext, envelope *actor.MessageEnvelope) {
			next(ctx, envelope)
			if _, ok := envelope.Message.(*actor.Stopped); ok {
				close(ended)
			}
		}
	})))
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		fmt.Println("it does not end")
	}
	// Unordered output:
	// sent in epoch 1
	// text hello
}

// TestReadme finds every block of Go code of README.md in this file.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	here, err := os.ReadFile("example_readme_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1)
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		require.True(t, strings.Contains(string(here), "\n"+block[1]), "not in example_readme_test.go:\n%s", block[1])
	}
}

//lint:file-ignore SA4006 documents show calls one after the other, each with its error

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
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/pool"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// This file has the code of README.md and docs, so that it is compiled and run. What is
// there in a block is here word for word; TestDocumentedCode holds that.

func chat(ctx context.Context, url string) error {
	client, err := dandelion.Supervise(ctx, url, &dandelion.Options{ // Dial is for one connection only
		PingInterval: 10 * time.Second,
		MaxMessage:   1 << 20,
	})
	if err != nil {
		return err
	}
	defer client.Abort() // does nothing after Close
	for _, text := range []string{"hello", "bye"} {
		if err := client.Write(ctx, dandelion.Text(text)); err != nil { // waits for a connection
			return err
		}
	}
	for msg, err := range client.Messages(ctx) { // continues across reconnects
		if err != nil {
			return err
		}
		fmt.Println(msg.Kind(), msg.Text())
		if msg.Text() == "bye" {
			break
		}
	}
	return client.Close(ctx, dandelion.StatusNormal, "")
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
	conn *actor.PID // the same across all reconnects
}

func (f *feed) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		f.conn = ctx.Spawn(supervisor.Props(supervisor.Config{
			URL:    f.url,
			Target: ctx.Self(), // receives the events
		}))
	case *messages.Opened: // after every reconnect, too
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

func spawnPool(ctx actor.SpawnerContext, urls []string, target *actor.PID) *actor.PID {
	return ctx.Spawn(pool.Props(pool.Config{
		Size: len(urls),
		Member: func(i int) supervisor.Config {
			return supervisor.Config{URL: urls[i], Target: target}
		},
		SpreadOver:   10 * time.Second, // the first attempts
		ReplaceAfter: time.Minute,      // members that have given up
		Target:       target,           // gets the events of the pool itself
	}))
}

var wide = &handshake.Client{Adapter: &handshake.NetAdapter{
	Gate: &handshake.Gate{PerAddress: 50}, // one for all connections
}}

var _, _ = spawnPool, wide

func sendInAllWays(ctx context.Context, client *dandelion.Client, object, data []byte) error {
	err := client.Write(ctx, dandelion.Text("hello"))    // a string: sent without a copy
	err = client.Queue(ctx, dandelion.TextBytes(object)) // bytes that are text, such as JSON
	err = client.Send(dandelion.Binary(data))
	order := dandelion.Text("order 7").With(dandelion.Delivery{ID: "7", TTL: time.Minute})
	err = client.Queue(ctx, order)
	return err
}

var _ = sendInAllWays

// TestDocumentedCode finds every block of Go code of the documents in this file.
func TestDocumentedCode(t *testing.T) {
	here, err := os.ReadFile("example_readme_test.go")
	require.NoError(t, err)
	body := strings.ReplaceAll(string(here), "\n\t", "\n") // of functions
	for document, want := range map[string]int{"README.md": 2, "docs/many-connections.md": 2, "docs/verbs.md": 2} {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
		require.Len(t, blocks, want, document)
		for _, block := range blocks {
			require.True(t, strings.Contains(string(here), "\n"+block[1]) || strings.Contains(body, "\n"+block[1]), "%s: not in example_readme_test.go:\n%s", document, block[1])
		}
	}
}

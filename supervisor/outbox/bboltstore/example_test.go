package bboltstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/outbox/bboltstore"
	"github.com/dandelionws/dandelion/test/wstest"
)

// A program accepts an order while its server is away and ends. The next one, with
// the same file, sends it.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	dir, err := os.MkdirTemp("", "outbox")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	program := func(url string, use func(*dandelion.Client) error) error {
		store, err := bboltstore.Open(filepath.Join(dir, "outbox.db"), nil)
		if err != nil {
			return err
		}
		defer store.Close()
		client, err := dandelion.Supervise(ctx, url, &dandelion.Options{
			Outbox: &outbox.Config{
				Store: store,
				// This server answers each order with the order itself.
				Acked: func(_ messages.Kind, data []byte) (outbox.Ack, bool) {
					return outbox.Ack{ID: string(data)}, true
				},
			},
		})
		if err != nil {
			return err
		}
		return use(client)
	}

	err = program("ws://127.0.0.1:1", func(client *dandelion.Client) error {
		order := dandelion.Text("order 7").With(messages.Delivery{ID: "order 7"})
		if err := client.Queue(context.Background(), order); err != nil {
			return err
		}
		fmt.Println("order 7 is on disk")
		client.Abort()
		<-client.Done()
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	server, err := wstest.NewEchoServer("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	err = program(server.URL(), func(client *dandelion.Client) error {
		return client.Shutdown(ctx) // when the outbox is empty
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the server has acknowledged all")
	// Output:
	// order 7 is on disk
	// the server has acknowledged all
}

// This file is the interface behind which code can take a real client or a
// mocked one.

package wstest

import (
	"context"
	"iter"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Client has the methods of a *dandelion.Client, which is one, for sending, receiving
// and closing. [MockClient] is another.
//
// Code that is to be tested with a MockClient takes an interface instead of the
// *dandelion.Client. Best it declares a small one of its own, with the two or three
// methods that it uses; both types satisfy that as well:
//
//	type sender interface {
//		Send(dandelion.Message) error
//	}
type Client interface {
	PID() *actor.PID
	System() *actor.ActorSystem
	State() messages.State
	Opened() *messages.Opened
	Done() <-chan struct{}
	Err() error

	Read(ctx context.Context) (dandelion.Message, error)
	Messages(ctx context.Context) iter.Seq2[dandelion.Message, error]

	Write(ctx context.Context, m dandelion.Message) error
	Writer(ctx context.Context, kind messages.Kind) *dandelion.MessageWriter
	Queue(ctx context.Context, m dandelion.Message) error
	Send(m dandelion.Message) error

	Ping(ctx context.Context) (rtt time.Duration, err error)
	SendPing(data []byte) error
	SendPong(data []byte) error

	Close(ctx context.Context, code wire.StatusCode, reason string) error
	Abort()
}

var (
	_ Client = (*dandelion.Client)(nil)
	_ Client = (*MockClient)(nil)
)

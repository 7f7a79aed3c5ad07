// This file is the MockClient: a client each method of which a test can replace.

package wstest

import (
	"context"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// MockClient is a client whose methods are fields, to be replaced where a test wants
// a certain outcome. Code that is to be tested with one takes an interface of its
// own with the methods that it uses; a *dandelion.Client satisfies it, too.
//
//	client := mock.Dial(nil)
//	client.WriteFunc = func(context.Context, dandelion.Message) error { return messages.ErrQueueFull }
//
// A Mock makes them with the methods of the true client, which is there as Client
// for code that takes a *dandelion.Client. By itself, without a connection, a
// MockClient has no method but those that the test gives it; the others panic.
//
// Fields must not be set while the code under test uses the client.
type MockClient struct {
	Client *dandelion.Client

	AbortFunc     func()
	CloseFunc     func(ctx context.Context, code wire.StatusCode, reason string) error
	DoneFunc      func() <-chan struct{}
	ErrFunc       func() error
	MessagesFunc  func(ctx context.Context) iter.Seq2[dandelion.Message, error]
	OpenedFunc    func() *messages.Opened
	PIDFunc       func() *actor.PID
	PauseFunc     func()
	PingFunc      func(ctx context.Context) (rtt time.Duration, err error)
	QueueFunc     func(ctx context.Context, m dandelion.Message) error
	RTTFunc       func() (last, smoothed time.Duration)
	ReadFunc      func(ctx context.Context) (dandelion.Message, error)
	ReconnectFunc func()
	ResumeFunc    func()
	SendFunc      func(m dandelion.Message) error
	SendPingFunc  func(data []byte) error
	SendPongFunc  func(data []byte) error
	ShutdownFunc  func(ctx context.Context) error
	StateFunc     func() messages.State
	StatusFunc    func() *messages.Status
	SystemFunc    func() *actor.ActorSystem
	WriteFunc     func(ctx context.Context, m dandelion.Message) error
	WriterFunc    func(ctx context.Context, kind messages.Kind) *dandelion.MessageWriter
}

// newMockClient makes one with the methods of client.
func newMockClient(client *dandelion.Client) *MockClient {
	c := &MockClient{Client: client}
	fields, methods := reflect.ValueOf(c).Elem(), reflect.ValueOf(client)
	for i := range fields.NumField() {
		if name, ok := strings.CutSuffix(fields.Type().Field(i).Name, "Func"); ok {
			fields.Field(i).Set(methods.MethodByName(name))
		}
	}
	return c
}

// The methods of a client call the fields.
func (c *MockClient) Abort()                     { c.AbortFunc() }
func (c *MockClient) Done() <-chan struct{}      { return c.DoneFunc() }
func (c *MockClient) Err() error                 { return c.ErrFunc() }
func (c *MockClient) Opened() *messages.Opened   { return c.OpenedFunc() }
func (c *MockClient) PID() *actor.PID            { return c.PIDFunc() }
func (c *MockClient) Pause()                     { c.PauseFunc() }
func (c *MockClient) Reconnect()                 { c.ReconnectFunc() }
func (c *MockClient) Resume()                    { c.ResumeFunc() }
func (c *MockClient) State() messages.State      { return c.StateFunc() }
func (c *MockClient) Status() *messages.Status   { return c.StatusFunc() }
func (c *MockClient) System() *actor.ActorSystem { return c.SystemFunc() }

func (c *MockClient) Close(ctx context.Context, code wire.StatusCode, reason string) error {
	return c.CloseFunc(ctx, code, reason)
}
func (c *MockClient) Messages(ctx context.Context) iter.Seq2[dandelion.Message, error] {
	return c.MessagesFunc(ctx)
}
func (c *MockClient) Ping(ctx context.Context) (time.Duration, error) { return c.PingFunc(ctx) }
func (c *MockClient) Queue(ctx context.Context, m dandelion.Message) error {
	return c.QueueFunc(ctx, m)
}
func (c *MockClient) RTT() (last, smoothed time.Duration)                 { return c.RTTFunc() }
func (c *MockClient) Read(ctx context.Context) (dandelion.Message, error) { return c.ReadFunc(ctx) }
func (c *MockClient) Send(m dandelion.Message) error                      { return c.SendFunc(m) }
func (c *MockClient) SendPing(data []byte) error                          { return c.SendPingFunc(data) }
func (c *MockClient) SendPong(data []byte) error                          { return c.SendPongFunc(data) }
func (c *MockClient) Shutdown(ctx context.Context) error                  { return c.ShutdownFunc(ctx) }
func (c *MockClient) Write(ctx context.Context, m dandelion.Message) error {
	return c.WriteFunc(ctx, m)
}
func (c *MockClient) Writer(ctx context.Context, kind messages.Kind) *dandelion.MessageWriter {
	return c.WriterFunc(ctx, kind)
}

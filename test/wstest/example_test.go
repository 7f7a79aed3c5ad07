package wstest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/test/wstest"
)

// exampleT takes the place of the *testing.T that a test has. It prints failures.
type exampleT struct{ cleanups []func() }

func (t *exampleT) Helper()                           {}
func (t *exampleT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (t *exampleT) FailNow()                          { panic("the test has failed") }
func (t *exampleT) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }

// end is the end of the test.
func (t *exampleT) end() {
	for len(t.cleanups) > 0 {
		last := len(t.cleanups) - 1
		f := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		f()
	}
}

// join is the code under test of some examples.
func join(ctx context.Context, client *dandelion.Client, name string) (string, error) {
	if err := client.Write(ctx, dandelion.Text(`{"name": "`+name+`", "op": "join"}`)); err != nil {
		return "", err
	}
	msg, err := client.Read(ctx)
	return msg.Text(), err
}

// The server expects what the code should send, and answers. What differs from what is
// expected fails the test.
func ExampleMock() {
	t := new(exampleT) // in a test: the *testing.T
	defer t.end()

	mock := wstest.NewMock(t)
	mock.Expect(wstest.Text(wstest.JSON(`{"op": "join", "name": "Dora"}`))).Reply("welcome")

	answer, err := join(context.Background(), mock.Dial(nil).Client, "Dora")
	fmt.Println(answer, err)
	// Output: welcome <nil>
}

// What was expected and did not come, and what came instead, is in the message. (In a
// test it has the line of the expectation, too.)
func ExampleMatcher() {
	want := wstest.Text(wstest.JSON(`{"op": "join", "name": "Dora"}`))

	fmt.Println(want.Mismatch(`{"name": "Doris", "op": "join", "v": 2}`))
	// Output:
	// $.name: got "Doris", want "Dora"
	// $.v: not expected, got 2
}

// The network fails: the server refuses a handshake, then the connection is lost.
func ExampleMock_Lose() {
	t := new(exampleT) // in a test: the *testing.T
	defer t.end()

	mock, rec := wstest.NewMock(t), wstest.NewRecorder(t)
	mock.Refuse(503)
	mock.Supervise(&dandelion.Options{
		Handler: rec.Handler(),
		Retry:   dandelion.RetryPolicy{Backoff: dandelion.Exponential{Base: time.Millisecond}.New},
	})
	fmt.Println(wstest.AwaitType[*dandelion.ReconnectScheduled](rec).Reason)
	fmt.Println("open in epoch", wstest.AwaitType[*dandelion.Opened](rec).Epoch)
	mock.Lose()
	fmt.Println(wstest.AwaitType[*dandelion.ReconnectScheduled](rec).Reason)
	fmt.Println("open in epoch", wstest.AwaitType[*dandelion.Opened](rec).Epoch)
	// Output:
	// HTTP status 503
	// open in epoch 2
	// connection lost
	// open in epoch 3
}

// sender is what some code needs of a client.
type sender interface {
	Write(ctx context.Context, m dandelion.Message) error
}

// Any method of a client can have any outcome.
func ExampleMockClient() {
	client := &wstest.MockClient{
		WriteFunc: func(context.Context, dandelion.Message) error { return dandelion.ErrQueueFull },
	}

	var s sender = client
	err := s.Write(context.Background(), dandelion.Text("hello"))
	fmt.Println(errors.Is(err, dandelion.ErrQueueFull))
	// Output: true
}

// A recorder wraps the callbacks of a handler, so that a test can wait until they were
// called.
func ExampleRecorder() {
	t := new(exampleT) // in a test: the *testing.T
	defer t.end()

	handler := &dandelion.Handler{
		OnText: func(_ *dandelion.Client, text string) { fmt.Println("the handler got", text) },
	}
	mock, rec := wstest.NewMock(t), wstest.NewRecorder(t)
	mock.Dial(&dandelion.Options{Handler: rec.Wrap(handler)})

	mock.Send("news")
	rec.Await(wstest.Text("news"))
	mock.Close(dandelion.StatusGoingAway, "restart")
	closed := wstest.AwaitType[*dandelion.Closed](rec)
	fmt.Println(closed.Err.Code, closed.Err.Reason)
	// Output:
	// the handler got news
	// going away restart
}

// A script is a server that does what no correct one would.
func ExampleServer() {
	t := new(exampleT) // in a test: the *testing.T
	defer t.end()

	server := wstest.NewServer(t)
	script := server.Script(func(c *wstest.Conn) {
		c.Upgrade(wstest.AddHeader("X-Server", "broken"))
		c.ExpectText("hello")
		c.WriteRaw(wstest.Hex("83 00")) // an opcode that does not exist
		c.ExpectFailure(dandelion.StatusProtocolError)
	})

	ctx := context.Background()
	client, err := dandelion.Dial(ctx, server.URL(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Opened().Header.Get("X-Server"))
	_ = client.Write(ctx, dandelion.Text("hello"))
	_, err = client.Read(ctx)
	var violation *dandelion.ProtocolError
	fmt.Println(errors.As(err, &violation), violation.Section)
	script.Wait()
	// Output:
	// broken
	// true RFC 6455 §5.2
}

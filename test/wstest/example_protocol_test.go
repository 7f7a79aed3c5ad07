// How to test a protocol of one's own on top of a connection: a subscription
// that the server acknowledges.

package wstest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// connection is what the code under test needs of a client. A *dandelion.Client
// is one, and so is a *wstest.MockClient.
type connection interface {
	Write(ctx context.Context, m dandelion.Message) error
	Read(ctx context.Context) (dandelion.Message, error)
}

// ackTimeout is how long the server may take to acknowledge.
const ackTimeout = 10 * time.Second

var errNoAck = errors.New("no acknowledgement in time")

type protocolMessage struct {
	Op    string `json:"op"`
	ID    int    `json:"id"`
	Topic string `json:"topic,omitempty"`
	Why   string `json:"why,omitempty"`
}

// subscribe is the code under test: it asks for a topic and waits until the
// server has agreed. It tries once more if no acknowledgement comes.
func subscribe(ctx context.Context, c connection, id int, topic string) error {
	for try := range 2 {
		err := subscribeOnce(ctx, c, id+try, topic)
		if !errors.Is(err, errNoAck) {
			return err
		}
	}
	return fmt.Errorf("subscribe to %s: %w", topic, errNoAck)
}

func subscribeOnce(ctx context.Context, c connection, id int, topic string) error {
	request, err := json.Marshal(protocolMessage{Op: "subscribe", ID: id, Topic: topic})
	if err != nil {
		return err
	}
	if err := c.Write(ctx, dandelion.TextBytes(request)); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeoutCause(ctx, ackTimeout, errNoAck)
	defer cancel()
	for {
		msg, err := c.Read(waiting)
		if errors.Is(err, context.DeadlineExceeded) {
			return context.Cause(waiting)
		}
		if err != nil {
			return err
		}
		var answer protocolMessage
		switch err := json.Unmarshal(msg.Bytes(), &answer); {
		case err != nil:
			return fmt.Errorf("answer %q: %w", msg.Bytes(), err)
		case answer.ID != id: // of something else
		case answer.Op == "ack":
			return nil
		default:
			return fmt.Errorf("refused: %s", answer.Why)
		}
	}
}

// subscription matches a request, whatever its id is.
func subscription(topic string) wstest.Matcher {
	return wstest.Text(wstest.PartialJSON(map[string]any{"op": "subscribe", "topic": topic}))
}

// answer makes the server's answer to a subscription from the request.
func answer(op, why string) func(command any) []any {
	return func(command any) []any {
		var m protocolMessage
		_ = json.Unmarshal([]byte(command.(*messages.SendText).Text), &m) // it has matched
		text, _ := json.Marshal(protocolMessage{Op: op, ID: m.ID, Why: why})
		return []any{&messages.TextReceived{Text: string(text)}}
	}
}

func TestSubscribe(t *testing.T) {
	for _, test := range []struct {
		name   string
		expect func(c *wstest.MockClient)
		err    string // "" for none
		took   time.Duration
	}{
		{"acknowledged", func(c *wstest.MockClient) {
			c.Expect(subscription("news")).ReplyFunc(answer("ack", ""))
		}, "", 0},
		{"other messages in between", func(c *wstest.MockClient) {
			c.Expect(subscription("news")).ReplyText(`{"op": "ack", "id": 12}`).ReplyText(`{"op": "news"}`).ReplyFunc(answer("ack", ""))
		}, "", 0},
		{"refused", func(c *wstest.MockClient) {
			c.Expect(subscription("news")).ReplyFunc(answer("nack", "no such topic"))
		}, "refused: no such topic", 0},
		{"late", func(c *wstest.MockClient) {
			c.Expect(subscription("news")).Accept().Delay(9 * time.Second).ReplyFunc(answer("ack", ""))
		}, "", 9 * time.Second},
		{"lost once", func(c *wstest.MockClient) {
			wstest.InOrder(
				c.Expect(subscription("news")),
				c.Expect(subscription("news")).ReplyFunc(answer("ack", "")),
			)
		}, "", 10 * time.Second},
		{"never", func(c *wstest.MockClient) {
			c.Expect(subscription("news")).Times(2)
		}, "subscribe to news: no acknowledgement in time", 20 * time.Second},
		{"not sent", func(c *wstest.MockClient) {
			c.Expect(subscription("news")).Fail(messages.ErrMessageTooBig)
		}, "message too big", 0},
		{"closed meanwhile", func(c *wstest.MockClient) {
			c.Expect(subscription("news")).Close(wire.StatusPolicyViolation, "banned")
		}, `websocket closed by the server: code 1008 (policy violation), reason "banned", clean`, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := wstest.NewMockClient(t, nil)
				test.expect(client)
				start := time.Now()
				err := subscribe(t.Context(), client, 1, "news")
				if took := time.Since(start); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if fmt.Sprint(err) != test.err && (err != nil || test.err != "") {
					t.Errorf("got error %v, want %q", err, test.err)
				}
			})
		})
	}
}

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

// answer lets the server answer a subscription.
func answer(op, why string) func(c *wstest.Conn, got any) {
	return func(c *wstest.Conn, got any) {
		var m protocolMessage
		_ = json.Unmarshal([]byte(got.(*messages.SendText).Text), &m) // it has matched
		text, _ := json.Marshal(protocolMessage{Op: op, ID: m.ID, Why: why})
		c.SendText(string(text))
	}
}

func TestSubscribe(t *testing.T) {
	for _, test := range []struct {
		name   string
		expect func(m *wstest.Mock)
		err    string // "" for none
		took   time.Duration
	}{
		{"acknowledged", func(m *wstest.Mock) {
			m.Expect(subscription("news")).Do(answer("ack", ""))
		}, "", 0},
		{"other messages in between", func(m *wstest.Mock) {
			m.Expect(subscription("news")).Reply(`{"op": "ack", "id": 12}`, `{"op": "news"}`).Do(answer("ack", ""))
		}, "", 0},
		{"refused", func(m *wstest.Mock) {
			m.Expect(subscription("news")).Do(answer("nack", "no such topic"))
		}, "refused: no such topic", 0},
		{"late", func(m *wstest.Mock) {
			m.Expect(subscription("news")).Delay(9 * time.Second).Do(answer("ack", ""))
		}, "", 9 * time.Second},
		{"lost once", func(m *wstest.Mock) {
			wstest.InOrder(
				m.Expect(subscription("news")),
				m.Expect(subscription("news")).Do(answer("ack", "")),
			)
		}, "", 10 * time.Second},
		{"never", func(m *wstest.Mock) {
			m.Expect(subscription("news")).Times(2)
		}, "subscribe to news: no acknowledgement in time", 20 * time.Second},
		{"closed meanwhile", func(m *wstest.Mock) {
			m.Expect(subscription("news")).Close(wire.StatusPolicyViolation, "banned")
		}, `websocket to pipe.test closed by the server: code 1008 (policy violation), reason "banned", clean`, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mock := wstest.NewMock(t)
				test.expect(mock)
				client := mock.Dial(nil)
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

// A method of the client can be replaced, to have any outcome.
func TestSubscribeNotSent(t *testing.T) {
	client := &wstest.MockClient{WriteFunc: func(context.Context, dandelion.Message) error { return messages.ErrQueueFull }}
	if err := subscribe(t.Context(), client, 1, "news"); !errors.Is(err, messages.ErrQueueFull) {
		t.Errorf("got error %v, want %v", err, messages.ErrQueueFull)
	}
}

// How to specify an actor that uses a connection with scenario files.

package wstest_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
)

var update = flag.Bool("update", false, "accept the golden traces")

// publish is the message of the relay, which is the code under test.
type publish struct{ text string }

// relay sends what is published, and keeps it while there is no connection.
type relay struct {
	config supervisor.Config
	conn   *actor.PID
	open   bool
	kept   []string
}

func (r *relay) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		r.config.Target = ctx.Self()
		r.conn = ctx.Spawn(supervisor.Props(r.config))
	case *publish:
		r.kept = append(r.kept, msg.text)
		r.flush(ctx)
	case *messages.Opened:
		r.open = true
		r.flush(ctx)
	case *messages.Closing, *messages.Closed:
		r.open = false
	}
}

func (r *relay) flush(ctx actor.Context) {
	if r.open {
		for _, text := range r.kept {
			ctx.Request(r.conn, &messages.SendText{Text: text})
		}
		r.kept = nil
	}
}

// The scenarios are in testdata/relay. Their trace shows what the relay gets and
// what the server gets, and leaves out the insides of the library.
func TestRelay(t *testing.T) {
	wstest.Golden(t, "testdata/relay/*.txt", *update, func(t *testing.T, s *wstest.Scenario) {
		mock := wstest.NewMock(t)
		mock.Play(s)
		s.Receivers("relay", "answers", "server")
		config := mock.Config(supervisor.Config{Retry: retry.Policy{
			Backoff: retry.Exponential{Float64: func() float64 { return 0.5 }}.New, // no chance
		}})
		s.Describe(func(message any) string {
			if p, ok := message.(*publish); ok {
				return fmt.Sprintf("publish %q", p.text)
			}
			return strings.TrimPrefix(fmt.Sprintf("%T", message), "*messages.")
		})
		root := mock.System().Root
		var pid *actor.PID
		s.Part("relay", func(words []string) {
			switch words[0] {
			case "starts":
				pid = root.Spawn(actor.PropsFromProducer(func() actor.Actor { return &relay{config: config} }, s.Traced("relay")))
			case "publish":
				root.Send(pid, &publish{words[1]})
			default:
				s.Fatalf("a relay cannot do %q", words)
			}
		})
	})
}

// How to test that a client reconnects with a fresh token.

package wstest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// bearer is the code under test: a handshake with a fresh token for every attempt.
type bearer struct {
	token func(ctx context.Context) (string, error)
	next  handshake.Handshaker
}

func (b *bearer) Handshake(ctx context.Context, req *handshake.Request) (*handshake.Result, error) {
	token, err := b.token(ctx)
	if err != nil {
		return nil, fmt.Errorf("no token: %w", err)
	}
	fresh := *req
	fresh.Header = http.Header{"Authorization": {"Bearer " + token}}
	return b.next.Handshake(ctx, &fresh)
}

// retryUnauthorized tries again when a token was refused, which by default is final.
func retryUnauthorized(cause error) supervisor.Verdict {
	var failed *handshake.Error
	if errors.As(cause, &failed) && failed.Status == http.StatusUnauthorized {
		return supervisor.Verdict{Retry: true, Reason: "the token has expired"}
	}
	return supervisor.DefaultVerdict(cause)
}

func TestReconnectWithFreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system, rec := wstest.NewSystem(t), wstest.NewRecorder(t)
		server := wstest.NewPipe(t, wstest.WithTimeout(time.Hour)) // the delays cost no time
		tokens := 0
		client, err := dandelion.Supervise(t.Context(), server.URL(), &dandelion.Options{
			Handshaker: &bearer{
				token: func(context.Context) (string, error) { tokens++; return fmt.Sprint("token ", tokens), nil },
				next:  &handshake.Client{Adapter: &handshake.NetAdapter{DialContext: server.DialContext}},
			},
			Verdict: retryUnauthorized,
			Backoff: supervisor.Backoff{Base: 10 * time.Second, Float64: func() float64 { return 0.5 }}, // no chance
			System:  system,
			Handler: rec.Wrap(&dandelion.Handler{}), // records events; data is read
		})
		if err != nil {
			t.Fatal(err)
		}
		authorized := func(c *wstest.Conn, want string) {
			t.Helper()
			wstest.AssertMatch(t, want, c.ReadRequest().Value("Authorization"))
		}

		// The first connection is lost.
		conn := server.Accept(t.Context())
		authorized(conn, "Bearer token 1")
		conn.Accept101()
		rec.Await(wstest.OfType[*messages.Opened]())
		conn.Reset()
		rec.Await(wstest.Like(&messages.ReconnectScheduled{Delay: 5 * time.Second}))

		// The second token is not accepted.
		conn = server.Accept(t.Context())
		authorized(conn, "Bearer token 2")
		conn.Respond(http.StatusUnauthorized, "")
		rec.Await(wstest.Like(&messages.ReconnectScheduled{Delay: 10 * time.Second, Reason: "the token has expired"}))

		// The third one is, and the client is where it was.
		conn = server.Accept(t.Context())
		authorized(conn, "Bearer token 3")
		conn.Accept101()
		rec.Await(wstest.Like(&messages.Opened{Epoch: 3}))
		conn.SendText("welcome back")
		msg, err := client.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wstest.AssertMatch(t, wstest.Text("welcome back"), msg)

		conn.CloseHandshake(wire.StatusNormal, "")
		rec.Await(wstest.OfType[*messages.Stopped]())
	})
}

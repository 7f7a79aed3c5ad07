// How to test that a client reconnects with a fresh token.

package wstest_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// bearer is the code under test: a Provider of requests, each with a fresh token.
func bearer(token func(ctx context.Context) (string, error)) supervisor.Provider {
	return func(ctx context.Context, a supervisor.Attempt) (handshake.Request, error) {
		t, err := token(ctx)
		if err != nil {
			return handshake.Request{}, fmt.Errorf("no token: %w", err)
		}
		a.Request.Header = http.Header{"Authorization": {"Bearer " + t}}
		return a.Request, nil
	}
}

func TestReconnectWithFreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system, rec := wstest.NewSystem(t), wstest.NewRecorder(t)
		server := wstest.NewPipe(t, wstest.WithTimeout(time.Hour)) // the delays cost no time
		tokens := 0
		client, err := dandelion.Supervise(t.Context(), server.URL(), &dandelion.Options{
			DialContext: server.DialContext,
			Provider: bearer(func(context.Context) (string, error) {
				tokens++
				return fmt.Sprint("token ", tokens), nil
			}),
			Retry: retry.Policy{Backoff: retry.Exponential{
				Base: 10 * time.Second, Float64: func() float64 { return 0.5 }, // no chance
			}.New},
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
		rec.Await(wstest.Like(&messages.ReconnectScheduled{Delay: 10 * time.Second, Reason: "HTTP status 401"}))

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

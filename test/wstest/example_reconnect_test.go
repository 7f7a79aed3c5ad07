// How to test that a client reconnects with a fresh token.

package wstest_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
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
		mock, rec := wstest.NewMock(t), wstest.NewRecorder(t)
		tokens := 0
		client := mock.Supervise(&dandelion.Options{
			Provider: bearer(func(context.Context) (string, error) {
				tokens++
				return fmt.Sprint("token ", tokens), nil
			}),
			Handler: rec.Wrap(&dandelion.Handler{}), // records events; data is read
		})

		// The first connection is lost, the second token is not accepted, the third is.
		rec.Await(wstest.Like(&messages.Opened{Epoch: 1}))
		mock.Refuse(http.StatusUnauthorized)
		mock.Lose()
		rec.Await(wstest.Like(&messages.ReconnectScheduled{Reason: "connection lost"}))
		rec.Await(wstest.Like(&messages.ReconnectScheduled{Reason: "HTTP status 401"}))
		rec.Await(wstest.Like(&messages.Opened{Epoch: 3}))
		for i, req := range mock.Requests() {
			wstest.AssertMatch(t, fmt.Sprint("Bearer token ", i+1), req.Value("Authorization"))
		}

		mock.Send("welcome back")
		msg, err := client.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wstest.AssertMatch(t, wstest.Text("welcome back"), msg)
	})
}

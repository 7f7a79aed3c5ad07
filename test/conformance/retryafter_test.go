package conformance_test

// This file tests servers that say how long to wait: RFC 9110 §10.2.3.

import (
	"net/http"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/internal/testkit"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
)

// req: 9110-10.2.3-01
func TestRetryAfter(t *testing.T) {
	seconds := func(string) string { return "7" }
	value := func(v string) func(string) string { return func(string) string { return v } }
	for _, test := range []struct {
		name  string
		value func(in7s string) string // of Retry-After; in7s is a date
		max   time.Duration            // of the delay
		want  time.Duration
	}{
		{"seconds", seconds, time.Minute, 7 * time.Second},
		{"date", func(in7s string) string { return in7s }, time.Minute, 7 * time.Second},
		{"seconds, bounded", seconds, 3 * time.Second, 3 * time.Second},
		{"date, bounded", func(in7s string) string { return in7s }, 3 * time.Second, 3 * time.Second},
		{"a word", value("soon"), time.Minute, 0},
		{"negative", value("-7"), time.Minute, 0},
		{"a fraction", value("7.5"), time.Minute, 0},
		{"a past date", value("Mon, 02 Jan 1995 15:04:05 GMT"), time.Minute, 0},
		{"too many digits", value("99999999999999999999"), time.Minute, 0},
		{"empty", value(""), time.Minute, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
				// The random part of the delay is 0, so that only Retry-After counts.
				opts.Retry.Backoff = retry.Exponential{Float64: func() float64 { return 0 }}.New
				opts.Retry.MaxRetryAfter = test.max
				scheduled := make(chan *messages.ReconnectScheduled, 1)
				opts.Handler = &dandelion.Handler{
					OnReconnecting: func(_ *dandelion.Client, e *messages.ReconnectScheduled) { scheduled <- e },
				}
				startSupervised(t, srv.URL(), opts)
				c := srv.Accept(t.Context())
				c.ReadRequest()
				answered := time.Now()
				c.Respond(503, "", "Retry-After: "+test.value(answered.Add(7*time.Second).UTC().Format(http.TimeFormat)))
				c = srv.Accept(newContext(t))
				if waited := time.Since(answered); waited != test.want {
					t.Errorf("the next attempt came after %v, want %v", waited, test.want)
				}
				if e := <-scheduled; e.Delay != test.want {
					t.Errorf("the delay of the event is %v, want %v", e.Delay, test.want)
				}
				c.Upgrade()
			})
		})
	}
}

package retry

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
)

// req: 9110-10.2.3-01
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name, value string
		want        time.Duration
	}{
		{"seconds", "7", 7 * time.Second},
		{"blanks", " 7 ", 7 * time.Second},
		{"date", now.Add(7 * time.Second).Format(http.TimeFormat), 7 * time.Second},
		{"date of the past", now.Add(-time.Hour).Format(http.TimeFormat), 0},
		{"nothing", "", 0},
		{"negative", "-7", 0},
		{"words", "soon", 0},
		{"too large", "99999999999999999999", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, retryAfter(&handshake.Error{Header: http.Header{"Retry-After": {test.value}}}, now))
		})
	}
}

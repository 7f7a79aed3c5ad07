package retry

// This file is Retry-After (RFC 9110 §10.2.3).

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dandelionws/dandelion/handshake"
)

// retryAfter returns how long the server that refused a handshake with err asks us to wait:
// Retry-After in both forms, seconds and a date. It is 0 if err is no refusal, or the field is
// missing or invalid.
func retryAfter(err error, now time.Time) time.Duration {
	var refused *handshake.Error
	if !errors.As(err, &refused) {
		return 0
	}
	v := strings.TrimSpace(refused.Header.Get("Retry-After"))
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

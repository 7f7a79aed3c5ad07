package supervisor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// req: 6455-7.2.3-04
func TestDefaultVerdict(t *testing.T) {
	closed := func(code wire.StatusCode) error {
		return &messages.CloseError{Code: code, By: messages.Remote, Clean: true}
	}
	failed := func(sent wire.StatusCode, cause error) error {
		return &messages.CloseError{Code: wire.StatusAbnormal, By: messages.Local, SentCode: sent, Cause: cause}
	}
	refused := func(status int) error {
		return &handshake.Error{Stage: handshake.StageHTTP, Status: status, Header: http.Header{}, Err: errors.New("refused")}
	}
	at := func(stage handshake.Stage, err error) error { return &handshake.Error{Stage: stage, Err: err} }
	for _, test := range []struct {
		name  string
		cause error
		retry bool
	}{
		{"close 1000", closed(1000), false},
		{"close 1001", closed(1001), true},
		{"close 1002", closed(1002), false},
		{"close 1003", closed(1003), false},
		{"close without status", closed(wire.StatusNoStatus), false},
		{"close 1007", closed(1007), false},
		{"close 1008", closed(1008), false},
		{"close 1009", closed(1009), false},
		{"close 1010", closed(1010), false},
		{"close 1011", closed(1011), true},
		{"close 1012", closed(1012), true},
		{"close 1013", closed(1013), true},
		{"close 1014", closed(1014), true},
		{"close 3000", closed(3000), true},
		{"close 4999", closed(4999), true},
		{"connection lost", &messages.CloseError{Code: wire.StatusAbnormal, Cause: io.ErrUnexpectedEOF}, true},
		{"violation by the server", failed(1002, &wire.ProtocolError{Code: 1002}), false},
		{"message too big", failed(1009, &wire.LimitError{}), false},
		{"no pong", failed(1011, fmt.Errorf("%w: nothing", messages.ErrPongTimeout)), true},
		{"handler failed", failed(1011, fmt.Errorf("%w: boom", messages.ErrHandlerFailed)), false},
		{"internal error", failed(1011, errors.New("internal error")), true},
		{"URL", at(handshake.StageURL, errors.New("no host")), false},
		{"request", at(handshake.StageRequest, errors.New("bad header")), false},
		{"resolve", at(handshake.StageResolve, errors.New("no such host")), true},
		{"dial", at(handshake.StageDial, errors.New("refused")), true},
		{"proxy", at(handshake.StageProxy, errors.New("refused")), true},
		{"TLS", at(handshake.StageTLS, io.ErrUnexpectedEOF), true},
		{"certificate authority", at(handshake.StageTLS, x509.UnknownAuthorityError{}), false},
		{"certificate name", at(handshake.StageTLS, x509.HostnameError{Certificate: &x509.Certificate{}}), false},
		{"answer breaks the rules", at(handshake.StageValidate, errors.New("accept")), false},
		{"timeout", at(handshake.StageHTTP, context.DeadlineExceeded), true},
		{"200", refused(200), false},
		{"301", refused(301), false},
		{"400", refused(400), false},
		{"401", refused(401), false},
		{"403", refused(403), false},
		{"404", refused(404), false},
		{"408", refused(408), true},
		{"410", refused(410), false},
		{"425", refused(425), true},
		{"429", refused(429), true},
		{"500", refused(500), true},
		{"503", refused(503), true},
		{"600", refused(600), true},
		{"something else", errors.New("a caller's Handshaker"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := DefaultVerdict(test.cause)
			require.Equal(t, test.retry, v.Retry, "reason: %s", v.Reason)
			require.NotEmpty(t, v.Reason)
		})
	}
	require.Equal(t, busyBase, DefaultVerdict(closed(1013)).Base)
}

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
			require.Equal(t, test.want, retryAfter(http.Header{"Retry-After": {test.value}}, now))
		})
	}
}

func TestBackoffCeiling(t *testing.T) {
	b := Backoff{Base: time.Second, Max: 10 * time.Second, Factor: 2}.withDefaults()
	for n, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		require.Equal(t, want*time.Second, b.ceiling(n))
	}
	require.Equal(t, 10*time.Second, b.ceiling(1_000_000))
	b.Min = 3 * time.Second
	require.Equal(t, 3*time.Second, b.ceiling(0))
}

// req: 6455-7.2.3-01 6455-7.2.3-02
func TestBackoffIsUniform(t *testing.T) {
	for _, b := range []Backoff{{}, {Base: 2 * time.Second}, {Min: 100 * time.Millisecond, Max: 5 * time.Second}} {
		b = b.withDefaults()
		for _, n := range []int{0, 1, 5} {
			const draws, buckets = 20000, 10
			var count [buckets]int
			top := b.ceiling(n)
			for range draws {
				d := b.delay(n, 0)
				require.GreaterOrEqual(t, d, b.Min)
				require.Less(t, d, top)
				count[int64(d-b.Min)*buckets/int64(top-b.Min)]++
			}
			for i, c := range count {
				require.InDelta(t, draws/buckets, c, draws/buckets*0.2, "delay %d, bucket %d of %v", n, i, count)
			}
		}
	}
}

package supervisor

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// req: 6455-7.2.3-04
func TestDefaultVerdicts(t *testing.T) {
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
		want  Action
	}{
		{"close 1000", closed(1000), Stop},
		{"close 1001", closed(1001), Retry},
		{"close 1002", closed(1002), Stop},
		{"close 1003", closed(1003), Stop},
		{"close without status", closed(wire.StatusNoStatus), Stop},
		{"close 1007", closed(1007), Stop},
		{"close 1008", closed(1008), Stop},
		{"close 1009", closed(1009), Stop},
		{"close 1010", closed(1010), Stop},
		{"close 1011", closed(1011), Retry},
		{"close 1012", closed(1012), Retry},
		{"close 1013", closed(1013), Retry},
		{"close 1014", closed(1014), Retry},
		{"close 3000", closed(3000), Retry},
		{"close 4999", closed(4999), Retry},
		{"connection lost", &messages.CloseError{Code: wire.StatusAbnormal, Cause: io.ErrUnexpectedEOF}, Retry},
		{"violation by the server", failed(1002, &wire.ProtocolError{Code: 1002}), Stop},
		{"message too big", failed(1009, &wire.LimitError{}), Stop},
		{"no pong", failed(1011, fmt.Errorf("%w: nothing", messages.ErrPongTimeout)), Retry},
		{"handler failed", failed(1011, fmt.Errorf("%w: boom", messages.ErrHandlerFailed)), Stop},
		{"internal error", failed(1011, errors.New("internal error")), Retry},
		{"URL", at(handshake.StageURL, errors.New("no host")), Stop},
		{"request", at(handshake.StageRequest, errors.New("bad header")), Stop},
		{"resolve", at(handshake.StageResolve, errors.New("no such host")), Retry},
		{"dial", at(handshake.StageDial, errors.New("refused")), Retry},
		{"proxy 407", &handshake.Error{Stage: handshake.StageProxy, Status: 407, Err: errors.New("refused")}, Stop},
		{"proxy 429", &handshake.Error{Stage: handshake.StageProxy, Status: 429, Err: errors.New("refused")}, Retry},
		{"proxy 502", &handshake.Error{Stage: handshake.StageProxy, Status: 502, Err: errors.New("refused")}, Retry},
		{"provider", &ProviderError{errors.New("no token")}, Retry},
		{"subscribe", &SubscribeError{errors.New("no topics")}, Retry},
		{"proxy", at(handshake.StageProxy, errors.New("refused")), Retry},
		{"TLS", at(handshake.StageTLS, io.ErrUnexpectedEOF), Retry},
		{"certificate authority", at(handshake.StageTLS, x509.UnknownAuthorityError{}), Stop},
		{"certificate name", at(handshake.StageTLS, x509.HostnameError{Certificate: &x509.Certificate{}}), Stop},
		{"answer breaks the rules", at(handshake.StageValidate, errors.New("accept")), Stop},
		{"timeout", at(handshake.StageHTTP, context.DeadlineExceeded), Retry},
		{"200", refused(200), Stop},
		{"301", refused(301), Stop},
		{"400", refused(400), Stop},
		{"401", refused(401), Refresh},
		{"403", refused(403), Refresh},
		{"404", refused(404), Stop},
		{"408", refused(408), Retry},
		{"410", refused(410), Stop},
		{"425", refused(425), Retry},
		{"429", refused(429), Retry},
		{"500", refused(500), Retry},
		{"503", refused(503), Retry},
		{"600", refused(600), Retry},
		{"something else", errors.New("a caller's Handshaker"), Retry},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := Verdicts(nil).Judge(test.cause, time.Now())
			require.Equal(t, test.want, v.Action, "reason: %s", v.Reason)
			require.NotEmpty(t, v.Reason)
		})
	}
	require.Equal(t, busyBase, Verdicts(nil).Judge(closed(1013), time.Now()).Base)
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

// The table is documentation: this is all of it.
func TestVerdictsString(t *testing.T) {
	require.Equal(t, `
URL             stop
request         stop
provider        retry
resolve         retry
dial            retry
proxy 408       retry
proxy 429       retry
proxy 4xx       stop
proxy, other    retry
TLS             retry
certificate     stop
no answer       retry
HTTP 401        refresh
HTTP 403        refresh
HTTP 404        stop
HTTP 408        retry
HTTP 410        stop
HTTP 425        retry
HTTP 429        retry
HTTP 5xx        retry
HTTP, other     stop
validate        stop
subscribe       retry
close 1000      stop
close 1001      retry
close 1002      stop
close 1003      stop
close 1005      stop
close 1007      stop
close 1008      stop
close 1009      stop
close 1010      stop
close 1011      retry
close 1012      retry
close 1013      retry, base 5s
close 1014      retry
close, other    retry
lost            retry
liveness        retry
protocol error  stop
limit           stop
handler         stop
unknown         retry
`, "\n"+DefaultVerdicts().String())
}

func TestVerdictsWith(t *testing.T) {
	v := DefaultVerdicts().With(Verdicts{
		HTTPClass(4):    {Action: Retry, After: time.Hour},
		HTTPStatus(404): {Action: Stop},
		CauseClose:      {Action: Stop},
		CloseCode(1006): {Action: Retry, After: time.Second},
		CauseHandler:    {Action: Retry},
	})
	for _, test := range []struct {
		cause Cause
		want  string
	}{
		{HTTPStatus(401), "retry after 1h0m0s"},
		{HTTPStatus(404), "stop"},
		{HTTPStatus(503), "retry"},
		{HTTPStatus(302), "stop"},
		{CloseCode(1001), "stop"},
		{CloseCode(4999), "stop"},
		{CauseLost, "retry after 1s"},
		{CauseHandler, "retry"},
		{CauseDial, "retry"},
	} {
		rule, _, ok := v.lookup(append([]Cause{test.cause}, test.cause.classes()...))
		require.True(t, ok, "%s", test.cause)
		require.Equal(t, test.want, rule.String(), "%s", test.cause)
	}
}

// What Causes gives and what classes gives is the same.
func TestCausesAndClasses(t *testing.T) {
	for _, err := range []error{
		&messages.CloseError{Code: 1001}, &messages.CloseError{Code: 4321}, &messages.CloseError{Code: 1006},
		&handshake.Error{Stage: handshake.StageHTTP, Status: 503}, &handshake.Error{Stage: handshake.StageProxy, Status: 407},
		&handshake.Error{Stage: handshake.StageTLS, Err: x509.UnknownAuthorityError{}},
	} {
		causes := Causes(err)
		require.ElementsMatch(t, causes[1:], causes[0].classes(), "%v", causes)
	}
}

func TestRetryAfterIsBoundedAndSpread(t *testing.T) {
	refused := &handshake.Error{Stage: handshake.StageHTTP, Status: 503, Header: http.Header{"Retry-After": {"86400"}}}
	r := newRetries(RetryPolicy{MaxRetryAfter: time.Minute, Backoff: half.New}, nil)
	now := time.Now()
	delay, v := r.next(refused, r.judge(refused, now), 1, false, now)
	require.Equal(t, Retry, v.Action)
	require.Equal(t, time.Minute+500*time.Millisecond, delay)
}

// half are delays in the middle of their range.
var half = Exponential{Float64: func() float64 { return 0.5 }}

func TestRetriesGiveUp(t *testing.T) {
	lost := &messages.CloseError{Code: 1006}
	forbidden := &handshake.Error{Stage: handshake.StageHTTP, Status: 403}
	for _, test := range []struct {
		name     string
		policy   RetryPolicy
		err      error
		provider bool
		failures int // until it gives up, a second apart
		reason   string
	}{
		{"attempts", RetryPolicy{MaxAttempts: 3}, lost, false, 3, "3 attempts made, the limit"},
		{"elapsed", RetryPolicy{MaxElapsed: 7500 * time.Millisecond}, lost, false, 5, "no connection for 4s, the limit is 7.5s"},
		{"no provider", RetryPolicy{}, forbidden, false, 1, "HTTP status 403, and there is no Provider to ask for other credentials"},
		{"provider", RetryPolicy{}, forbidden, true, 2, "HTTP status 403, also with other credentials"},
		{"hook", RetryPolicy{Decide: func(_ error, v Verdict) Verdict { v.Action, v.Reason = Stop, "as I like"; return v }}, lost, false, 1, "as I like"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.policy.Backoff = half.New
			r := newRetries(test.policy, nil)
			now := time.Now()
			for n := 1; ; n++ {
				_, v := r.next(test.err, r.judge(test.err, now), 1, test.provider, now)
				if v.Action == Stop {
					require.Equal(t, test.reason, v.Reason)
					require.Equal(t, test.failures, n)
					return
				}
				require.Less(t, n, 100)
				now = now.Add(time.Second)
			}
		})
	}
}

// A hook or a Backoff that panics is reported and left out.
func TestRetriesSurvivePanics(t *testing.T) {
	var log bytes.Buffer
	r := newRetries(RetryPolicy{
		Decide:  func(error, Verdict) Verdict { panic("decide") },
		Backoff: func() Backoff { return panicking{} },
	}, slog.New(slog.NewTextHandler(&log, nil)))
	err := &messages.CloseError{Code: 1006}
	delay, v := r.next(err, r.judge(err, time.Now()), 1, false, time.Now())
	r.reset()
	require.Equal(t, Retry, v.Action)
	require.Positive(t, delay)
	require.Equal(t, 3, strings.Count(log.String(), "panicked"), log.String())
}

type panicking struct{}

func (panicking) Next(Failure) time.Duration { panic("next") }
func (panicking) Reset()                     { panic("reset") }

// Without a Backoff that can be used the default one gives the delays.
func TestNoBackoff(t *testing.T) {
	for name, backoff := range map[string]func() Backoff{
		"panics": func() Backoff { panic("backoff") },
		"nil":    func() Backoff { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRetries(RetryPolicy{Backoff: backoff}, slog.New(slog.DiscardHandler))
			require.Equal(t, Exponential{}.New().(*exponential).Max, r.backoff.(*exponential).Max)
		})
	}
}

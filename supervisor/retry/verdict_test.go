package retry

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
		{"provider", &messages.ProviderError{Err: errors.New("no token")}, Retry},
		{"subscribe", &messages.SubscribeError{Err: errors.New("no topics")}, Retry},
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

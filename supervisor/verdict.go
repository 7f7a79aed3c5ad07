package supervisor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Verdict is what follows the end of a connection or of an attempt.
type Verdict struct {
	// Retry: connect again. Otherwise the supervisor gives up.
	Retry bool
	// After is the least delay, e.g. from Retry-After. The supervisor bounds it by Backoff.Max.
	After time.Duration
	// Base, if larger, takes the place of Backoff.Base for the coming delay.
	Base time.Duration
	// Reason says in a few words what decided it.
	Reason string
}

// busyBase is the Base after a server has said that it is overloaded.
const busyBase = 5 * time.Second

func retry(reason string) Verdict { return Verdict{Retry: true, Reason: reason} }
func stop(reason string) Verdict  { return Verdict{Reason: reason} }

// DefaultVerdict retries what time can mend, and stops on what would only happen again:
//
//   - stop: an invalid URL or request, an answer that breaks RFC 6455, a
//     certificate that is not accepted, HTTP statuses other than those below;
//     the close codes 1000 and 1005 (the server has said that it is done), 1002,
//     1003, 1007, 1008, 1009 and 1010, sent by either side; a failed handler;
//   - retry: name resolution, dial, proxy, other TLS and I/O errors, the HTTP statuses 408,
//     425, 429 and 5xx (not before Retry-After); the close codes 1001, 1006, 1011, 1012,
//     1014 and 3000 to 4999; 1013 with a Base of 5 s; a lost connection, a missing Pong.
func DefaultVerdict(cause error) Verdict {
	if errors.Is(cause, messages.ErrHandlerFailed) {
		return stop("handler failed")
	}
	var closed *messages.CloseError
	if errors.As(cause, &closed) {
		return closeVerdict(closed)
	}
	var failed *handshake.Error
	if errors.As(cause, &failed) {
		return handshakeVerdict(failed)
	}
	return retry("unknown cause")
}

func closeVerdict(e *messages.CloseError) Verdict {
	code, who := e.Code, "server closed"
	if code == wire.StatusAbnormal && e.By == messages.Local && e.SentCode != 0 {
		code, who = e.SentCode, "we failed the connection"
	}
	reason := fmt.Sprintf("%s with code %d (%s)", who, uint16(code), code)
	if errors.Is(e.Cause, messages.ErrPongTimeout) {
		return retry("no pong in time")
	}
	switch code {
	case wire.StatusNormal, wire.StatusNoStatus, wire.StatusProtocolError, wire.StatusUnsupportedData, wire.StatusInvalidPayload,
		wire.StatusPolicyViolation, wire.StatusMessageTooBig, wire.StatusMandatoryExtension:
		return stop(reason)
	case wire.StatusTryAgainLater:
		return Verdict{Retry: true, Base: busyBase, Reason: reason}
	case wire.StatusAbnormal:
		return retry("connection lost")
	}
	return retry(reason)
}

func handshakeVerdict(e *handshake.Error) Verdict {
	switch e.Stage {
	case handshake.StageURL, handshake.StageRequest:
		return stop("invalid " + e.Stage.String())
	case handshake.StageValidate:
		return stop("answer breaks RFC 6455")
	case handshake.StageTLS:
		if certificateRefused(e) {
			return stop("certificate not accepted")
		}
	}
	if e.Status == 0 {
		return retry(e.Stage.String() + " failed")
	}
	reason := fmt.Sprintf("HTTP status %d", e.Status)
	switch {
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooEarly,
		e.Status == http.StatusTooManyRequests, e.StatusClass() == 5:
		return Verdict{Retry: true, After: retryAfter(e.Header, time.Now()), Reason: reason}
	}
	return stop(reason)
}

func certificateRefused(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

// retryAfter reads Retry-After in both forms, seconds and a date (RFC 9110
// §10.2.3); 0 if it is missing or makes no sense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

package retry

// This file is what a failure counts as.

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Cause names a kind of failure; it is the key in a table of Verdicts. Besides the constants,
// HTTPStatus, HTTPClass, ProxyStatus, ProxyClass, CloseCode and CloseClass return causes.
type Cause string

const (
	// CauseURL: the URL is not a WebSocket URL.
	CauseURL Cause = "URL"
	// CauseRequest: another part of the request is not valid.
	CauseRequest Cause = "request"
	// CauseProvider: the Provider returned an error, took too long or panicked.
	CauseProvider Cause = "provider"
	// CauseResolve: the host name was not resolved.
	CauseResolve Cause = "resolve"
	// CauseDial: no network connection was made.
	CauseDial Cause = "dial"
	// CauseProxy: the proxy was not reached or made no connection.
	CauseProxy Cause = "proxy"
	// CauseTLS: the TLS handshake failed for a reason other than CauseCertificate.
	CauseTLS Cause = "TLS"
	// CauseCertificate: the certificate of the server was not accepted.
	CauseCertificate Cause = "certificate"
	// CauseNoAnswer: no readable HTTP answer came.
	CauseNoAnswer Cause = "no answer"
	// CauseHTTP: an HTTP status other than 101.
	CauseHTTP Cause = "HTTP"
	// CauseValidate: the server answered 101 and broke a rule of RFC 6455.
	CauseValidate Cause = "validate"
	// CauseSubscribe: Subscribe returned an error, took too long or panicked.
	CauseSubscribe Cause = "subscribe"
	// CauseClose: a Close frame ended the connection: the server's, or our own if this side
	// failed it for a reason that is not listed here.
	CauseClose Cause = "close"
	// CauseLost: the connection ended without a Close frame (1006).
	CauseLost Cause = "lost"
	// CauseLiveness: the server answered no Pings.
	CauseLiveness Cause = "liveness"
	// CauseProtocol: the server broke the protocol.
	CauseProtocol Cause = "protocol error"
	// CauseLimit: the server exceeded one of the limits on messages.
	CauseLimit Cause = "limit"
	// CauseHandler: the user's handler panicked.
	CauseHandler Cause = "handler"
	// CauseUnknown is everything else, e.g. the error of another Handshaker.
	CauseUnknown Cause = "unknown"
)

// HTTPStatus is the cause for one HTTP status: "HTTP 404".
func HTTPStatus(status int) Cause { return Cause(fmt.Sprintf("HTTP %d", status)) }

// HTTPClass is the cause for the statuses with this first digit: "HTTP 4xx".
func HTTPClass(digit int) Cause { return Cause(fmt.Sprintf("HTTP %dxx", digit)) }

// ProxyStatus is the cause for one HTTP status of the proxy: "proxy 407".
func ProxyStatus(status int) Cause { return Cause(fmt.Sprintf("proxy %d", status)) }

// ProxyClass is the cause for the statuses of the proxy with this first digit: "proxy 4xx".
func ProxyClass(digit int) Cause { return Cause(fmt.Sprintf("proxy %dxx", digit)) }

// CloseCode is the cause for one close code: "close 1001". 1006, which is never
// sent, is CauseLost.
func CloseCode(code wire.StatusCode) Cause {
	if code == wire.StatusAbnormal {
		return CauseLost
	}
	return Cause(fmt.Sprintf("close %d", uint16(code)))
}

// CloseClass is the cause for a thousand close codes: CloseClass(4) is "close
// 4xxx", those for private use (RFC 6455 §7.4.2).
func CloseClass(thousand int) Cause { return Cause(fmt.Sprintf("close %dxxx", thousand)) }

// Causes returns what err counts as, the most specific first: the first one with an entry in
// the table decides.
func Causes(err error) []Cause {
	if errors.Is(err, messages.ErrHandlerFailed) {
		return []Cause{CauseHandler}
	}
	var (
		provider  *messages.ProviderError
		subscribe *messages.SubscribeError
		closed    *messages.CloseError
		failed    *handshake.Error
	)
	switch {
	case errors.As(err, &provider):
		return []Cause{CauseProvider}
	case errors.As(err, &subscribe):
		return []Cause{CauseSubscribe}
	case errors.As(err, &closed):
		return closeCauses(closed)
	case errors.As(err, &failed):
		return handshakeCauses(failed)
	}
	return []Cause{CauseUnknown}
}

func closeCauses(e *messages.CloseError) []Cause {
	var (
		protocol *wire.ProtocolError
		limit    *wire.LimitError
	)
	switch {
	case errors.Is(e.Cause, messages.ErrPongTimeout):
		return []Cause{CauseLiveness}
	case errors.As(e.Cause, &protocol):
		return []Cause{CauseProtocol}
	case errors.As(e.Cause, &limit):
		return []Cause{CauseLimit}
	}
	switch code := closeCode(e); {
	case code == wire.StatusAbnormal:
		return []Cause{CauseLost}
	default:
		return []Cause{CloseCode(code), CloseClass(int(code) / 1000), CauseClose}
	}
}

// closeCode is the code that ended the connection, sent by either side.
func closeCode(e *messages.CloseError) wire.StatusCode {
	if e.Code == wire.StatusAbnormal && e.By == messages.Local && e.SentCode != 0 {
		return e.SentCode
	}
	return e.Code
}

func handshakeCauses(e *handshake.Error) []Cause {
	switch e.Stage {
	case handshake.StageURL:
		return []Cause{CauseURL}
	case handshake.StageRequest:
		return []Cause{CauseRequest}
	case handshake.StageResolve:
		return []Cause{CauseResolve}
	case handshake.StageDial:
		return []Cause{CauseDial}
	case handshake.StageProxy:
		if e.Status == 0 {
			return []Cause{CauseProxy}
		}
		return []Cause{ProxyStatus(e.Status), ProxyClass(e.StatusClass()), CauseProxy}
	case handshake.StageTLS:
		if certificateRefused(e) {
			return []Cause{CauseCertificate, CauseTLS}
		}
		return []Cause{CauseTLS}
	case handshake.StageValidate:
		return []Cause{CauseValidate}
	}
	if e.Status == 0 {
		return []Cause{CauseNoAnswer}
	}
	return []Cause{HTTPStatus(e.Status), HTTPClass(e.StatusClass()), CauseHTTP}
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

// ofEndpoint reports whether err is about the endpoint, not about the connection or this
// program: another endpoint may do better.
func ofEndpoint(err error) bool {
	var failed *handshake.Error
	return errors.As(err, &failed) && failed.Stage != handshake.StageRequest
}

// describeCause says in a few words what happened, for events.
func describeCause(err error, cause Cause) string {
	var (
		closed *messages.CloseError
		failed *handshake.Error
	)
	switch cause {
	case CauseURL, CauseRequest:
		return "invalid " + string(cause)
	case CauseProvider, CauseSubscribe, CauseHandler, CauseResolve, CauseDial, CauseProxy, CauseTLS:
		return string(cause) + " failed"
	case CauseCertificate:
		return "certificate not accepted"
	case CauseNoAnswer:
		return "no HTTP answer"
	case CauseValidate:
		return "answer breaks RFC 6455"
	case CauseLost:
		return "connection lost"
	case CauseLiveness:
		return "no pong in time"
	case CauseProtocol, CauseLimit:
		if errors.As(err, &closed) {
			return fmt.Sprintf("we failed the connection with code %d (%s)", uint16(closed.SentCode), closed.SentCode)
		}
	}
	switch {
	case errors.As(err, &closed):
		code, who := closeCode(closed), "server closed"
		if code != closed.Code {
			who = "we failed the connection"
		}
		return fmt.Sprintf("%s with code %d (%s)", who, uint16(code), code)
	case errors.As(err, &failed) && failed.Status != 0:
		who := "HTTP status"
		if failed.Stage == handshake.StageProxy {
			who = "HTTP status of the proxy"
		}
		return fmt.Sprintf("%s %d", who, failed.Status)
	}
	return "unknown cause"
}

package handshake

// The error of every failed handshake.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Stage is the part of a handshake in which it failed.
type Stage uint8

const (
	// StageURL: the URL is not a valid WebSocket URL. No network was used.
	StageURL Stage = iota + 1
	// StageRequest: another part of the Request is not valid. No network was
	// used.
	StageRequest
	// StageResolve: the host name was not resolved.
	StageResolve
	// StageDial: no TCP connection came about.
	StageDial
	// StageProxy: the proxy was not reached, or made no connection to the
	// server. A Status is then that of the proxy, not of the server.
	StageProxy
	// StageTLS: the TLS handshake with the server failed. No HTTP was sent.
	StageTLS
	// StageHTTP: the request was not written, no readable answer came, or the
	// answer's status is not 101.
	StageHTTP
	// StageValidate: the server answered 101 but broke a rule of RFC 6455.
	StageValidate
)

var stageNames = [...]string{"unknown", "URL", "request", "resolve", "dial", "proxy", "TLS", "HTTP", "validate"}

// String returns a short name: "dial", "TLS".
func (s Stage) String() string {
	if int(s) < len(stageNames) {
		return stageNames[s]
	}
	return stageNames[0]
}

// Error says at which stage a handshake failed and why.
//
// If the context of the caller ended, errors.Is finds its error (and its
// cause). If a stage took longer than its own timeout, errors.Is finds
// os.ErrDeadlineExceeded.
type Error struct {
	// Stage is where it failed.
	Stage Stage
	// URL is the address, without user information and without the query,
	// either of which may hold credentials. After redirects it is the one last
	// tried.
	URL string
	// Status is the HTTP status that was answered, 0 if none came.
	Status int
	// Header is that of the answer, nil if none came.
	Header http.Header
	// Body is the beginning of the answer's body, at most 1 KiB. It is there if
	// Status is not 101 and the body came within a second.
	Body []byte
	// Err is the cause, never nil.
	Err error
}

// Error names the stage, the address, the cause and, where one is known, what
// to do.
func (e *Error) Error() string {
	s := "websocket handshake"
	if e.URL != "" {
		s += " with " + e.URL
	}
	s += fmt.Sprintf(": %v: %v", e.Stage, e.Err)
	if a := advice(e); a != "" {
		s += "; " + a
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout tells whether a deadline of the caller, a timeout of a stage or one
// of the operating system ended the attempt.
func (e *Error) Timeout() bool {
	var t net.Error
	return errors.As(e.Err, &t) && t.Timeout()
}

// StatusClass returns the first digit of Status; 0 if there was no answer. A
// status outside of 100 to 599 counts as 5, a server error (RFC 9110 §15).
func (e *Error) StatusClass() int {
	switch {
	case e.Status == 0 && e.Header == nil:
		return 0
	case e.Status < 100 || e.Status > 599:
		return 5
	}
	return e.Status / 100
}

// Versions returns the protocol versions that the server named in its refusal
// (RFC 6455 §4.4), in its order. This package speaks version 13 only.
func (e *Error) Versions() []string {
	return listElements(e.Header.Values("Sec-WebSocket-Version"))
}

// fail makes an *Error of err; an *Error stays as it is.
func fail(stage Stage, err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Stage: stage, Err: err}
}

// refused makes an *Error of an answer that does not grant what was asked for.
func refused(stage Stage, who string, a *Answer) *Error {
	err := fmt.Errorf("%s answered %s", who, strings.TrimSpace(fmt.Sprintf("%03d %s", a.Status, http.StatusText(a.Status))))
	return &Error{Stage: stage, Status: a.Status, Header: a.Header, Body: a.Body, Err: err}
}

// timeoutError says that a stage took longer than its own timeout.
type timeoutError struct {
	limit time.Duration
	name  string // of the setting
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("not done within %v (%s)", e.limit, e.name)
}

func (e *timeoutError) Unwrap() error { return os.ErrDeadlineExceeded }

// ended returns why ctx ended: the error of the context together with its
// cause, so that errors.Is finds both.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	var own *timeoutError
	if errors.As(cause, &own) || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

package handshake

// This file is the error of every failed handshake.

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

// Stage is a part of a handshake: the one in which it failed.
type Stage uint8

const (
	// StageURL: the URL is not a valid WebSocket URL. No network was used.
	StageURL Stage = iota + 1
	// StageRequest: another part of the Request is not valid. No network was used.
	StageRequest
	// StageResolve: the host name was not resolved.
	StageResolve
	// StageDial: the TCP connection failed.
	StageDial
	// StageProxy: the proxy was not reached, or did not connect to the server. A
	// Status is then that of the proxy, not of the server.
	StageProxy
	// StageTLS: the TLS handshake with the server failed. No HTTP was sent.
	StageTLS
	// StageHTTP: the request was not written, no readable response came, or the
	// status of the response is not 101.
	StageHTTP
	// StageValidate: the server answered 101 but violated RFC 6455.
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
// If the caller's context ended, errors.Is finds its error and its cause. If a
// stage exceeded its own timeout, errors.Is finds os.ErrDeadlineExceeded.
type Error struct {
	// Stage is where it failed.
	Stage Stage
	// URL is the address, without user information and query, either of which may
	// hold credentials. After redirects it is the last one tried.
	URL string
	// Status is the HTTP status of the response, 0 if none came.
	Status int
	// Header is that of the response, nil if none came.
	Header http.Header
	// Body is the beginning of the response's body, at most 1 KiB, as far as it
	// came within a second. It is nil with Status 101.
	Body []byte
	// Err is the cause, never nil.
	Err error
}

// Error names the stage, the address, the cause and, if known, what to do.
func (e *Error) Error() string {
	s := "websocket handshake"
	if e.URL != "" {
		s += " with " + e.URL
	}
	s += fmt.Sprintf(": %v: %v", e.Stage, e.Err)
	if h := hint(e); h != "" {
		s += "; " + h
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the handshake was ended by the caller's deadline, the
// timeout of a stage, or one of the operating system.
func (e *Error) Timeout() bool {
	var t net.Error
	return errors.As(e.Err, &t) && t.Timeout()
}

// StatusClass returns the first digit of Status; 0 if there was no response. A
// status outside 100 to 599 counts as 5, a server error (RFC 9110 §15).
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
// (RFC 6455 §4.4), in that order. This package speaks version 13 only.
func (e *Error) Versions() []string {
	return listElements(e.Header.Values("Sec-WebSocket-Version"))
}

// fail wraps err in an *Error; an *Error stays as it is.
func fail(stage Stage, err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Stage: stage, Err: err}
}

// refused returns the *Error for a response that does not grant the request.
func refused(stage Stage, who string, resp *Response) *Error {
	err := fmt.Errorf("%s answered %s", who, strings.TrimSpace(fmt.Sprintf("%03d %s", resp.Status, http.StatusText(resp.Status))))
	return &Error{Stage: stage, Status: resp.Status, Header: resp.Header, Body: resp.Body, Err: err}
}

// timeoutError reports that a stage exceeded its own timeout.
type timeoutError struct {
	limit time.Duration
	name  string // of the setting to raise
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("not done within %v (%s)", e.limit, e.name)
}

func (e *timeoutError) Unwrap() error { return os.ErrDeadlineExceeded }

// ended returns why ctx ended: its error together with its cause, so that
// errors.Is finds both.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	var own *timeoutError
	if errors.As(cause, &own) || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

package dandelion

// This file has the names of what goes into Options: when to connect again, what an outbox
// does, how to get to a server. They are those of packages supervisor and handshake, so
// that code without actors needs one import.

import (
	"net/url"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
)

// When to connect again.
type (
	// RetryPolicy says when to connect again after a failure, and when to give up.
	RetryPolicy = retry.Policy
	// Verdicts is a table of what follows a failure: a [Rule] for each [Cause].
	Verdicts = retry.Verdicts
	// Verdict is what follows one failure.
	Verdict = retry.Verdict
	// Rule is an entry of Verdicts: an action, and perhaps a least delay.
	Rule = retry.Rule
	// Action is what follows a failure: Stop, Retry or Refresh.
	Action = retry.Action
	// Cause names a kind of failure: one of the constants, or what HTTPStatus, HTTPClass,
	// ProxyStatus, ProxyClass, CloseCode and CloseClass return.
	Cause = retry.Cause
	// Backoff gives the delays between attempts; Exponential makes one.
	Backoff = retry.Backoff
	// Failure is what a Backoff is told about.
	Failure = retry.Failure
	// Exponential are delays that grow by a factor, with jitter on every one. Its method
	// New is a RetryPolicy.Backoff.
	Exponential = retry.Exponential
	// Jitter is the way in which an Exponential draws its delays.
	Jitter = retry.Jitter
	// Endpoints are further addresses of a service, and their order.
	Endpoints = retry.Endpoints
	// Order says which endpoint is tried next.
	Order = retry.Order
	// Provider gives the request for one attempt to connect.
	Provider = supervisor.Provider
	// Attempt is what a Provider is told.
	Attempt = supervisor.Attempt
	// Request is what a Provider returns: URL, header, subprotocols, TLS configuration.
	Request = handshake.Request
)

// What a verdict can be.
const (
	Stop    = retry.Stop    // give up
	Retry   = retry.Retry   // connect again after a delay
	Refresh = retry.Refresh // ask the Provider once for other credentials
)

// Ways to draw a delay.
const (
	FullJitter         = retry.FullJitter         // from 0 up to an end that grows
	DecorrelatedJitter = retry.DecorrelatedJitter // from the base up to a multiple of the delay before
)

// Orders in which endpoints are tried.
const (
	InOrder  = retry.InOrder  // the first that has not failed lately
	Shuffled = retry.Shuffled // the same, on a list that each client shuffles
	Sticky   = retry.Sticky   // the one that was open last, as long as it does not fail
)

// Causes of a failure.
const (
	CauseURL         = retry.CauseURL         // not a WebSocket URL
	CauseRequest     = retry.CauseRequest     // another part of the request is not valid
	CauseProvider    = retry.CauseProvider    // Options.Provider failed
	CauseResolve     = retry.CauseResolve     // the host name was not resolved
	CauseDial        = retry.CauseDial        // no network connection
	CauseProxy       = retry.CauseProxy       // the proxy was not reached or has refused
	CauseTLS         = retry.CauseTLS         // the TLS handshake failed
	CauseCertificate = retry.CauseCertificate // the certificate was not accepted
	CauseNoAnswer    = retry.CauseNoAnswer    // no readable HTTP answer
	CauseHTTP        = retry.CauseHTTP        // any HTTP status but 101
	CauseValidate    = retry.CauseValidate    // the answer violates RFC 6455
	CauseSubscribe   = retry.CauseSubscribe   // Options.Subscribe failed
	CauseClose       = retry.CauseClose       // any Close frame
	CauseLost        = retry.CauseLost        // ended without a Close frame
	CauseLiveness    = retry.CauseLiveness    // the server answered no Pings
	CauseProtocol    = retry.CauseProtocol    // the server broke the protocol
	CauseLimit       = retry.CauseLimit       // the server passed a limit
	CauseHandler     = retry.CauseHandler     // a callback failed
	CauseUnknown     = retry.CauseUnknown     // everything else
)

// DefaultVerdicts returns the table that is in force where RetryPolicy.Verdicts has no
// entry. The caller may change it.
func DefaultVerdicts() Verdicts { return retry.DefaultVerdicts() }

// HTTPStatus is the cause for one HTTP status: "HTTP 404".
func HTTPStatus(status int) Cause { return retry.HTTPStatus(status) }

// HTTPClass is the cause for the statuses with this first digit: "HTTP 4xx".
func HTTPClass(digit int) Cause { return retry.HTTPClass(digit) }

// ProxyStatus is the cause for one HTTP status of the proxy: "proxy 407".
func ProxyStatus(status int) Cause { return retry.ProxyStatus(status) }

// ProxyClass is the cause for the statuses of the proxy with this first digit: "proxy 4xx".
func ProxyClass(digit int) Cause { return retry.ProxyClass(digit) }

// CloseCode is the cause for one close code: "close 1001".
func CloseCode(code StatusCode) Cause { return retry.CloseCode(code) }

// CloseClass is the cause for a thousand close codes: CloseClass(4) is "close 4xxx".
func CloseClass(thousand int) Cause { return retry.CloseClass(thousand) }

// What an outbox does.
type (
	// OutboxConfig makes a client hold what is sent while no connection is open.
	OutboxConfig = outbox.Config
	// FullPolicy says what happens to a message for which the outbox has no room.
	FullPolicy = outbox.FullPolicy
	// Ack is what a message of the server acknowledges; see OutboxConfig.Acked.
	Ack = outbox.Ack
)

// What happens to a message for which the outbox has no room.
const (
	Reject     = outbox.Reject     // it is refused with ErrQueueFull
	DropOldest = outbox.DropOldest // the oldest messages are dropped in its favour
	DropNewest = outbox.DropNewest // it is dropped itself
	Block      = outbox.Block      // Write and Queue wait for room; Send is refused
)

// PanicPolicy says what follows a panic in a callback.
type PanicPolicy = supervisor.PanicPolicy

// What follows a panic in a callback.
const (
	FailOnPanic     = supervisor.FailOnPanic     // the client ends, with the code 1011
	ContinueOnPanic = supervisor.ContinueOnPanic // the next message is handled
)

// How to get to a server.
type (
	// Gate bounds how many attempts to connect may be under way at once.
	Gate = handshake.Gate
	// Handshaker gets from a URL to an open connection; package handshake has one.
	Handshaker = handshake.Handshaker
)

// ProxyFromEnvironment chooses the proxy by the usual variables: ALL_PROXY, HTTPS_PROXY,
// HTTP_PROXY and NO_PROXY. It is for Options.Proxy; see handshake.ProxyFromEnvironment.
func ProxyFromEnvironment(u *url.URL) (*url.URL, error) { return handshake.ProxyFromEnvironment(u) }

// Observer sees every message between the actors of a client; it is for debugging.
type Observer = actors.Observer

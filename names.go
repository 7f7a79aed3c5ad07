package dandelion

// This file has the names of what a client sends, receives and reports: kinds, codes,
// errors, events. They are those of packages messages, wire and handshake, so that code
// without actors needs one import.

import (
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Kind tells text from binary messages.
type Kind = messages.Kind

// The kinds of message.
const (
	KindText   = messages.KindText   // valid UTF-8
	KindBinary = messages.KindBinary // any bytes
)

// Delivery says how an outbox treats a message: for how long, once or at least once, and
// by which ID the server acknowledges it. See [Message.With].
type Delivery = messages.Delivery

// StatusCode is the number in a Close frame that says why (RFC 6455 §7.4). The method
// OnWire reports whether it may be sent; codes from 4000 to 4999 are for private use.
type StatusCode = wire.StatusCode

// Close codes. StatusNoStatus, StatusAbnormal and StatusTLSHandshake are for reports
// and are never sent.
const (
	StatusNormal             = wire.StatusNormal             // 1000: the purpose is fulfilled
	StatusGoingAway          = wire.StatusGoingAway          // 1001: this side goes down
	StatusProtocolError      = wire.StatusProtocolError      // 1002: the peer broke the protocol
	StatusUnsupportedData    = wire.StatusUnsupportedData    // 1003: a type of data that is not accepted
	StatusNoStatus           = wire.StatusNoStatus           // 1005: the Close frame had no code
	StatusAbnormal           = wire.StatusAbnormal           // 1006: ended without a Close frame
	StatusInvalidPayload     = wire.StatusInvalidPayload     // 1007: such as text that is not UTF-8
	StatusPolicyViolation    = wire.StatusPolicyViolation    // 1008: refused for a reason that no other code gives
	StatusMessageTooBig      = wire.StatusMessageTooBig      // 1009: a message is too big
	StatusMandatoryExtension = wire.StatusMandatoryExtension // 1010: the server lacks a needed extension
	StatusInternalError      = wire.StatusInternalError      // 1011: something unexpected
	StatusServiceRestart     = wire.StatusServiceRestart     // 1012: the service restarts
	StatusTryAgainLater      = wire.StatusTryAgainLater      // 1013: the service is overloaded
	StatusBadGateway         = wire.StatusBadGateway         // 1014: a gateway got a bad answer
	StatusTLSHandshake       = wire.StatusTLSHandshake       // 1015: the TLS handshake failed
)

// State is where a client stands. The first four are those of RFC 6455.
type State = messages.State

// The states of a client.
const (
	StateConnecting = messages.StateConnecting // the opening handshake is under way
	StateOpen       = messages.StateOpen       // messages can be sent and received
	StateClosing    = messages.StateClosing    // no more messages are accepted
	StateClosed     = messages.StateClosed     // the connection has ended
	StateWaiting    = messages.StateWaiting    // for the next attempt to connect, or in a pause
	StateStopped    = messages.StateStopped    // the client has ended
)

// Errors of sending, to be compared with errors.Is.
var (
	// ErrClosed: the connection is closing or closed, or has ended before the message was
	// written. Most often it comes with the cause, such as a *CloseError.
	ErrClosed = messages.ErrClosed
	// ErrNotOpen: there is no open connection at the moment. Write and Queue wait for it.
	ErrNotOpen = messages.ErrNotOpen
	// ErrQueueFull: the send queue, or the outbox, is full. Write and Queue wait for room.
	ErrQueueFull = messages.ErrQueueFull
	// ErrUnconfirmed: the connection ended while the message was being written, or before
	// it was acknowledged; it may have arrived.
	ErrUnconfirmed = messages.ErrUnconfirmed
	// ErrInvalidUTF8: a text, or the reason of a Close, is not valid UTF-8.
	ErrInvalidUTF8 = messages.ErrInvalidUTF8
	// ErrInvalidKind: a message is neither text nor binary.
	ErrInvalidKind = messages.ErrInvalidKind
	// ErrPartialMessage: a part of a message was to be sent as a message.
	ErrPartialMessage = messages.ErrPartialMessage
	// ErrFinalFragmentSent: a MessageWriter was written to after its end.
	ErrFinalFragmentSent = messages.ErrFinalFragmentSent
	// ErrControlTooLong: more than 125 bytes in a Ping or Pong, or 123 in the reason of a Close.
	ErrControlTooLong = messages.ErrControlTooLong
	// ErrInvalidCloseCode: the code must not be sent; see StatusCode.OnWire.
	ErrInvalidCloseCode = messages.ErrInvalidCloseCode
)

// Errors of an outbox, to be compared with errors.Is.
var (
	// ErrDropped: the outbox has given the message up; ErrQueueFull or ErrExpired says why.
	ErrDropped = messages.ErrDropped
	// ErrExpired: the message was not sent within its TTL.
	ErrExpired = messages.ErrExpired
	// ErrStored: the client has ended, and the message is in the store for the next one.
	ErrStored = messages.ErrStored
)

// Causes of an end, to be looked for with errors.Is.
var (
	// ErrStopped: the client was ended by its user before a connection was open.
	ErrStopped = messages.ErrStopped
	// ErrMessageTooBig: what the server sent passed one of the limits of Options. The
	// *LimitError says which.
	ErrMessageTooBig = messages.ErrMessageTooBig
	// ErrPongTimeout: the server did not answer Pings. It is found in a *LivenessError.
	ErrPongTimeout = messages.ErrPongTimeout
	// ErrCloseTimeout: the closing handshake was not completed within CloseTimeout.
	ErrCloseTimeout = messages.ErrCloseTimeout
	// ErrHandlerFailed: a callback has panicked or ended its goroutine.
	ErrHandlerFailed = messages.ErrHandlerFailed
	// ErrGoexit: it has ended its goroutine, as t.FailNow does.
	ErrGoexit = messages.ErrGoexit
)

// Errors with fields, to be looked for with errors.As.
type (
	// CloseError says how a connection that was open has ended: code, reason, by which
	// side, whether cleanly, and the cause.
	CloseError = messages.CloseError
	// HandshakeError says at which stage an attempt to connect failed, and why. It has
	// status, header and the beginning of the body of an answer that was refused.
	HandshakeError = handshake.Error
	// ProtocolError says which rule of RFC 6455 the server has broken.
	ProtocolError = wire.ProtocolError
	// LimitError says which limit the server has passed.
	LimitError = wire.LimitError
	// LivenessError says for how long the server was silent.
	LivenessError = messages.LivenessError
	// ProviderError is the error of Options.Provider.
	ProviderError = messages.ProviderError
	// SubscribeError is the error of Options.Subscribe.
	SubscribeError = messages.SubscribeError
)

// Side tells who ended a connection; see CloseError.By.
type Side = messages.Side

// The sides of a connection.
const (
	Neither = messages.Neither // the connection was lost
	Local   = messages.Local   // this program
	Remote  = messages.Remote  // the server
)

// Stage is the part of a handshake in which it failed; see HandshakeError.
type Stage = handshake.Stage

// The stages of a handshake, in their order.
const (
	StageURL      = handshake.StageURL      // the URL is not valid
	StageRequest  = handshake.StageRequest  // another part of the request is not valid
	StageResolve  = handshake.StageResolve  // the host name was not resolved
	StageDial     = handshake.StageDial     // no TCP connection
	StageProxy    = handshake.StageProxy    // the proxy was not reached or has refused
	StageTLS      = handshake.StageTLS      // the TLS handshake failed
	StageHTTP     = handshake.StageHTTP     // no answer, or another status than 101
	StageValidate = handshake.StageValidate // the answer violates RFC 6455
)

// Events, as the callbacks of a [Handler] get them.
type (
	// Connecting: an attempt to connect begins.
	Connecting = messages.Connecting
	// Opened: the connection is open. It has the subprotocol, the header and the addresses.
	Opened = messages.Opened
	// FragmentReceived is a part of a message; only with Options.Streaming.
	FragmentReceived = messages.FragmentReceived
	// PongReceived is a Pong, with the round-trip time if it answers a Ping.
	PongReceived = messages.PongReceived
	// Closing: the connection takes no more messages.
	Closing = messages.Closing
	// Closed: the connection has ended. It counts the messages that were not written.
	Closed = messages.Closed
	// HandlerBehind: nothing is read, as what has arrived is not handled.
	HandlerBehind = messages.HandlerBehind
	// HandlerCaughtUp: reading continues.
	HandlerCaughtUp = messages.HandlerCaughtUp
	// ReconnectScheduled: the client connects again after a delay.
	ReconnectScheduled = messages.ReconnectScheduled
	// Paused: there is no connection until Resume or Reconnect.
	Paused = messages.Paused
	// OutboxDropped: the outbox has given up a message.
	OutboxDropped = messages.OutboxDropped
	// OutboxFailed: the store of the outbox has failed.
	OutboxFailed = messages.OutboxFailed
	// GaveUp: the client will not connect again.
	GaveUp = messages.GaveUp
	// HandlerFailed: a callback has panicked.
	HandlerFailed = messages.HandlerFailed
	// Stopped: the client has ended; nothing follows.
	Stopped = messages.Stopped
)

// What [Client.Status] returns.
type (
	// Status describes how a client stands.
	Status = messages.Status
	// EndpointStatus is what is remembered of an address.
	EndpointStatus = messages.EndpointStatus
	// OutboxStatus is what an outbox holds.
	OutboxStatus = messages.OutboxStatus
	// Counters count from the beginning of the client.
	Counters = messages.Counters
)

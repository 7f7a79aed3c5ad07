package messages

import "time"

// Status answers GetStatus: how a managed connection stands.
type Status struct {
	State State
	// Paused: Pause was asked for and neither Resume nor Reconnect since.
	Paused bool
	Epoch  uint64
	// Attempt is the number of the current or last attempt, 1 for the first since
	// the backoff was last reset.
	Attempt int
	// URL is the address of the current or last attempt, without user information.
	URL         string
	Subprotocol string
	// Since is when the state was entered; NextAttempt when WAITING ends, zero if
	// that is not known.
	Since, NextAttempt time.Time
	// RTT is the round-trip time of the last answered Ping of the current
	// connection, 0 before the first. SmoothedRTT is the average of RFC 6298: an
	// eighth of each new one.
	RTT, SmoothedRTT time.Duration
	// LastCause is why the last connection or attempt ended.
	LastCause error
	// HandlerBehind: reading has stopped because the handler is behind with what
	// has arrived.
	HandlerBehind bool
	// QueuedMessages and QueuedBytes wait for the writer.
	QueuedMessages, QueuedBytes int
	// Outbox is what is held for sending.
	Outbox OutboxStatus
	// Endpoints has each address in the order of trying.
	Endpoints []EndpointStatus
	Counters  Counters
}

// EndpointStatus is what is remembered of an address.
type EndpointStatus struct {
	URL      string // without user information
	Failures int    // in a row
	FailedAt time.Time
	Cause    error // of the last failure, nil after a success
	Excluded bool  // not tried any more
}

// OutboxStatus is what an outbox holds.
type OutboxStatus struct {
	Messages, Bytes int // what is being written included
	Unacknowledged  int // of these: written, the acknowledgement is due
	Blocked         int // messages that wait for room, besides
}

// Counters count since the supervisor was spawned.
type Counters struct {
	Attempts    uint64 // to connect
	Connections uint64 // that opened
	// MessagesSent and BytesSent were handed to the operating system, in data
	// frames and their payload.
	MessagesSent, BytesSent uint64
	// MessagesUnsent were accepted by a connection that ended before they were
	// completely written. With an outbox some of them are sent later.
	MessagesUnsent uint64
	// OutboxDropped were given up by the outbox; OutboxResent taken back by it
	// although they may have arrived.
	OutboxDropped, OutboxResent uint64
	// MessagesReceived counts messages, or parts of them where messages are streamed.
	MessagesReceived uint64
	// Throttles is how often reading has stopped because the handler was behind by
	// the receive window, Throttled for how long in all, without a stop that lasts.
	Throttles uint64
	Throttled time.Duration
}

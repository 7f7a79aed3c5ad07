package messages

// This file is the answer to GetStatus.

import "time"

// Status is a snapshot of a managed connection; it answers GetStatus.
type Status struct {
	State State
	// Paused is set after a Pause until Resume or Reconnect.
	Paused bool
	Epoch  uint64
	// Attempt is the number of the current or last attempt, 1 for the first since the
	// backoff was last reset.
	Attempt int
	// URL is the address of the current or last attempt, without user information.
	URL         string
	Subprotocol string
	// Since is when the state was entered; NextAttempt is when WAITING ends, zero if
	// that is not known.
	Since, NextAttempt time.Time
	// RTT is the round-trip time of the last answered Ping of the current connection,
	// 0 before the first. SmoothedRTT is its moving average as in RFC 6298: each new
	// value counts an eighth.
	RTT, SmoothedRTT time.Duration
	// LastCause is why the last connection or attempt ended.
	LastCause error
	// HandlerBehind is set while reading is stopped because the handler is behind.
	HandlerBehind bool
	// QueuedMessages and QueuedBytes are waiting to be written.
	QueuedMessages, QueuedBytes int
	// Outbox is what the outbox holds.
	Outbox OutboxStatus
	// Endpoints has the addresses in the order in which they are tried.
	Endpoints []EndpointStatus
	Counters  Counters
}

// EndpointStatus is what the supervisor remembers of an address.
type EndpointStatus struct {
	URL      string // without user information
	Failures int    // in a row
	FailedAt time.Time
	Cause    error // of the last failure, nil after a success
	Excluded bool  // no longer tried
}

// OutboxStatus is what an outbox holds.
type OutboxStatus struct {
	Messages, Bytes int // including those being written
	Unacknowledged  int // of Messages: written and waiting for an acknowledgement
	Blocked         int // not in Messages: waiting for room
}

// Counters are totals since the supervisor was spawned.
type Counters struct {
	Attempts    uint64 // to connect
	Connections uint64 // that opened
	// MessagesSent and BytesSent were handed to the operating system: data frames,
	// and the bytes of their payloads.
	MessagesSent, BytesSent uint64
	// MessagesUnsent were accepted by a connection that ended before they were
	// completely written. With an outbox some of them are sent later.
	MessagesUnsent uint64
	// OutboxDropped were given up by the outbox. OutboxResent were sent again by it
	// although they may have arrived.
	OutboxDropped, OutboxResent uint64
	// MessagesReceived counts messages, or parts of messages with streaming receive.
	MessagesReceived uint64
	// Throttles is how often reading stopped because the handler was behind by the
	// whole receive window, Throttled for how long in total. A stop that still lasts
	// is not in Throttled.
	Throttles uint64
	Throttled time.Duration
}

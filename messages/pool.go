package messages

// This file is the commands and events of a pool of managed connections (pool.Props).
//
// A member is one managed connection; its name is its index, from 0. Besides the
// commands here, a pool takes:
//
//   - Stop, for all its members and then itself;
//   - Pause, Resume and Reconnect, for all members. The latter two reach the members
//     at different times (see pool.Config.SpreadOver);
//   - GetStatus, which it answers with *PoolStatus;
//   - SendText, SendBinary, Ping and Pong, each for the next member in turn.
//
// Any other command for a member must be sent to the member's PID.

import "time"

// ResizePool changes the number of members. New members start as the first ones did;
// surplus ones, those with the highest indices, are stopped as by Stop. The answer is
// *PoolResized, at once: PoolStatus shows which members are starting and ending.
type ResizePool struct {
	Size int
	// Flush is Stop.Flush for surplus members.
	Flush time.Duration
}

// PoolResized answers ResizePool.
type PoolResized struct {
	Before, Size int
	// Err is nil, ErrPoolSize or ErrStopped; after an error the size is unchanged.
	Err error
}

// GetMember asks a pool for one of its members. The answer is *pool.Member.
type GetMember struct{ Member int }

// ReplaceMember replaces a member that has ended with a new one, at once. It does
// nothing to a member that has not ended. The answer is *pool.Member.
type ReplaceMember struct{ Member int }

// ToAll sends a command to every member: SendText, SendBinary, Ping, Pong or Close,
// which closes them all for good. The sender gets one answer, *ToAllDone.
type ToAll struct{ Command any }

// ToAllDone answers ToAll when the last member has answered.
type ToAllDone struct {
	// Sent and Failed are how many members answered with Sent and with SendFailed.
	Sent, Failed int
	// Err is the first failure, or the reason why the command reached no member.
	Err error
}

// MemberStopped is sent by the pool when a member has ended, after all events of that
// member.
type MemberStopped struct {
	Member int
	Epoch  uint64 // the last one
	// Wanted is set if a user stopped or closed the member, or made the pool smaller.
	// Otherwise the member gave up, or its actor was stopped from outside.
	Wanted bool
	Cause  error // as in Stopped
	// ReplacedIn is how long until a new member replaces it; 0 means not before a
	// ReplaceMember.
	ReplacedIn time.Duration
}

// PoolStatus is a snapshot of a pool; it answers GetStatus.
type PoolStatus struct {
	// Size is the wanted number of members. Living members have an actor; Leaving are
	// those among them that are ending because the pool was made smaller. Ended
	// members have ended and were not replaced.
	Size, Living, Leaving, Ended int
	// The number of living members in each state.
	Connecting, Open, Closing, Closed, Waiting, Stopped int
	// Paused and HandlerBehind are how many members have these set in their Status.
	Paused, HandlerBehind int
	// Sums over the living members.
	QueuedMessages, QueuedBytes int
	Outbox                      OutboxStatus
	// Counters are sums over all members, including those that have ended.
	Counters Counters
}

// Count adds one member in this state.
func (p *PoolStatus) Count(s State) {
	switch s {
	case StateConnecting:
		p.Connecting++
	case StateOpen:
		p.Open++
	case StateClosing:
		p.Closing++
	case StateClosed:
		p.Closed++
	case StateWaiting:
		p.Waiting++
	case StateStopped:
		p.Stopped++
	}
}

// Add adds the contents of another outbox.
func (s *OutboxStatus) Add(other OutboxStatus) {
	s.Messages += other.Messages
	s.Bytes += other.Bytes
	s.Unacknowledged += other.Unacknowledged
	s.Blocked += other.Blocked
}

// Add adds the counters of another connection.
func (c *Counters) Add(other Counters) {
	c.Attempts += other.Attempts
	c.Connections += other.Connections
	c.MessagesSent += other.MessagesSent
	c.BytesSent += other.BytesSent
	c.MessagesUnsent += other.MessagesUnsent
	c.OutboxDropped += other.OutboxDropped
	c.OutboxResent += other.OutboxResent
	c.MessagesReceived += other.MessagesReceived
	c.Throttles += other.Throttles
	c.Throttled += other.Throttled
}

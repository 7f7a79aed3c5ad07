package messages

import "time"

// This file is what a pool of managed connections is told, and what it tells
// (pool.Props). A member is one managed connection; it is called by its
// index, from 0.
//
// Besides, a pool takes Stop, for all its members and then itself; Pause, Resume
// and Reconnect for all members, of which the latter two come to each of them at a
// moment of its own (see pool.Config.SpreadOver); GetStatus, which it
// answers with *PoolStatus; and SendText, SendBinary, Ping and Pong, which go to
// one member after the other. What else is meant for one member goes to its PID.

// ResizePool changes how many members a pool has. Further ones begin as those at
// the beginning did. Those with the highest indices are stopped, as Stop does it.
// The answer is *PoolResized, at once: what begins and ends meanwhile is in PoolStatus.
type ResizePool struct {
	Size int
	// Flush is that of the Stop for surplus members.
	Flush time.Duration
}

// PoolResized answers ResizePool.
type PoolResized struct {
	Before, Size int
	// Err is ErrPoolSize or ErrStopped; the size is then what it was.
	Err error
}

// GetMember asks a pool for one of its members. The answer is *pool.Member.
type GetMember struct{ Member int }

// ReplaceMember puts a new member in the place of one that has ended, at once. One
// that has not ended is left alone. The answer is *pool.Member.
type ReplaceMember struct{ Member int }

// ToAll gives a command to every member: SendText, SendBinary, Ping, Pong or Close,
// which closes them all for good. The sender is answered once, with *ToAllDone.
type ToAll struct{ Command any }

// ToAllDone answers ToAll when the last member has answered.
type ToAllDone struct {
	// Sent and Failed are how many members have answered so.
	Sent, Failed int
	// Err is the first failure, or says why nothing was given to anybody.
	Err error
}

// MemberStopped: a member has ended. It is the pool's event, behind all those of
// the member.
type MemberStopped struct {
	Member int
	Epoch  uint64 // the last one
	// Wanted: a user has stopped or closed the member, or made the pool smaller.
	// Otherwise it has given up, or somebody has stopped its actor.
	Wanted bool
	Cause  error // as in Stopped
	// ReplacedIn is when another one takes its place; 0: that will not happen
	// until ReplaceMember.
	ReplacedIn time.Duration
}

// PoolStatus is how a pool stands.
type PoolStatus struct {
	// Size is how many members it is to have. Living are those whose actors are
	// there, Leaving included: those that the pool was made smaller by and that are
	// still ending. Ended have ended and were not replaced.
	Size, Living, Leaving, Ended int
	// How many of the living are in each state.
	Connecting, Open, Closing, Closed, Waiting, Stopped int
	// Paused and HandlerBehind are how many are so; see Status.
	Paused, HandlerBehind int
	// Sums over the living.
	QueuedMessages, QueuedBytes int
	Outbox                      OutboxStatus
	// Counters are sums over all members that there ever were.
	Counters Counters
}

// Count counts a member in this state.
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

// Add adds what another outbox holds.
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

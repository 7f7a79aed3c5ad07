// This file has the errors of a Store. Those of the operating system are wrapped.

package bboltstore

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is that of a Store after Close.
	ErrClosed = errors.New("the store is closed")
	// ErrLocked: the file is in use, by another program or another Store of this one.
	ErrLocked = errors.New("the file is in use")
	// ErrOrder: Append was given a message whose Seq is not larger than that of
	// every message in the store. Probably two supervisors share the Store.
	ErrOrder = errors.New("the sequence number is not larger than those before")
)

// CorruptError says that the file is damaged, or is not one of this package.
type CorruptError struct {
	Path string
	// Seq is the message that cannot be read, 0 if it is the file as a whole. An
	// Ack of Seq gives that message up, and a Replay then continues after it.
	Seq uint64
	// Err says what is wrong.
	Err error
}

// Error implements error.
func (e *CorruptError) Error() string {
	if e.Seq != 0 {
		return fmt.Sprintf("bboltstore: %s: message %d is corrupt: %v; Ack it to continue without it", e.Path, e.Seq, e.Err)
	}
	return fmt.Sprintf("bboltstore: %s is corrupt: %v; move it away to begin with an empty one", e.Path, e.Err)
}

// Unwrap returns Err.
func (e *CorruptError) Unwrap() error { return e.Err }

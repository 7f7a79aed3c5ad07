package pool

// This file says where a pool handles its messages.

import "github.com/dandelionws/dandelion/internal/mailbox"

// place says that a pool handles everything on its lane: when a member has ended, the pool may
// call code of the user (Config.Member) for its successor.
func place(any) mailbox.Place { return mailbox.OnLane }

package pool

import "github.com/dandelionws/dandelion/internal/mailbox"

// place says that a pool handles everything on its lane: when a member has ended it may call
// code of the user (Config.Member) for the next one.
func place(any) mailbox.Place { return mailbox.OnLane }

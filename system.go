package dandelion

// This file is the actor system that clients share.

import (
	"sync"

	"github.com/dandelionws/dandelion/internal/quiet"
)

// sharedSystem is the actor system of all clients that were given none. It is made at the first use and lives as
// long as the program.
var sharedSystem = sync.OnceValue(quiet.System)

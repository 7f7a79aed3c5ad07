package chaos_test

// This file sums up what the runs have done.

import (
	"fmt"
	"sync/atomic"
)

// figures are sums over runs.
type figures struct {
	faults tally

	runs, attempts, opened       atomic.Int64
	sent, failed, echos          atomic.Int64
	gaveUp, garbled, deadLetters atomic.Int64
}

func (f *figures) String() string {
	return fmt.Sprintf("%d runs, %d attempts to connect, %d connections made, %d given up for good\n"+
		"%d sends answered: %d sent, %d failed (%d to a supervisor that was gone); %d echoes, %d of them garbled\n"+
		"faults: %v",
		f.runs.Load(), f.attempts.Load(), f.opened.Load(), f.gaveUp.Load(),
		f.sent.Load()+f.failed.Load(), f.sent.Load(), f.failed.Load(), f.deadLetters.Load(), f.echos.Load(), f.garbled.Load(),
		&f.faults)
}

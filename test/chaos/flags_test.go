package chaos_test

// This file is the flags.

import (
	"flag"
	"math/rand/v2"
	"time"
)

var (
	runTime     = flag.Duration("chaos.time", 12*time.Second, "how long TestSchedules and TestLoopback run together, half of it each")
	oneSeed     = flag.Uint64("chaos.seed", 0, "run the schedule with this seed only (0: all of them)")
	firstSeed   = flag.Uint64("chaos.first", 0, "the seed of the first schedule, the others count up (0: a random one)")
	connections = flag.Int("chaos.connections", 1000, "how many connections TestManyConnections makes")
)

// seeds returns the seed of the first schedule.
func seeds() uint64 {
	if *firstSeed != 0 {
		return *firstSeed
	}
	return rand.Uint64() >> 24 // short enough to type
}

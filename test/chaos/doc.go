// Package chaos tests what the library promises when nothing else works: many
// supervised connections live behind a proxy that delays, throttles, stalls,
// swallows, cuts, resets and corrupts, in front of a server that refuses, dies
// and returns.
//
// A schedule is drawn from a seed: what befalls every connection, who uses it
// (an actor, callbacks, goroutines that read and write), with which limits, and
// how it ends. TestSchedules runs as many as it can with in-memory pipes and
// fake time; TestLoopback runs some at once over TCP in real time. In all of them:
//
//   - every send is answered exactly once;
//   - what comes back is in order, comes once, and without gaps in an epoch;
//   - the events of every epoch come in a legal order, Stopped is the last one;
//   - the supervisor gives up only for a reason that its verdict calls final, is
//     OPEN again soon after the faults have ended, and STOPPED soon after it is told;
//   - no goroutine, timer or file descriptor is left, and memory stays bounded.
//
// TestAnswersAroundEnds looks closer at the moments in which actors end, and
// TestManyConnections measures what a fleet does when its server dies and returns.
//
// A failure names the seed of its schedule:
//
//	go test ./test/chaos -run TestSchedules -chaos.seed 1234 -v
//	go test ./test/chaos -run TestLoopback -chaos.time 10m -v       a soak
//	go test ./test/chaos -run TestManyConnections -chaos.connections 10000 -v
package chaos

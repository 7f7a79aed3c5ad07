// Package chaos tests what the library promises when everything else fails: many
// supervised connections live behind a proxy that delays, throttles, stalls, swallows,
// cuts, resets and corrupts, in front of a server that refuses, dies and returns.
//
// A schedule is drawn from a seed: the faults of every connection, its user (an actor,
// callbacks, or goroutines that read and write), its limits, and how it ends.
// TestSchedules runs as many as it can with in-memory pipes and fake time; TestLoopback
// runs several at once over TCP in real time. In all of them:
//
//   - every send is answered exactly once;
//   - the messages that come back are in order, come once, and without gaps in an epoch;
//   - the events of every epoch come in a legal order, and Stopped is the last one;
//   - the supervisor gives up only for a reason that its verdict calls final, is OPEN
//     again soon after the faults have ended, and STOPPED soon after it was told to;
//   - no goroutine, timer or file descriptor is left, and memory stays bounded.
//
// TestAnswersAroundEnds looks closer at the moments in which actors end, and
// TestManyConnections measures a fleet whose server dies and returns.
//
// A failure names the seed of its schedule:
//
//	go test ./test/chaos -run TestSchedules -chaos.seed 1234 -v
//	go test ./test/chaos -run TestLoopback -chaos.time 10m -v       a soak test
//	go test ./test/chaos -run TestManyConnections -chaos.connections 10000 -v
package chaos

//go:build race

package conformance_test

// This file tells the tests that the race detector is on.

// raceDetector reports whether the race detector is on: everything then takes about ten
// times as long.
const raceDetector = true

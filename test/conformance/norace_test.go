//go:build !race

package conformance_test

// This file tells the tests that the race detector is off.

const raceDetector = false

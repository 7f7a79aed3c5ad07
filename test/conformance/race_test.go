//go:build race

package conformance_test

// raceDetector is on; everything takes some ten times as long.
const raceDetector = true

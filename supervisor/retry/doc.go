// Package retry decides when to connect again after a failure, where to, and when to give
// up. A user configures a Policy: a table of Verdicts by Cause, a Backoff for the delays, and
// limits. Endpoints are the addresses. A Tracker applies both.
//
// The package only computes: it starts no goroutine, does no I/O and reads no clock.
// Randomness comes from functions that can be replaced.
package retry

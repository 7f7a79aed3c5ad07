// Package retry says when to connect again after a failure, where, and when to give up.
// A Policy is what a user configures: a table of Verdicts by Cause, a Backoff for the
// delays, limits. Endpoints are where to connect to. A Tracker applies both.
//
// The package does nothing by itself: it starts no goroutine, does no I/O and reads no
// clock; randomness comes from functions that can be replaced.
package retry

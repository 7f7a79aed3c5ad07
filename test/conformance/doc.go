// Package conformance measures the client against the requirements of RFC 6455, RFC 7692,
// RFC 8441 and what they need of RFC 7230 and RFC 9110.
//
// The requirements are the rows of requirements.tsv. The tests drive the client through its
// public API against a scripted server. Each names the rows that it shows in a comment above
// the test, the subtest or the case of a table:
//
//	// req: 6455-5.5.1-04 6455-5.5.1-05
//
// Any test of the main module may claim rows in this way. A row with several variants is
// covered when its claimants together run all of them. The rows that nothing claims yet, and
// why, are in pending.go.
//
// This package itself reads the table and the claims. The command report runs the claiming
// tests and prints the table with the result of every row:
//
//	go run ./test/conformance/report
package conformance

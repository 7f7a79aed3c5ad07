// This file decides what happens when a script does not get what it expects,
// which depends on the goroutine that the script runs in.

package wstest

import (
	"runtime"
)

// failMode is how a Server or Conn value reports a failure.
type failMode uint8

const (
	// failTest is for the goroutine of the test: t.Fatal.
	failTest failMode = iota

	// failScript is for goroutines of the server, where t.FailNow must not be
	// called: t.Error, and the goroutine ends. Once the server is closed, a
	// script is expected to be cut off and the test is not marked.
	failScript

	// failTry is inside Try: a panic with a *failure that Try recovers.
	failTry

	// failMock is for the goroutines of a Mock: like failTry, but the test is marked
	// unless the failure is that the client is gone.
	failMock
)

// failure is the error that Try returns.
type failure struct {
	message string
	cause   error
}

func (f *failure) Error() string { return f.message }
func (f *failure) Unwrap() error { return f.cause }

// fail ends the script that got f. It does not return.
func (c *core) fail(mode failMode, f *failure) {
	c.t.Helper()
	switch mode {
	case failMock:
		if f.cause == nil && !c.isClosed() {
			c.t.Errorf("wstest: %s", f.message)
		}
		panic(f)
	case failTry:
		panic(f)
	case failScript:
		if !c.isClosed() {
			c.t.Errorf("wstest: %s", f.message)
		}
		runtime.Goexit()
	case failTest:
		fatalf(c.t, "wstest: %s", f.message)
	}
}

// recoverTry is deferred by Try: it turns the panic of failTry into an error.
func recoverTry(err *error) {
	switch r := recover().(type) {
	case nil:
	case *failure:
		*err = r
	default:
		panic(r)
	}
}

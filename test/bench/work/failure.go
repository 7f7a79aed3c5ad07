package work

import (
	"fmt"
	"time"
)

// failure is where callbacks report errors. The first one counts.
type failure chan error

func newFailure() failure { return make(failure, 1) }

func (f failure) report(err error) {
	if err == nil {
		return
	}
	select {
	case f <- err:
	default:
	}
}

// patience is how long what should happen at once may take.
const patience = 20 * time.Second

// await waits for done, an error or the end of patience.
func await[T any](done <-chan T, f failure, what string) (v T, err error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v = <-done:
		return v, nil
	case err = <-f:
		return v, err
	case <-timer.C:
		return v, fmt.Errorf("no %s after %v", what, patience)
	}
}

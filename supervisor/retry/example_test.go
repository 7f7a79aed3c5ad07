package retry_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/dandelionws/dandelion/supervisor/retry"
)

// The table that applies, with an entry of one's own: a service that answers 404 while it
// is deployed is tried again.
func ExamplePolicy_Table() {
	policy := retry.Policy{Verdicts: retry.Verdicts{
		retry.HTTPStatus(404): {Action: retry.Retry, Base: 10 * time.Second},
	}}
	for line := range strings.Lines(policy.Table().String()) {
		if strings.HasPrefix(line, "HTTP") {
			fmt.Print(line)
		}
	}
	// Output:
	// HTTP 401        refresh
	// HTTP 403        refresh
	// HTTP 404        retry, base 10s
	// HTTP 408        retry
	// HTTP 410        stop
	// HTTP 425        retry
	// HTTP 429        retry
	// HTTP 5xx        retry
	// HTTP, other     stop
}

package supervisor_test

import (
	"flag"
	"testing"

	"github.com/dandelionws/dandelion/test/wstest"
)

// The files testdata/*.txt are scenarios and at the same time the specification
// of the actors: a line with a command, and behind it, indented, every message
// that it made the actors send, and what the server saw. `go test
// ./supervisor -run Golden -update` accepts what happens now.
var update = flag.Bool("update", false, "accept the golden traces")

func TestGolden(t *testing.T) {
	wstest.Golden(t, "testdata/*.txt", *update, newStage)
}

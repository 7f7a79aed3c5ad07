// This file runs scenario files and compares the trace of what happened with the
// one that they hold.

package wstest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
)

// Golden plays the scenario files that match pattern (see filepath.Glob), each
// in a subtest and a synctest bubble of its own. A scenario file is at the same
// time a readable specification:
//
//	# The user says hello.
//	user: text "hello"
//	    supervisor ← SendText 5 B
//	    user       ← Sent 1
//	    server     ← TEXT "hello"
//	time: 30s
//
// A line «who: what» is a step: it lets somebody do something. Behind it,
// indented, is what that led to until nothing moved any more: a line for each
// message, ordered by receiver and then by time. Comments and empty lines are
// kept. «time: 30s» lets time pass.
//
// setUp says who can do something, and who is traced; see [Scenario]. For a
// connection, [NewStage] does that.
//
// The test fails if the trace differs from that in the file. With update it
// writes the trace to the file instead: first write the steps alone, then
// accept and read what has become of them. update is a flag of the test's own:
//
//	var update = flag.Bool("update", false, "accept the golden traces")
//
//	func TestGolden(t *testing.T) {
//		wstest.Golden(t, "testdata/*.txt", *update, func(t *testing.T, s *wstest.Scenario) {
//			wstest.NewStage(t, s).PlayUser()
//		})
//	}
func Golden(t *testing.T, pattern string, update bool, setUp func(t *testing.T, s *Scenario)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatalf("wstest: %s: %v", pattern, err)
	}
	if len(files) == 0 {
		t.Fatalf("wstest: no scenario file matches %s", pattern)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, filepath.Ext(name)), func(t *testing.T) { golden(t, file, update, setUp) })
	}
}

func golden(t *testing.T, file string, update bool, setUp func(t *testing.T, s *Scenario)) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("wstest: %v", err)
	}
	want := strings.ReplaceAll(string(text), "\r\n", "\n") // as version control may leave it
	var got string
	synctest.Test(t, func(t *testing.T) {
		s := newScenario(t, file)
		setUp(t, s)
		got = s.play(want)
	})
	switch {
	case t.Failed() || got == want:
	case update:
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatalf("wstest: %v", err)
		}
	default:
		assert.Equal(t, want, got, "the trace differs from that in %s; if what happens now is right, accept it with -update", file)
	}
}

// This file is what the kit needs of a test, and the bridge to testify.

package wstest

// TestingT is what the kit needs of a test: *testing.T, *testing.B and *testing.F
// have it, and so has what other frameworks give to a test.
type TestingT interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Cleanup(func())
}

// fatalf marks the test as failed and ends it.
func fatalf(t TestingT, format string, args ...any) {
	t.Helper()
	t.Errorf(format, args...)
	t.FailNow()
}

// Arg makes a function of want that testify's mock takes as an argument:
//
//	store.On("Save", mock.MatchedBy(wstest.Arg(wstest.PartialJSON(`{"op": "ack"}`)))).Return(nil)
//
// If a call does not fit, testify's message has the explanation of the Matcher,
// behind the words "panic in argument matcher". Nothing has gone wrong then: to
// panic is the only way in which such a function can tell testify more than yes
// or no, and testify recovers.
func Arg(want any) func(got any) bool {
	m := toMatcher(want)
	return func(got any) bool {
		if mismatch := m.Mismatch(got); mismatch != "" {
			panic(&argMismatch{m, got, mismatch})
		}
		return true
	}
}

// argMismatch is recovered and printed by mock.Arguments.Diff.
type argMismatch struct {
	want     Matcher
	got      any
	mismatch string
}

func (e *argMismatch) Error() string {
	return "(a mismatch) got " + show(e.got) + ", want " + e.want.String() + ":\n" + indent(indent(e.mismatch)) + "\n\t\t"
}

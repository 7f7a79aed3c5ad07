// This file is what a Matcher is, how it is used on its own, and how several
// are combined.

package wstest

import (
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Matcher says whether a value is what a test expects. It is used on its own
// ([AssertMatch]), as an argument of testify's mock ([Arg]), and wherever a
// parameter of this package is called want.
//
// A want that is not a Matcher stands for [Equal] of it. So these are the same:
//
//	probe.Expect(&messages.Sent{Epoch: 1, Ref: 7})
//	probe.Expect(wstest.Equal(&messages.Sent{Epoch: 1, Ref: 7}))
type Matcher interface {
	// Mismatch returns "" if got matches; otherwise it says where got differs from
	// what is expected, in one line or several.
	Mismatch(got any) string

	// String says what matches, in words that fit behind "want".
	String() string
}

// toMatcher makes a Matcher of what a parameter called want can be.
func toMatcher(want any) Matcher {
	if m, ok := want.(Matcher); ok {
		return m
	}
	return Equal(want)
}

// AssertMatch marks the test as failed if got does not match want, and says why.
// It returns whether it matches.
func AssertMatch(t assert.TestingT, want, got any) bool {
	if t, ok := t.(tHelper); ok {
		t.Helper()
	}
	m := toMatcher(want)
	mismatch := m.Mismatch(got)
	if mismatch != "" {
		t.Errorf("got  %s\nwant %s\n%s", show(got), m, indent(mismatch))
	}
	return mismatch == ""
}

// RequireMatch is AssertMatch, and ends the test if got does not match.
func RequireMatch(t require.TestingT, want, got any) {
	if t, ok := t.(tHelper); ok {
		t.Helper()
	}
	if !AssertMatch(t, want, got) {
		t.FailNow()
	}
}

// tHelper is the part of a test that testify's interfaces leave out.
type tHelper interface{ Helper() }

// matcher is a Matcher made of functions.
type matcher struct {
	what     string
	mismatch func(got any) string
}

func (m *matcher) Mismatch(got any) string { return m.mismatch(got) }
func (m *matcher) String() string          { return m.what }

// Anything matches every value, also nil.
func Anything() Matcher {
	return &matcher{"anything", func(any) string { return "" }}
}

// AllOf matches what every one of wants matches. Without wants that is anything.
func AllOf(wants ...any) Matcher {
	all := toMatchers(wants)
	return &matcher{join(all, " and "), func(got any) string {
		var mismatches []string
		for _, m := range all {
			if mismatch := m.Mismatch(got); mismatch != "" {
				mismatches = append(mismatches, mismatch)
			}
		}
		return strings.Join(mismatches, "\n")
	}}
}

// AnyOf matches what at least one of wants matches. Without wants that is nothing.
func AnyOf(wants ...any) Matcher {
	all := toMatchers(wants)
	return &matcher{join(all, " or "), func(got any) string {
		mismatches := []string{"matches none of these:"}
		for _, m := range all {
			mismatch := m.Mismatch(got)
			if mismatch == "" {
				return ""
			}
			mismatches = append(mismatches, m.String()+":", indent(mismatch))
		}
		return strings.Join(mismatches, "\n")
	}}
}

// Not matches what want does not match.
func Not(want any) Matcher {
	m := toMatcher(want)
	return &matcher{"not " + m.String(), func(got any) string {
		if m.Mismatch(got) != "" {
			return ""
		}
		return "got " + show(got) + ", which is " + m.String()
	}}
}

func toMatchers(wants []any) []Matcher {
	all := make([]Matcher, len(wants))
	for i, want := range wants {
		all[i] = toMatcher(want)
	}
	return all
}

func join(all []Matcher, between string) string {
	parts := make([]string, len(all))
	for i, m := range all {
		parts[i] = m.String()
	}
	return strings.Join(parts, between)
}

// indent moves every line to the right.
func indent(s string) string {
	return "  " + strings.ReplaceAll(s, "\n", "\n  ")
}

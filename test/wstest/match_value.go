// This file has the Matchers for whole values: by value, by some of the
// fields, by type and by a function.

package wstest

import (
	"fmt"
	"reflect"

	"github.com/stretchr/testify/assert"
)

// Equal matches a value that is equal to want in the sense of testify's
// assert.Equal: the same type, deeply equal, bytes by content. The explanation
// names each field that differs.
func Equal(want any) Matcher {
	return &matcher{show(want), func(got any) string {
		if assert.ObjectsAreEqual(want, got) {
			return ""
		}
		return differences(want, got, false)
	}}
}

// Like matches a value that has the type of want and its fields, as far as they
// are not zero in want. It is for events of which only some fields matter:
//
//	wstest.Like(&messages.Closed{Err: &messages.CloseError{Code: wire.StatusGoingAway}})
//
// The rule goes on inside of structs, pointers and maps; the elements of lists
// have to be as many as in want. An error in want is compared with errors.Is,
// unless it is a pointer to a struct and got has the same type.
func Like(want any) Matcher {
	return &matcher{"like " + show(want), func(got any) string { return differences(want, got, true) }}
}

// OfType matches a value of type T that matches every one of the others too. T
// may be an interface, such as error.
//
//	wstest.OfType[*messages.Opened]()
func OfType[T any](others ...any) Matcher {
	t := reflect.TypeFor[T]()
	what := "of type " + t.String()
	if len(others) > 0 {
		what += " that is " + AllOf(others...).String()
	}
	return &matcher{what, func(got any) string {
		if _, ok := got.(T); !ok {
			return fmt.Sprintf("got type %s, want %s", typeOf(got), t)
		}
		return AllOf(others...).Mismatch(got)
	}}
}

// Satisfies matches a value of type T for which ok returns true. what says in
// words what ok asks for, behind "want". If T is string or []byte, the value may
// also be anything with a payload; see [Text].
func Satisfies[T any](what string, ok func(got T) bool) Matcher {
	return &matcher{what, func(got any) string {
		v, is := got.(T)
		if !is {
			if p, has := payloadOf(got); has {
				if v, is = any(string(p.data)).(T); !is {
					v, is = any(p.data).(T)
				}
			}
		}
		switch {
		case !is:
			return fmt.Sprintf("got type %s, want %s", typeOf(got), reflect.TypeFor[T]())
		case !ok(v):
			return fmt.Sprintf("got %s, want %s", show(v), what)
		}
		return ""
	}}
}

func typeOf(v any) string {
	if v == nil {
		return "nil"
	}
	return reflect.TypeOf(v).String()
}

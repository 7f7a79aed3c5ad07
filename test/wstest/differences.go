// This file finds where two values differ and says so field by field.

package wstest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
)

// comparison walks through two values at once.
type comparison struct {
	partial bool // what is zero in want does not matter
	found   []string
}

// differences lists where got differs from want, one per line.
func differences(want, got any, partial bool) string {
	c := comparison{partial: partial}
	c.values("", reflect.ValueOf(want), reflect.ValueOf(got), 0)
	return strings.Join(c.found, "\n")
}

func (c *comparison) differ(path string, want, got reflect.Value) {
	c.report(path, "got %s, want %s", showReflected(got), showReflected(want))
}

func (c *comparison) report(path, format string, args ...any) {
	if path != "" {
		path += ": "
	}
	c.found = append(c.found, path+fmt.Sprintf(format, args...))
}

func showReflected(v reflect.Value) string {
	var b strings.Builder
	showValue(&b, v, 0)
	return b.String()
}

// maxDepth ends the walk through values that refer to themselves.
const maxDepth = 30

func (c *comparison) values(path string, want, got reflect.Value, depth int) {
	switch {
	case !want.IsValid() || !got.IsValid():
		if want.IsValid() != got.IsValid() {
			c.differ(path, want, got)
		}
		return
	case depth > 0 && c.partial && want.IsZero():
		return
	}
	if want.Kind() == reflect.Interface || got.Kind() == reflect.Interface {
		c.values(path, concrete(want), concrete(got), depth)
		return
	}
	if c.partial && depth > 0 && sameError(want, got) {
		return
	}
	switch {
	case want.Type() != got.Type():
		c.report(path, "got %s of type %s, want %s of type %s", showReflected(got), got.Type(), showReflected(want), want.Type())
		return
	case depth > maxDepth || nilable(want.Kind()) && (want.IsNil() || got.IsNil()):
		if !equal(want, got) {
			c.differ(path, want, got)
		}
		return
	}
	switch want.Kind() {
	case reflect.Pointer:
		c.values(path, want.Elem(), got.Elem(), depth+1)
	case reflect.Struct:
		c.structs(path, want, got, depth)
	case reflect.Slice, reflect.Array:
		c.lists(path, want, got, depth)
	case reflect.Map:
		c.maps(path, want, got, depth)
	case reflect.String:
		if w, g := want.String(), got.String(); w != g {
			c.report(path, "%s", differentText(w, g))
		}
	default:
		if !equal(want, got) {
			c.differ(path, want, got)
		}
	}
}

func (c *comparison) structs(path string, want, got reflect.Value, depth int) {
	before, exported := len(c.found), 0
	for i := range want.NumField() {
		field := want.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		exported++
		inner := field.Name
		if path != "" {
			inner = path + "." + inner
		}
		c.values(inner, want.Field(i), got.Field(i), depth+1)
	}
	switch hidden := want.NumField() - exported; {
	case hidden == 0 || len(c.found) > before || reflect.PointerTo(want.Type()).Implements(protoType):
	case c.partial && (exported > 0 || want.IsZero()):
	case !equal(want, got):
		c.differ(path, want, got)
	}
}

// protoType is implemented by messages of protoactor, whose unexported fields
// change when they are looked at.
var protoType = reflect.TypeFor[protoMessage]()

func (c *comparison) lists(path string, want, got reflect.Value, depth int) {
	if want.Kind() == reflect.Slice && want.Type().Elem().Kind() == reflect.Uint8 {
		if w, g := string(want.Bytes()), string(got.Bytes()); w != g {
			c.report(path, "%s", differentBytes(w, g))
		}
		return
	}
	if want.Len() != got.Len() {
		c.report(path, "got %d elements %s, want %d elements %s", got.Len(), showReflected(got), want.Len(), showReflected(want))
		return
	}
	for i := range want.Len() {
		c.values(fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i), depth+1)
	}
}

func (c *comparison) maps(path string, want, got reflect.Value, depth int) {
	for _, key := range sortedKeys(want) {
		inner := fmt.Sprintf("%s[%s]", path, showReflected(key))
		if v := got.MapIndex(key); v.IsValid() {
			c.values(inner, want.MapIndex(key), v, depth+1)
		} else {
			c.report(inner, "missing, want %s", showReflected(want.MapIndex(key)))
		}
	}
	if c.partial {
		return
	}
	for _, key := range sortedKeys(got) {
		if !want.MapIndex(key).IsValid() {
			c.report(fmt.Sprintf("%s[%s]", path, showReflected(key)), "not expected, got %s", showReflected(got.MapIndex(key)))
		}
	}
}

// sortedKeys are the keys of a map in the order in which they are shown.
func sortedKeys(m reflect.Value) []reflect.Value {
	return slices.SortedFunc(slices.Values(m.MapKeys()), func(a, b reflect.Value) int {
		return strings.Compare(showReflected(a), showReflected(b))
	})
}

func concrete(v reflect.Value) reflect.Value {
	if v.IsValid() && v.Kind() == reflect.Interface {
		return v.Elem()
	}
	return v
}

// sameError says whether both are errors and got is want in the sense of errors.Is.
func sameError(want, got reflect.Value) bool {
	for _, v := range []reflect.Value{want, got} {
		if nilable(v.Kind()) && v.IsNil() {
			return false
		}
	}
	w, ok := want.Interface().(error)
	if !ok {
		return false
	}
	g, ok := got.Interface().(error)
	return ok && errors.Is(g, w)
}

// equal compares values that the walk has reached through exported fields only.
func equal(want, got reflect.Value) bool {
	return assert.ObjectsAreEqual(want.Interface(), got.Interface())
}

// differentText shows two texts, long ones around the first difference.
func differentText(want, got string) string {
	return differentAround(want, got, showText)
}

func differentBytes(want, got string) string {
	return differentAround(want, got, func(s string) string { return showBytes([]byte(s)) })
}

func differentAround(want, got string, show func(string) string) string {
	const before, after = 16, 48
	if max(len(want), len(got)) <= shownText {
		return fmt.Sprintf("got %s, want %s", show(got), show(want))
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	part := func(s string) string { return show(s[min(max(0, at-before), len(s)):min(at+after, len(s))]) }
	return fmt.Sprintf("%d and %d bytes that differ from byte %d on: got …%s…, want …%s…", len(got), len(want), at, part(got), part(want))
}

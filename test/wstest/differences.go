// This file finds where two values differ and says so field by field.

package wstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
)

// comparison walks through two values at once.
type comparison struct {
	partial bool // fields that are zero in want, and further entries of maps, do not matter
	json    bool // both are what decodeJSON returns, with Matchers in want
	found   []string
}

// differences lists where got differs from want, one per line.
func differences(want, got any, partial bool) string {
	c := comparison{partial: partial}
	c.values("", reflect.ValueOf(want), reflect.ValueOf(got), 0)
	return strings.Join(c.found, "\n")
}

func (c *comparison) differ(path string, want, got reflect.Value) {
	c.report(path, "got %s, want %s", c.show(got), c.show(want))
}

func (c *comparison) report(path, format string, args ...any) {
	if path != "" {
		path += ": "
	}
	c.found = append(c.found, path+fmt.Sprintf(format, args...))
}

func (c *comparison) show(v reflect.Value) string {
	if c.json {
		return jsonText(value(v))
	}
	var b strings.Builder
	showValue(&b, v, 0)
	return b.String()
}

// value is what v holds, nil if it is the zero Value.
func value(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	return v.Interface()
}

// maxDepth ends the walk through values that refer to themselves.
const maxDepth = 30

func (c *comparison) values(path string, want, got reflect.Value, depth int) {
	if c.partial && !c.json && depth > 0 && (!want.IsValid() || want.IsZero()) {
		return
	}
	want, got = concrete(want), concrete(got)
	if c.json && c.special(path, value(want), value(got)) {
		return
	}
	switch {
	case !want.IsValid() || !got.IsValid():
		if want.IsValid() != got.IsValid() {
			c.differ(path, want, got)
		}
		return
	case c.partial && !c.json && depth > 0 && sameError(want, got):
		return
	case want.Type() != got.Type() && c.json:
		c.differ(path, want, got)
		return
	case want.Type() != got.Type():
		c.report(path, "got %s of type %s, want %s of type %s", c.show(got), got.Type(), c.show(want), want.Type())
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

// special compares what is special in JSON, and reports whether it is that.
func (c *comparison) special(path string, want, got any) bool {
	switch want := want.(type) {
	case Matcher:
		if mismatch := want.Mismatch(plain(got)); mismatch != "" {
			c.report(path, "%s", mismatch)
		}
		return true
	case json.Number:
		if n, ok := got.(json.Number); !ok || !sameNumber(string(want), string(n)) {
			c.report(path, "got %s, want %s", jsonText(got), jsonText(want))
		}
		return true
	}
	return false
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
		c.report(path, "got %d elements %s, want %d elements %s", got.Len(), c.show(got), want.Len(), c.show(want))
		return
	}
	for i := range want.Len() {
		c.values(fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i), depth+1)
	}
}

func (c *comparison) maps(path string, want, got reflect.Value, depth int) {
	for _, key := range c.sortedKeys(want) {
		inner := path + c.entry(key)
		if v := got.MapIndex(key); v.IsValid() {
			c.values(inner, want.MapIndex(key), v, depth+1)
		} else {
			c.report(inner, "missing, want %s", c.show(want.MapIndex(key)))
		}
	}
	if c.partial {
		return
	}
	for _, key := range c.sortedKeys(got) {
		if !want.MapIndex(key).IsValid() {
			c.report(path+c.entry(key), "not expected, got %s", c.show(got.MapIndex(key)))
		}
	}
}

// entry is how a path goes on to an entry of a map.
func (c *comparison) entry(key reflect.Value) string {
	if c.json && identifier.MatchString(key.String()) {
		return "." + key.String()
	}
	return "[" + c.show(key) + "]"
}

var identifier = regexp.MustCompile("^[A-Za-z_][A-Za-z0-9_]*$")

// sortedKeys are the keys of a map in the order in which they are shown.
func (c *comparison) sortedKeys(m reflect.Value) []reflect.Value {
	return slices.SortedFunc(slices.Values(m.MapKeys()), func(a, b reflect.Value) int {
		return strings.Compare(c.show(a), c.show(b))
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

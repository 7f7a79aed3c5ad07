// This file has the Matchers that compare JSON by what it means.

package wstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/dandelionws/dandelion/messages"
)

// JSON matches JSON that means the same as want: the order of the fields, the
// spacing and the spelling of numbers (1, 1.0, 1e0) do not matter.
//
// A string, []byte or json.RawMessage as want is JSON text. Any other value is
// what encoding/json makes of it; it may be made of map[string]any and []any with
// Matchers in it, which then get the value at their place as encoding/json
// decodes it into an any:
//
//	wstest.JSON(map[string]any{"op": "ack", "id": wstest.Satisfies("a number", isNumber)})
//
// What is compared is a payload (see [Text]; also of a Ping or Pong), or what
// encoding/json makes of any other value that is no message. JSON panics if want
// is not JSON, since it is meant to be a constant.
func JSON(want any) Matcher {
	return jsonMatcher(want, "JSON ", false)
}

// PartialJSON matches like [JSON], but objects may have more fields than those
// in want, on every level. Lists have to have as many elements as in want.
func PartialJSON(want any) Matcher {
	return jsonMatcher(want, "JSON with ", true)
}

func jsonMatcher(want any, what string, partial bool) Matcher {
	tree, err := wantedJSON(want)
	if err != nil {
		panic(fmt.Sprintf("wstest: %s is not JSON: %v", show(want), err))
	}
	return &matcher{what + jsonText(tree), func(got any) string {
		text, mismatch := jsonOf(got)
		if mismatch != "" {
			return mismatch
		}
		v, err := decodeJSON(text)
		if err != nil {
			return fmt.Sprintf("got %s, which is not JSON: %v", showBytes(text), err)
		}
		c := comparison{json: true, partial: partial}
		c.values("$", reflect.ValueOf(tree), reflect.ValueOf(v), 0)
		return strings.Join(c.found, "\n")
	}}
}

// jsonOf returns the JSON that got carries or stands for.
func jsonOf(got any) (text []byte, mismatch string) {
	if p, ok := payloadOf(got); ok {
		return p.data, ""
	}
	if isMessage(got) {
		return nil, fmt.Sprintf("got %s, which has no payload", show(got))
	}
	text, err := json.Marshal(got)
	if err != nil {
		return nil, fmt.Sprintf("got %s, which is not JSON: %v", show(got), err)
	}
	return text, ""
}

var messagesPackage = reflect.TypeFor[messages.Opened]().PkgPath()

func isMessage(v any) bool {
	t := reflect.TypeOf(v)
	return t != nil && t.Kind() == reflect.Pointer && t.Elem().PkgPath() == messagesPackage
}

// wantedJSON makes the tree that is compared: what decodeJSON returns, with
// Matchers in it.
func wantedJSON(want any) (any, error) {
	switch want := want.(type) {
	case string:
		return decodeJSON([]byte(want))
	case []byte:
		return decodeJSON(want)
	case json.RawMessage:
		return decodeJSON(want)
	}
	return jsonTree(want)
}

func jsonTree(want any) (any, error) {
	switch want := want.(type) {
	case Matcher:
		return want, nil
	case map[string]any:
		tree := make(map[string]any, len(want))
		for name, v := range want {
			sub, err := jsonTree(v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			tree[name] = sub
		}
		return tree, nil
	case []any:
		tree := make([]any, len(want))
		for i, v := range want {
			sub, err := jsonTree(v)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			tree[i] = sub
		}
		return tree, nil
	}
	text, err := json.Marshal(want)
	if err != nil {
		return nil, err
	}
	return decodeJSON(text)
}

// decodeJSON decodes exactly one value and keeps its numbers as they are spelled.
func decodeJSON(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the first value")
	}
	return v, nil
}

// jsonText writes a tree as JSON, with Matchers in «».
func jsonText(tree any) string {
	switch tree := tree.(type) {
	case Matcher:
		return "«" + tree.String() + "»"
	case map[string]any:
		fields := make([]string, 0, len(tree))
		for _, name := range slices.Sorted(maps.Keys(tree)) {
			fields = append(fields, jsonText(name)+":"+jsonText(tree[name]))
		}
		return "{" + strings.Join(fields, ",") + "}"
	case []any:
		elements := make([]string, len(tree))
		for i, v := range tree {
			elements[i] = jsonText(v)
		}
		return "[" + strings.Join(elements, ",") + "]"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		return show(tree)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// plain makes numbers float64, as encoding/json does when nothing else is asked for.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
		return string(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			out[name] = plain(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = plain(inner)
		}
		return out
	}
	return v
}

// sameNumber compares two JSON numbers by value and without rounding, unless
// that would take a number of thousands of digits.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, y := exactNumber(a), exactNumber(b)
	return x != nil && y != nil && x.Cmp(y) == 0
}

func exactNumber(s string) *big.Rat {
	const maxExponent = 1000
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if e, err := strconv.Atoi(strings.TrimPrefix(s[i+1:], "+")); err != nil || e < -maxExponent || e > maxExponent {
			return nil
		}
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return r
}

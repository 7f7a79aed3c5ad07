// This file writes any value, messages above all, in one line for people.

package wstest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/wire"
)

const (
	// shownText is how much of a text or of bytes is shown, in bytes.
	shownText = 200

	// shownItems is how many elements of a list or map are shown.
	shownItems = 20

	// shownDepth is how deep values inside of values are shown.
	shownDepth = 6
)

// show writes v like Go source, without the fields that are zero, without
// unexported fields where there are exported ones, without the package name
// messages, and with bytes as text if they are text.
func show(v any) string {
	var b strings.Builder
	showValue(&b, reflect.ValueOf(v), 0)
	return b.String()
}

func showValue(b *strings.Builder, v reflect.Value, depth int) {
	if !v.IsValid() {
		b.WriteString("nil")
		return
	}
	if depth > shownDepth {
		b.WriteString("…")
		return
	}
	if nilable(v.Kind()) && v.IsNil() {
		b.WriteString("nil")
		return
	}
	if v.CanInterface() && showSpecial(b, v.Interface()) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		b.WriteByte('&')
		showValue(b, v.Elem(), depth+1)
	case reflect.Interface:
		showValue(b, v.Elem(), depth)
	case reflect.Struct:
		showStruct(b, v, depth)
	case reflect.Slice, reflect.Array:
		showList(b, v, depth)
	case reflect.Map:
		showMap(b, v, depth)
	case reflect.String:
		b.WriteString(showText(v.String()))
	default:
		fmt.Fprintf(b, "%v", v)
	}
}

// showSpecial writes what has a better form than its fields.
func showSpecial(b *strings.Builder, v any) bool {
	switch v := v.(type) {
	case wire.StatusCode:
		fmt.Fprintf(b, "%d (%s)", uint16(v), v)
	case []byte:
		b.WriteString(showBytes(v))
	case error:
		fmt.Fprintf(b, "%T %s", v, showText(fmt.Sprint(v)))
	case *actor.PID:
		b.WriteString(v.Address + "/" + v.Id)
	case protoMessage: // of protoactor
		fmt.Fprintf(b, "%s{%v}", strings.Replace(fmt.Sprintf("%T", v), "*", "&", 1), v)
	case fmt.Stringer:
		b.WriteString(fmt.Sprint(v))
	default:
		return false
	}
	return true
}

type protoMessage interface {
	fmt.Stringer
	ProtoMessage()
}

func showStruct(b *strings.Builder, v reflect.Value, depth int) {
	t := v.Type()
	exported := false
	for i := range t.NumField() {
		exported = exported || t.Field(i).IsExported()
	}
	b.WriteString(typeName(t))
	b.WriteByte('{')
	sep := ""
	for i := range t.NumField() {
		if v.Field(i).IsZero() || exported && !t.Field(i).IsExported() {
			continue
		}
		fmt.Fprintf(b, "%s%s: ", sep, t.Field(i).Name)
		showValue(b, v.Field(i), depth+1)
		sep = ", "
	}
	b.WriteByte('}')
}

func showList(b *strings.Builder, v reflect.Value, depth int) {
	b.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == shownItems {
			fmt.Fprintf(b, "… (%d elements)", v.Len())
			break
		}
		showValue(b, v.Index(i), depth+1)
	}
	b.WriteByte(']')
}

func showMap(b *strings.Builder, v reflect.Value, depth int) {
	entries := make([]string, 0, v.Len())
	for _, key := range v.MapKeys() {
		var entry strings.Builder
		showValue(&entry, key, depth+1)
		entry.WriteString(": ")
		showValue(&entry, v.MapIndex(key), depth+1)
		entries = append(entries, entry.String())
	}
	slices.Sort(entries)
	if len(entries) > shownItems {
		entries = append(entries[:shownItems], fmt.Sprintf("… (%d entries)", v.Len()))
	}
	b.WriteString("{" + strings.Join(entries, ", ") + "}")
}

// typeName is the name of a type, without the package for our own messages.
func typeName(t reflect.Type) string {
	return strings.Replace(t.String(), "messages.", "", 1)
}

// showBytes shows text as text and everything else in hexadecimal.
func showBytes(p []byte) string {
	if utf8.Valid(p) && !slices.ContainsFunc(p, func(c byte) bool { return c < ' ' && c != '\n' && c != '\t' && c != '\r' }) {
		return showText(string(p))
	}
	return "[" + dump(p) + "]"
}

// showText shows JSON and other text with many quotation marks without escapes.
func showText(s string) string {
	suffix := ""
	if len(s) > shownText {
		suffix = fmt.Sprintf("… (%d bytes)", len(s))
		s = s[:shownText]
	}
	if strings.Contains(s, `"`) && strconv.CanBackquote(s) {
		return "`" + s + "`" + suffix
	}
	return strconv.Quote(s) + suffix
}

func nilable(k reflect.Kind) bool {
	switch k {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return true
	}
	return false
}

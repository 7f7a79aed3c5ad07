package wstest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

func TestMatchers(t *testing.T) {
	closed := &messages.Closed{Epoch: 3, Err: &messages.CloseError{Code: 1001, Reason: "restart", By: messages.Remote, Clean: true, Uptime: time.Minute}}
	positive := wstest.Satisfies("a positive number", func(n float64) bool { return n > 0 })
	long := strings.Repeat("a long text ", 100)
	for _, test := range []struct {
		name     string
		want     any
		got      any
		mismatch string // "" if it matches
	}{
		{"anything", wstest.Anything(), nil, ""},

		{"equal", &messages.Sent{Epoch: 1, Ref: 7}, &messages.Sent{Epoch: 1, Ref: 7}, ""},
		{"equal, bytes", []byte("a"), []byte("a"), ""},
		{"equal, nil", nil, nil, ""},
		{"equal, other field", &messages.Sent{Epoch: 1, Ref: 7}, &messages.Sent{Epoch: 2, Ref: 8}, "Epoch: got 2, want 1\nRef: got 8, want 7"},
		{"equal, other type", &messages.Sent{Ref: 7}, &messages.SendText{Text: "a"},
			`got &SendText{Text: "a"} of type *messages.SendText, want &Sent{Ref: 7} of type *messages.Sent`},
		{"equal, value and pointer", messages.Sent{Ref: 7}, &messages.Sent{Ref: 7},
			`got &Sent{Ref: 7} of type *messages.Sent, want Sent{Ref: 7} of type messages.Sent`},
		{"equal, nil and value", nil, 1, "got 1, want nil"},
		{"equal, zero field", &messages.Sent{}, &messages.Sent{Ref: 7}, "Ref: got 7, want 0"},
		{"equal, inner field", closed, &messages.Closed{Epoch: 3, Err: &messages.CloseError{Code: 1006, By: messages.Remote, Clean: true, Uptime: time.Minute}},
			"Err.Code: got 1006 (abnormal closure), want 1001 (going away)\nErr.Reason: got \"\", want \"restart\""},
		{"equal, header", http.Header{"A": {"1"}, "B": {"2"}}, http.Header{"A": {"x"}, "C": {"3"}},
			"[\"A\"][0]: got \"x\", want \"1\"\n[\"B\"]: missing, want [\"2\"]\n[\"C\"]: not expected, got [\"3\"]"},
		{"equal, error field", &messages.SendFailed{Err: messages.ErrClosed}, &messages.SendFailed{Err: nil}, `Err: got nil, want *errors.errorString "connection is closed"`},
		{"equal, long texts", long + "x" + long, long + "y" + long,
			`2401 and 2401 bytes that differ from byte 1200 on: got …"ext a long text ya long text a long text a long text a long text"…, want …"ext a long text xa long text a long text a long text a long text"…`},
		{"equal, bytes that are no text", []byte{0, 1}, []byte{0, 2}, "got [00 02], want [00 01]"},
		{"equal, unexported fields", time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC(), "got 1970-01-01 00:00:02 +0000 UTC, want 1970-01-01 00:00:01 +0000 UTC"},

		{"like", wstest.Like(&messages.Closed{Err: &messages.CloseError{Code: 1001}}), closed, ""},
		{"like, other value", wstest.Like(&messages.Closed{Err: &messages.CloseError{Code: 1000}}), closed, "Err.Code: got 1001 (going away), want 1000 (normal closure)"},
		{"like, an error that does not matter", wstest.Like(&messages.SendFailed{Ref: 1}), &messages.SendFailed{Ref: 1, Err: messages.ErrClosed}, ""},
		{"like, other type", wstest.Like(&messages.Closed{}), &messages.Sent{}, "got &Sent{} of type *messages.Sent, want &Closed{} of type *messages.Closed"},
		{"like, wrapped error", wstest.Like(&messages.SendFailed{Err: messages.ErrClosed}), &messages.SendFailed{Ref: 1, Err: fmt.Errorf("send: %w", messages.ErrClosed)}, ""},
		{"like, CloseError as ErrClosed", wstest.Like(&messages.SendFailed{Err: messages.ErrClosed}), &messages.SendFailed{Err: closed.Err}, ""},
		{"like, missing error", wstest.Like(&messages.SendFailed{Err: messages.ErrClosed}), &messages.SendFailed{}, `Err: got nil, want *errors.errorString "connection is closed"`},
		{"like, header", wstest.Like(&messages.Opened{Header: http.Header{"A": {"1"}}}), &messages.Opened{Header: http.Header{"A": {"1"}, "B": {"2"}}}, ""},
		{"like, nested missing", wstest.Like(&messages.Closed{Err: &messages.CloseError{Code: 1}}), &messages.Closed{}, "Err: got nil, want *messages.CloseError \"websocket closed: code 1 (unassigned code), not clean\""},
		{"like, list of another length", wstest.Like([]string{"a", ""}), []string{"a"}, `got 1 elements ["a"], want 2 elements ["a", ""]`},

		{"type", wstest.OfType[*messages.Sent](), &messages.Sent{}, ""},
		{"type, other", wstest.OfType[*messages.Sent](), &messages.Opened{}, "got type *messages.Opened, want *messages.Sent"},
		{"type, nil", wstest.OfType[*messages.Sent](), nil, "got type nil, want *messages.Sent"},
		{"type, interface", wstest.OfType[error](), errors.New("x"), ""},
		{"type, and more", wstest.OfType[*messages.SendText](wstest.JSON(`[1]`)), &messages.SendText{Text: "[2]"}, "$[0]: got 2, want 1"},

		{"predicate", positive, 1.5, ""},
		{"predicate, refused", positive, -1.5, "got -1.5, want a positive number"},
		{"predicate, other type", positive, "x", "got type string, want float64"},
		{"predicate on the text of a message", wstest.Satisfies("upper case", func(s string) bool { return s == strings.ToUpper(s) }), &messages.SendText{Text: "a"}, `got "a", want upper case`},
		{"predicate on the data of a message", wstest.Satisfies("empty", func(p []byte) bool { return len(p) == 0 }), &messages.BinaryReceived{}, ""},
		{"predicate on a message", wstest.Satisfies("high", func(m *messages.Sent) bool { return m.Ref > 10 }), &messages.Sent{Ref: 11}, ""},

		{"text, command", wstest.Text("a"), &messages.SendText{Text: "a"}, ""},
		{"text, event", wstest.Text("a"), &messages.TextReceived{Text: "a"}, ""},
		{"text, message", wstest.Text("a"), dandelion.TextBytes([]byte("a")), ""},
		{"text, frame", wstest.Text("a"), wstest.Frame{Header: wire.Header{Opcode: wire.OpText, Fin: true}, Payload: []byte("a")}, ""},
		{"text, string", wstest.Text("a"), "a", ""},
		{"text, bytes", wstest.Text("a"), []byte("a"), ""},
		{"text, other text", wstest.Text("a"), &messages.SendText{Text: "b"}, `got "b", want "a"`},
		{"text, binary", wstest.Text("a"), &messages.SendBinary{Data: []byte("a")}, `got &SendBinary{Data: "a"}, which is binary, want text`},
		{"text, ping", wstest.Text("a"), &messages.Ping{Data: []byte("a")}, `got &Ping{Data: "a"}, want a text message`},
		{"text, no payload", wstest.Text("a"), &messages.Opened{Epoch: 1}, `got &Opened{Epoch: 1}, want a text message`},
		{"text, part", wstest.Text("a"), &messages.SendFragment{Kind: messages.KindText, First: true, Data: []byte("a")},
			`got &SendFragment{Kind: text, First: true, Data: "a"}, which is a part of a message`},
		{"binary", wstest.Binary([]byte{1}), &messages.SendBinary{Data: []byte{1}}, ""},
		{"binary, text", wstest.Binary(wstest.Anything()), &messages.TextReceived{Text: "a"}, `got &TextReceived{Text: "a"}, which is text, want binary`},

		{"frame, ping", wstest.Regexp("^a$"), wstest.Frame{Header: wire.Header{Opcode: wire.OpPing, Fin: true}, Payload: []byte("a")}, ""},
		{"frame, close", wstest.Regexp("^a$"), wstest.Frame{Header: wire.Header{Opcode: wire.OpClose, Fin: true, Masked: true}}, `got Close "", which has no payload`},
		{"frame, continuation", wstest.Binary([]byte("a")), wstest.Frame{Header: wire.Header{Opcode: wire.OpContinuation, Fin: true, Masked: true}, Payload: []byte("a")},
			`got Continuation [61], which is a part of a message`},

		{"regexp", wstest.Regexp(`^a+$`), &messages.SendText{Text: "aaa"}, ""},
		{"regexp, not found", wstest.Regexp(`^a+$`), "abc", `got "abc", want a match of "^a+$"`},
		{"regexp, ping", wstest.Regexp(`x`), &messages.PingReceived{Data: []byte("xy")}, ""},
		{"regexp, error", wstest.Regexp(`closed`), messages.ErrClosed, ""},
		{"regexp, no payload", wstest.Regexp(`x`), 5, `got 5, which has no payload`},

		{"json", wstest.JSON(`{"a": 1, "b": [true, null, "x"]}`), `{ "b":[true,null,"x"],"a":1.0 }`, ""},
		{"json, message", wstest.JSON(`{"a": 1}`), &messages.TextReceived{Text: `{"a":1}`}, ""},
		{"json, in text", wstest.Text(wstest.JSON(`{"a": 1}`)), &messages.TextReceived{Text: `{"a":1}`}, ""},
		{"json, of a value", wstest.JSON(map[string]any{"a": []int{1, 2}}), `{"a":[1,2]}`, ""},
		{"json, against a value", wstest.JSON(`{"a":[1,2]}`), map[string][]int{"a": {1, 2}}, ""},
		{"json, raw", wstest.JSON(json.RawMessage(`{"a":1}`)), json.RawMessage(`{"a": 1}`), ""},
		{"json, numbers", wstest.JSON(`[1, 100, 0.5, 12345678901234567890]`), `[1.0, 1e2, 5E-1, 12345678901234567890]`, ""},
		{"json, large numbers are not rounded", wstest.JSON(`12345678901234567890`), `12345678901234567891`, "$: got 12345678901234567891, want 12345678901234567890"},
		{"json, huge exponents are not computed", wstest.JSON(`1e999999999`), `1e999999998`, "$: got 1e999999998, want 1e999999999"},
		{"json, differences", wstest.JSON(`{"a": 1, "b": {"c d": [1, 2]}, "e": "x", "f": null}`), `{"a": "1", "b": {"c d": [1, 3]}, "e": "y", "g": 1}`,
			"$.a: got \"1\", want 1\n$.b[\"c d\"][1]: got 3, want 2\n$.e: got \"y\", want \"x\"\n$.f: missing, want null\n$.g: not expected, got 1"},
		{"json, list of another length", wstest.JSON(`[1]`), `[1, 2]`, "$: got 2 elements [1,2], want 1 elements [1]"},
		{"json, other kind", wstest.JSON(`{}`), `[]`, "$: got [], want {}"},
		{"json, null and missing differ", wstest.JSON(`{"a": null}`), `{}`, "$.a: missing, want null"},
		{"json, no json", wstest.JSON(`{}`), "nonsense", `got "nonsense", which is not JSON: invalid character 'o' in literal null (expecting 'u')`},
		{"json, two values", wstest.JSON(`1`), "1 2", `got "1 2", which is not JSON: something follows the first value`},
		{"json, empty", wstest.JSON(`1`), "", `got "", which is not JSON: it is empty`},
		{"json, no payload", wstest.JSON(`1`), &messages.Opened{}, `got &Opened{}, which has no payload`},
		{"json, not to be encoded", wstest.JSON(`1`), func() {}, ""},

		{"json with matchers of objects", wstest.JSON(map[string]any{"a": wstest.Equal(map[string]any{"b": []any{1.0, "x", nil}})}), `{"a": {"b": [1, "x", null]}}`, ""},
		{"json with matchers of huge numbers", wstest.JSON([]any{wstest.Regexp("^1e999$")}), `[1e999]`, ""},
		{"json, odd field names", wstest.JSON(`{"": 1, "a b": 1, "_a1": 1}`), `{"": 2, "a b": 2, "_a1": 2}`, "$[\"\"]: got 2, want 1\n$._a1: got 2, want 1\n$[\"a b\"]: got 2, want 1"},
		{"partial json", wstest.PartialJSON(`{"a": {"b": 1}}`), `{"a": {"b": 1, "c": 2}, "d": 3}`, ""},
		{"partial json, in lists", wstest.PartialJSON(`[{"a": 1}, {}]`), `[{"a": 1, "b": 2}, {"c": 3}]`, ""},
		{"partial json, missing", wstest.PartialJSON(`{"a": {"b": 1}}`), `{"a": {"c": 2}}`, "$.a.b: missing, want 1"},
		{"json with matchers", wstest.JSON(map[string]any{"id": positive, "op": wstest.Regexp("^sub")}), `{"op": "subscribe", "id": 3}`, ""},
		{"json with matchers, refused", wstest.JSON(map[string]any{"ids": []any{positive, 2}}), `{"ids": [-1, 2]}`, "$.ids[0]: got -1, want a positive number"},

		{"all of", wstest.AllOf(wstest.Regexp("a"), wstest.Regexp("b")), "ab", ""},
		{"all of, some", wstest.AllOf(wstest.Regexp("a"), wstest.Regexp("b")), "a", `got "a", want a match of "b"`},
		{"any of", wstest.AnyOf("a", "b"), "b", ""},
		{"any of, none", wstest.AnyOf("a", "b"), "c", "matches none of these:\n\"a\":\n  got \"c\", want \"a\"\n\"b\":\n  got \"c\", want \"b\""},
		{"not", wstest.Not(wstest.OfType[*messages.Sent]()), &messages.Opened{}, ""},
		{"not, but is", wstest.Not("a"), "a", `got "a", which is "a"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, ok := test.want.(wstest.Matcher)
			if !ok {
				m = wstest.Equal(test.want)
			}
			got := m.Mismatch(test.got)
			if strings.Contains(test.name, "not to be encoded") {
				if !strings.Contains(got, "which is not JSON: json: unsupported type") {
					t.Errorf("got %s", got)
				}
				return
			}
			if got != test.mismatch {
				t.Errorf("mismatch\n%s\nwant\n%s", got, test.mismatch)
			}
		})
	}
}

func TestMatcherStrings(t *testing.T) {
	for _, test := range []struct {
		m    wstest.Matcher
		want string
	}{
		{wstest.Equal(&messages.Close{Code: 1000, Reason: "bye"}), `&Close{Code: 1000 (normal closure), Reason: "bye"}`},
		{wstest.Like(&messages.Opened{Subprotocol: "chat"}), `like &Opened{Subprotocol: "chat"}`},
		{wstest.OfType[*messages.Opened](), `of type *messages.Opened`},
		{wstest.OfType[*messages.SendText](wstest.Regexp("a")), `of type *messages.SendText that is a match of "a"`},
		{wstest.Text(wstest.JSON(`{"b": "<", "a": 1}`)), `text JSON {"a":1,"b":"<"}`},
		{wstest.PartialJSON(map[string]any{"a": wstest.Anything()}), `JSON with {"a":«anything»}`},
		{wstest.AnyOf(wstest.Text("a"), wstest.Not(wstest.Binary([]byte{0}))), `text "a" or not binary [00]`},
		{wstest.Equal(`{"a": 1}`), "`{\"a\": 1}`"},
		{wstest.Equal(strings.Repeat("x", 300)), `"` + strings.Repeat("x", 200) + `"… (300 bytes)`},
		{wstest.Equal(map[string]int{"b": 1, "a": 2}), `{"a": 2, "b": 1}`},
	} {
		if got := test.m.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestMatchersOfNonsense(t *testing.T) {
	for name, f := range map[string]func(){
		"json":   func() { wstest.JSON(`{`) },
		"value":  func() { wstest.JSON(map[string]any{"a": []any{func() {}}}) },
		"regexp": func() { wstest.Regexp(`(`) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			f()
		})
	}
}

// A value that refers to itself does not keep a comparison from ending.
func TestEqualOfCycle(t *testing.T) {
	type node struct{ Next *node }
	a, b := &node{}, &node{}
	a.Next, b.Next = a, &node{b}
	wstest.Equal(a).Mismatch(b)
	wstest.Like(a).Mismatch(b)
}

// The function for testify tells the mismatch by a panic, which testify shows.
func TestArgExplains(t *testing.T) {
	f := wstest.Arg(wstest.JSON(`{"a": 1}`))
	if !f(`{"a":1}`) {
		t.Error("it matches")
	}
	defer func() {
		const want = "got `{\"a\":2}`, want JSON {\"a\":1}:\n    $.a: got 2, want 1"
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Errorf("panic %s, want one with %s", got, want)
		}
	}()
	f(`{"a":2}`)
}

func TestAssertMatch(t *testing.T) {
	r := newFailingT(t)
	if wstest.AssertMatch(r, wstest.Text("a"), &messages.SendText{Text: "b"}) {
		t.Error("it does not match")
	}
	r.expect("got  &SendText{Text: \"b\"}\nwant text \"a\"\n  got \"b\", want \"a\"")
	if !wstest.AssertMatch(r, "a", "a") {
		t.Error("it matches")
	}
	r.expect()
	r.run(func() { wstest.RequireMatch(r, "a", "b") })
	r.expect("got  \"b\"\nwant \"a\"\n  got \"b\", want \"a\"")
	if !r.ended {
		t.Error("RequireMatch did not end the test")
	}
}

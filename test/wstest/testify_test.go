package wstest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
)

// A Matcher as an argument of testify's mock: it chooses among expectations, and
// testify's message explains a mismatch.
func TestArg(t *testing.T) {
	var m mock.Mock
	m.On("Save", mock.MatchedBy(wstest.Arg(wstest.PartialJSON(`{"op": "ack"}`)))).Return("acked")
	m.On("Save", mock.MatchedBy(wstest.Arg(wstest.OfType[*messages.Sent]()))).Return("sent")

	for want, arg := range map[string]any{
		"acked": []byte(`{"id": 7, "op": "ack"}`),
		"sent":  &messages.Sent{Ref: 1},
	} {
		if got := m.MethodCalled("Save", arg).String(0); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}

	r := newFailingT(t)
	m.Test(r)
	r.run(func() { m.MethodCalled("Save", `{"op": "nack"}`) })
	if len(r.failures) != 1 {
		t.Fatalf("%d failures", len(r.failures))
	}
	for _, part := range []string{
		"Unexpected Method Call",
		"(a mismatch) got `{\"op\": \"nack\"}`, want JSON with {\"op\":\"ack\"}:\n    $.op: got \"nack\", want \"ack\"",
	} {
		if !strings.Contains(r.failures[0], part) {
			t.Errorf("failure:\n%s\nlacks:\n%s", r.failures[0], part)
		}
	}
	t.Logf("as a person sees it:%s", r.failures[0])
}

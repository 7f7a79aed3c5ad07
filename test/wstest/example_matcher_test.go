package wstest_test

import (
	"fmt"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// The order of the fields and the spacing do not matter; what differs is named.
func ExampleJSON() {
	ack := wstest.JSON(`{"op": "ack", "topics": ["news", "chess"]}`)

	fmt.Printf("%q\n", ack.Mismatch(`{"topics":["news","chess"],"op":"ack"}`))
	fmt.Println(ack.Mismatch(&messages.TextReceived{Text: `{"op": "nack", "topics": ["news", "go"], "code": 7}`}))
	// Output:
	// ""
	// $.op: got "nack", want "ack"
	// $.topics[1]: got "go", want "chess"
	// $.code: not expected, got 7
}

// Where only some of the fields are known, others may be there, and what changes
// from run to run is left to a Matcher.
func ExamplePartialJSON() {
	subscribe := wstest.PartialJSON(map[string]any{
		"op": "subscribe",
		"id": wstest.Regexp(`^[0-9a-f]{8}$`),
	})

	fmt.Printf("%q\n", subscribe.Mismatch(`{"op": "subscribe", "id": "0badcafe", "topic": "news"}`))
	fmt.Println(subscribe.Mismatch(`{"op": "subscribe", "id": "7", "topic": "news"}`))
	// Output:
	// ""
	// $.id: got "7", want a match of "^[0-9a-f]{8}$"
}

// Of an event often only some fields matter.
func ExampleLike() {
	goingAway := wstest.Like(&messages.Closed{Err: &messages.CloseError{Code: wire.StatusGoingAway}})

	fmt.Println(goingAway.Mismatch(&messages.Closed{Epoch: 3, Err: &messages.CloseError{Code: wire.StatusAbnormal}}))
	// Output:
	// Err.Code: got 1006 (abnormal closure), want 1001 (going away)
}

// A Matcher of one's own is a function with a name.
func ExampleSatisfies() {
	short := wstest.Text(wstest.Satisfies("at most 5 bytes", func(s string) bool { return len(s) <= 5 }))

	fmt.Println(short)
	fmt.Println(short.Mismatch(&messages.SendText{Text: "Hello, world"}))
	// Output:
	// text at most 5 bytes
	// got "Hello, world", want at most 5 bytes
}

package wire

// This file tests the texts and codes of the errors.

import "testing"

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		err  error
		text string
		code StatusCode
	}{
		{
			violation("RFC 6455 §5.2", "reserved opcode 0x3"),
			"protocol error: reserved opcode 0x3 (RFC 6455 §5.2)", StatusProtocolError,
		},
		{
			invalidUTF8("RFC 6455 §8.1", "text message is not valid UTF-8"),
			"invalid payload data: text message is not valid UTF-8 (RFC 6455 §8.1)", StatusInvalidPayload,
		},
		{
			&LimitError{What: "message size", Limit: 1000, Got: 1001},
			"message size 1001 is over the limit of 1000", StatusMessageTooBig,
		},
	} {
		if got := tc.err.Error(); got != tc.text {
			t.Errorf("Error() = %q, want %q", got, tc.text)
		}
		if got := codeOf(t, tc.err); got != tc.code {
			t.Errorf("%v: CloseCode() = %d, want %d", tc.err, got, tc.code)
		}
	}
}

package handshake

// This file tests the comparison and splitting of ASCII text.

import (
	"slices"
	"testing"
	"unicode/utf8"
)

// req: 6455-2.1-02
func TestEqualFold(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			isLetter := func(c int) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' && c < utf8.RuneSelf }
			want := a == b || isLetter(a) && isLetter(b) && a|0x20 == b|0x20
			if got := equalFold("x"+string([]byte{byte(a)}), "X"+string([]byte{byte(b)})); got != want {
				t.Fatalf("bytes %#x and %#x are equal: %v", a, b, got)
			}
		}
	}
	if equalFold("websocket", "websoc\u212aet") || equalFold("a", "ab") {
		t.Error("different texts are equal")
	}
}

// req: 9110-5.6.1-01
func TestListElements(t *testing.T) {
	got := listElements([]string{", a ,,\tb c", "", "d"})
	if want := []string{"a", "b c", "d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

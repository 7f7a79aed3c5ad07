package hexbytes

// This file tests reading bytes.

import (
	"bytes"
	"testing"
)

func TestParse(t *testing.T) {
	for in, want := range map[string][]byte{
		"":                    nil,
		" , \t\n":             nil,
		"81 05 48656c, 6C 6F": []byte("\x81\x05Hello"),
		"61*3 62*0 6364*2":    []byte("aaacdcd"),
	} {
		if got, err := Parse(in); err != nil || !bytes.Equal(got, want) {
			t.Errorf("Parse(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"8", "8 1", "xx", "61*", "61*x", "61*-1", "0x81"} {
		if got, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = % X, want an error", in, got)
		}
	}
}

package payload

import (
	"testing"
	"unicode/utf8"
)

func TestMake(t *testing.T) {
	for _, s := range []Sample{ASCII, Mixed} {
		for _, size := range []int{0, 1, 32, 128, 64 << 10} {
			p := Make(s, size)
			if len(p) != size {
				t.Errorf("%s: got %d bytes, want %d", s, len(p), size)
			}
			if !utf8.Valid(p) {
				t.Errorf("%s, %d bytes: not valid UTF-8", s, size)
			}
		}
	}
}

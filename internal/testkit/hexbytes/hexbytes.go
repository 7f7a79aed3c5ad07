// Package hexbytes reads bytes as the requirements and tests write them.
package hexbytes

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Parse returns the bytes that s spells in hexadecimal, such as "81 05 48656C, 6C 6F".
// White space and commas separate groups of digits; "*n" after a group repeats it: "61*126".
func Parse(s string) ([]byte, error) {
	var p []byte
	for field := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		digits, times, repeated := strings.Cut(field, "*")
		n := 1
		if repeated {
			var err error
			if n, err = strconv.Atoi(times); err != nil || n < 0 {
				return nil, fmt.Errorf("%q does not say how often to repeat", field)
			}
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", field, err)
		}
		p = append(p, bytes.Repeat(b, n)...)
	}
	return p, nil
}

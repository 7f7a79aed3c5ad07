// This file converts bytes to and from the form in which specifications and
// failure messages show them.

package wstest

import (
	"fmt"
	"strings"

	"github.com/dandelionws/dandelion/internal/testkit/hexbytes"
	"github.com/dandelionws/dandelion/wire"
)

// Hex returns the bytes that s spells in hexadecimal, as in "81 05 48 65 6C 6C 6F". White
// space and commas separate groups of digits; "*n" after a group repeats it: "61*126". It
// panics if s is anything else, since s is meant to be a constant.
func Hex(s string) []byte {
	p, err := hexbytes.Parse(s)
	if err != nil {
		panic(fmt.Sprintf("wstest: Hex(%q): %v", s, err))
	}
	return p
}

// shownBytes is how much of a byte string a failure message shows.
const shownBytes = 64

// dump shows the beginning of p in hexadecimal.
func dump(p []byte) string {
	if len(p) > shownBytes {
		return fmt.Sprintf("% X … (%d bytes)", p[:shownBytes], len(p))
	}
	return fmt.Sprintf("% X", p)
}

// quote shows the beginning of p as text.
func quote(p []byte) string {
	if len(p) > shownBytes {
		return fmt.Sprintf("%q… (%d bytes)", p[:shownBytes], len(p))
	}
	return fmt.Sprintf("%q", p)
}

// describe says what bytes of the client are, as far as that can be seen.
func describe(p []byte) string {
	return describeAs(p, Frame.String)
}

// describeSent says what bytes of the server are.
func describeSent(p []byte) string {
	return describeAs(p, func(f Frame) string { return f.describe(false) })
}

func describeAs(p []byte, show func(Frame) string) string {
	if len(p) == 0 {
		return "nothing"
	}
	f, n, err := ParseFrame(p)
	switch {
	case looksLikeText(p):
		return fmt.Sprintf("%d bytes %s", len(p), quote(p))
	case err != nil:
		return fmt.Sprintf("%d bytes %s", len(p), dump(p))
	case n == 0:
		return fmt.Sprintf("%d bytes of an incomplete frame: %s", len(p), dump(p))
	case n == len(p):
		return show(f)
	}
	return fmt.Sprintf("%s and %d bytes behind it: %s", show(f), len(p)-n, dump(p[n:]))
}

func looksLikeText(p []byte) bool {
	for _, b := range p[:min(len(p), 4)] {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return true
}

// joinCodes spells a choice of status codes.
func joinCodes(codes []wire.StatusCode) string {
	if len(codes) == 0 {
		return "any code"
	}
	var b strings.Builder
	for i, code := range codes {
		if i > 0 {
			b.WriteString(" or ")
		}
		fmt.Fprintf(&b, "%d", uint16(code))
	}
	return b.String()
}

package handshake

// This file compares and splits ASCII text as HTTP does.

import "strings"

// equalFold compares without regard to the case of ASCII letters. RFC 6455 §2.1:
// other characters are not folded, unlike in strings.EqualFold, which takes the
// Kelvin sign for a k.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// trim removes optional white space (RFC 7230 §3.2.3).
func trim(s string) string { return strings.Trim(s, " \t") }

// listElements splits header lines that together are one comma-separated list
// without quoted strings. RFC 9110 §5.6.1: empty elements are skipped.
func listElements(lines []string) []string {
	var elements []string
	for _, line := range lines {
		for e := range strings.SplitSeq(line, ",") {
			if e = trim(e); e != "" {
				elements = append(elements, e)
			}
		}
	}
	return elements
}

//go:build !purego

package wire

// This file checks UTF-8 with the vectors of AVX2, by the method of John Keiser and
// Daniel Lemire: "Validating UTF-8 In Less Than One Instruction Per Byte" (2021),
// arXiv:2010.03090.

import "golang.org/x/sys/cpu"

// utf8VectorMin is the length that utf8Vector needs: a block of 32 bytes that is not
// the first one, and the three bytes before it.
const utf8VectorMin = 32 + 3

// utf8Run returns the state that p leads to from state s.
//
// Vectors check 32 bytes at once, in the same time for all scripts. BenchmarkUTF8
// compares them with utf8Words, which serves short text and other machines: they are
// 1.5 to 2.5 times as fast at 48 bytes, and 6 to 12 times as fast in long text.
func utf8Run(s uint64, p []byte) uint64 {
	// Up to three bytes may complete the last character of the previous part.
	if len(p) < utf8VectorMin+3 || !cpu.X86.HasAVX2 {
		return utf8Words(s, p)
	}
	for s != utf8Accept {
		if s == utf8Reject {
			return utf8Reject
		}
		s = utf8Steps[p[0]] >> s & 63
		p = p[1:]
	}
	// For short ASCII text, setting up the vectors takes longer than doing without; see
	// ascii/128 of BenchmarkUTF8.
	if len(p) <= 256 {
		if p = skipASCII(p); len(p) == 0 {
			return utf8Accept
		}
		if len(p) < utf8VectorMin {
			return utf8Words(utf8Accept, p)
		}
	}
	if !utf8Vector(p, &utf8Pairs) {
		return utf8Reject
	}
	// A fault shows in the byte after it, so the end of the last character is not
	// checked yet. It begins in the last three bytes, or is complete.
	for i := len(p) - 1; i >= len(p)-3; i-- {
		if p[i]&0xC0 != 0x80 {
			for _, b := range p[i:] {
				s = utf8Steps[b] >> (s & 63)
			}
			break
		}
	}
	return s & 63
}

// utf8Vector reports whether p is UTF-8 as far as each byte can be judged by those
// before it: p may end inside a character, and a last byte that begins a character is
// not checked. It needs AVX2 and utf8VectorMin bytes. It does not stop early at a
// fault, which is rare.
//
//go:noescape
func utf8Vector(p []byte, pairs *utf8PairFaults) bool

// The faults that two bytes in a row can show. By RFC 3629 §4 the only other fault is
// a third or fourth byte that is missing or too many.
const (
	utf8Interrupted = 1 << iota // a first byte, then no tail
	utf8Stray                   // ASCII, then a tail
	utf8Overlong2               // C0 or C1, then a tail
	utf8Overlong3               // E0, then 80..9F
	utf8Surrogate               // ED, then A0..BF
	utf8Overlong4               // F0, then 80..8F; also F5..FF before these
	utf8TooLarge                // F4, then 90..BF; also F5..FF before these
	utf8TailTail                // a tail, then a tail: no fault in a longer character
)

// utf8PairFaults has the faults that two bytes in a row can show: by the high and the
// low half of the first one, and by the high half of the second one. A fault is one
// on which all three agree.
type utf8PairFaults struct{ high, low, next [16]byte }

var utf8Pairs = func() (t utf8PairFaults) {
	// on adds a fault of the first bytes lo to hi before the second bytes
	// nextLo to nextHi.
	on := func(fault, lo, hi, nextLo, nextHi byte) {
		for b := int(lo); b <= int(hi); b++ {
			t.high[b>>4] |= fault
			t.low[b&15] |= fault
		}
		for b := int(nextLo); b <= int(nextHi); b++ {
			t.next[b>>4] |= fault
		}
	}
	on(utf8Interrupted, 0xC0, 0xFF, 0x00, 0x7F)
	on(utf8Interrupted, 0xC0, 0xFF, 0xC0, 0xFF)
	on(utf8Stray, 0x00, 0x7F, 0x80, 0xBF)
	on(utf8Overlong2, 0xC0, 0xC1, 0x80, 0xBF)
	on(utf8Overlong3, 0xE0, 0xE0, 0x80, 0x9F)
	on(utf8Surrogate, 0xED, 0xED, 0xA0, 0xBF)
	on(utf8Overlong4, 0xF0, 0xF0, 0x80, 0x8F)
	on(utf8Overlong4, 0xF5, 0xFF, 0x80, 0x8F)
	on(utf8TooLarge, 0xF4, 0xFF, 0x90, 0xBF)
	on(utf8TailTail, 0x80, 0xBF, 0x80, 0xBF)
	return t
}()

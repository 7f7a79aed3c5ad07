package wire

// This file tests the check of UTF-8 against the standard library.

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// possible reports, by trial, whether p is the beginning of some valid text: the
// oracle for how early Write must fail.
func possible(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n <= 1 {
			break
		}
		p = p[n:]
	}
	if len(p) == 0 {
		return true
	}
	if len(p) >= utf8.UTFMax {
		return false
	}
	rest := string(p)
	answer, known := possibleRests[rest]
	if !known {
		answer = completes([]byte(rest))
		possibleRests[rest] = answer
	}
	return answer
}

var possibleRests = map[string]bool{}

// completes tries all bytes after p, up to the length of a character.
func completes(p []byte) bool {
	if utf8.Valid(p) {
		return true
	}
	if len(p) >= utf8.UTFMax {
		return false
	}
	for b := range 0x100 {
		// A byte of another range can only begin a character, not complete one.
		if b&0xC0 == 0x80 && completes(append(p[:len(p):len(p)], byte(b))) {
			return true
		}
	}
	return false
}

// utf8Invalid are the stimuli of requirement 6455-8.1-01 and some more.
var utf8Invalid = []string{
	"80", "BF", "C0 AF", "C1 BF", "C0 80", "E0 80 AF", "E0 9F BF", "F0 8F BF BF", "F0 80 80 80",
	"ED A0 80", "ED BF BF", "ED A0 80 ED B0 80", "F4 90 80 80", "F5 80 80 80", "F7 BF BF BF",
	"F8 88 80 80 80", "FC 84 80 80 80 80", "FE", "FF",
	"CE BA E1 BD B9 ED A0 80 65", "61 80", "C3 41", "C3 C3 A9", "C3 A9 A9", "E4 BA 41", "E4 41 BA",
	"E4 BA E4 BA BA", "E4 BA BA BA", "F0 9F 98 41", "F0 9F 98 80 80", "F1 80 80",
	"E2 82", "F0 9F 98", "F0 9F", "F0", "61 C3", "DF", "EF BF",
}

// utf8Valid are the stimuli of requirement 6455-8.1-02 and some more.
var utf8Valid = []string{
	"", "00", "7F", "C2 80", "DF BF", "E0 A0 80", "E0 BF BF", "E1 80 80", "EC BF BF", "ED 80 80", "ED 9F BF",
	"EE 80 80", "EF BB BF 61", "EF BF BD", "EF BF BE", "EF BF BF", "F0 90 80 80", "F0 BF BF BF",
	"F1 80 80 80", "F1 8F BF BE", "F3 BF BF BF", "F4 80 80 80", "F4 8F BF BF",
	"CE BA E1 BD B9 CF 83 CE BC CE B5",
}

// utf8Ways are the implementations: the one in use, and the portable one if that is
// not it.
var utf8Ways = []struct {
	name string
	run  func(s uint64, p []byte) uint64
}{{"utf8Run", utf8Run}, {"utf8Words", utf8Words}}

// utf8ByBytes is the expected result: p byte by byte through the automaton.
func utf8ByBytes(s uint64, p []byte) uint64 {
	for _, b := range p {
		s = utf8Steps[b] >> s & 63
	}
	return s
}

// checkWays compares all implementations with the automaton, from state s, and with
// the standard library.
func checkWays(t testing.TB, s uint64, p []byte) {
	t.Helper()
	for _, way := range utf8Ways {
		if got, want := way.run(s, p), utf8ByBytes(s, p); got != want {
			t.Fatalf("%s(%d, % X) = %d, want %d", way.name, s, p, got, want)
		}
	}
	if got, want := Valid(p), utf8.Valid(p); got != want {
		t.Fatalf("Valid(% X) = %v, want %v", p, got, want)
	}
}

// checkWaysFromAll does so from every state.
func checkWaysFromAll(t testing.TB, p []byte) {
	t.Helper()
	for s := uint64(utf8Accept); s <= utf8Reject; s += 6 {
		checkWays(t, s, p)
	}
}

// utf8Fillers surround a sequence so that it meets every method of utf8Run at every
// position in a word.
var utf8Fillers = []string{"a", "é", "Яx", "語", "ก a", "😀", "aé語😀"}

// checkUTF8 compares Valid, ValidString and Write with the standard library and with
// the oracle. Write gets p in two parts, cut at every position.
func checkUTF8(t testing.TB, p []byte) {
	t.Helper()
	want := utf8.Valid(p)
	if got := Valid(p); got != want {
		t.Fatalf("Valid(% X) = %v, want %v", p, got, want)
	}
	if got := ValidString(string(p)); got != want {
		t.Fatalf("ValidString(% X) = %v, want %v", p, got, want)
	}
	for i := range len(p) + 1 {
		var u UTF8
		first, second := p[:i], p[i:]
		if got, want := u.Write(first), possible(first); got != want {
			t.Fatalf("Write(% X) = %v, want %v", first, got, want)
		}
		if got, want := u.Complete(), utf8.Valid(first); got != want {
			t.Fatalf("Complete after % X = %v, want %v", first, got, want)
		}
		if got, want := u.Write(second), possible(p); got != want {
			t.Fatalf("Write(% X) after % X = %v, want %v", second, first, got, want)
		}
		if got := u.Complete(); got != want {
			t.Fatalf("Complete after % X and % X = %v, want %v", first, second, got, want)
		}
	}
}

// req: 6455-8.1-01 6455-8.1-02 6455-8.1-03
func TestUTF8(t *testing.T) {
	for valid, list := range map[bool][]string{true: utf8Valid, false: utf8Invalid} {
		for _, s := range list {
			p := unhex(t, s)
			if got := Valid(p); got != valid {
				t.Errorf("Valid(%s) = %v, want %v", s, got, valid)
			}
			checkUTF8(t, p)
		}
	}
}

// Every sequence at every position in every surrounding.
//
// req: 6455-8.1-01 6455-8.1-02
func TestUTF8Surrounded(t *testing.T) {
	for _, filler := range utf8Fillers {
		for before := range 18 {
			for _, s := range append(utf8Valid, utf8Invalid...) {
				text := sample(filler, before)
				text = append(text, unhex(t, s)...)
				text = append(text, sample(filler, 12)...)
				if got, want := Valid(text), utf8.Valid(text); got != want {
					t.Fatalf("Valid(% X) = %v, want %v", text, got, want)
				}
				var u UTF8
				for i, b := range text {
					if got, want := u.Write([]byte{b}), possible(text[:i+1]); got != want {
						t.Fatalf("Write up to % X = %v, want %v", text[:i+1], got, want)
					}
				}
				cutAt := len(text) / 2
				u.Reset()
				u.Write(text[:cutAt])
				if got, want := u.Write(text[cutAt:]) && u.Complete(), utf8.Valid(text); got != want {
					t.Fatalf("Write of % X cut at %d = %v, want %v", text, cutAt, got, want)
				}
			}
		}
	}
}

// All sequences of two bytes, and all longer ones that can make a difference,
// alone and inside a word, where eight bytes are checked at once.
//
// req: 6455-8.1-01 6455-8.1-02
func TestUTF8Exhaustive(t *testing.T) {
	check := func(p []byte) {
		if got, want := Valid(p), utf8.Valid(p); got != want {
			t.Fatalf("Valid(% X) = %v, want %v", p, got, want)
		}
	}
	edges := []byte{0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF0, 0xFF}
	p := []byte("........")
	for a := range 0x100 {
		p[2] = byte(a)
		check(p[2:3])
		for b := range 0x100 {
			p[3] = byte(b)
			check(p[2:4])
			for _, p[4] = range edges {
				check(p[2:5])
				check(p)
				for _, p[5] = range edges {
					if a < 0xE0 {
						break
					}
					check(p[2:6])
					check(p)
				}
				p[5] = '.'
			}
			p[4] = '.'
		}
		p[3] = '.'
	}
}

// A character that is interrupted by others, and then goes on.
func TestUTF8Interrupted(t *testing.T) {
	for _, char := range []string{"é", "語", "\uD7FF", "ก", "😀", "\U0010FFFF"} {
		for cutAt := 1; cutAt < len(char); cutAt++ {
			for _, filler := range utf8Fillers {
				for _, size := range []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 72} {
					between := sample(filler, size)
					if len(between) == 0 {
						continue // the filler has no character that short
					}
					for before := range 8 {
						text := append(sample("abcdefgh", before), char[:cutAt]...)
						start := len(text)
						text = append(text, between...)
						end := len(text)
						text = append(text, char[cutAt:]+"abcdefgh"...)
						if Valid(text) {
							t.Fatalf("Valid(% X) = true", text)
						}
						var u UTF8
						u.Write(text[:start])
						if u.Write(text[start:end]) {
							t.Fatalf("Write(% X) after % X = true", text[start:end], text[:start])
						}
					}
				}
			}
		}
	}
}

// Pairs of three-byte characters have their own method.
func TestUTF8Pairs(t *testing.T) {
	leads := []byte{0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0}
	seconds := []byte{0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC0}
	p := []byte("......ab")
	for _, p[0] = range leads {
		for _, p[1] = range seconds {
			for _, p[2] = range seconds {
				for _, p[3] = range leads {
					for _, p[4] = range seconds {
						for _, p[5] = range seconds {
							if got, want := Valid(p), utf8.Valid(p); got != want {
								t.Fatalf("Valid(% X) = %v, want %v", p, got, want)
							}
						}
					}
				}
			}
		}
	}
}

// Long texts: whole, truncated, and with a byte changed.
func TestUTF8Samples(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range samples {
		for size := range 200 {
			text := sample(s.text, size)
			if !Valid(text) {
				t.Fatalf("%s: Valid(%q) = false", s.name, text)
			}
			for range 20 {
				if len(text) == 0 {
					break
				}
				cutOff := text[:rng.IntN(len(text)+1)]
				if got, want := Valid(cutOff), utf8.Valid(cutOff); got != want {
					t.Fatalf("%s: Valid(% X) = %v, want %v", s.name, cutOff, got, want)
				}
				changed := append([]byte(nil), text...)
				changed[rng.IntN(len(changed))] = byte(rng.IntN(0x100))
				if got, want := Valid(changed), utf8.Valid(changed); got != want {
					t.Fatalf("%s: Valid(% X) = %v, want %v", s.name, changed, got, want)
				}
			}
		}
	}
}

// All lengths around several blocks of vectors, at all positions in a block, with a
// wrong byte at every position.
//
// req: 6455-8.1-01 6455-8.1-02
func TestUTF8Blocks(t *testing.T) {
	wrong := []byte{'a', 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC3, 0xE0, 0xE4, 0xED, 0xF0, 0xF1, 0xF4, 0xF8}
	for _, filler := range utf8Fillers {
		room := make([]byte, 32+300)
		for size := range 301 {
			// The place and the character that it begins with change with the size.
			text := room[size%32:][:copy(room[size%32:], sample(filler, 320)[size%7:][:size])]
			checkWaysFromAll(t, text)
			for i, right := range text {
				text[i] = wrong[(i+size)%len(wrong)]
				checkWays(t, utf8Accept, text)
				text[i] = right
			}
		}
		for at := range 32 {
			for size := at; size < 170; size += 7 {
				text := room[at:][:copy(room[at:], sample(filler, 180)[:size])]
				checkWaysFromAll(t, text)
			}
		}
	}
}

// Every sequence at every position around the ends of blocks, whole and truncated.
//
// req: 6455-8.1-01 6455-8.1-02 6455-8.1-03
func TestUTF8BlockEnds(t *testing.T) {
	for _, filler := range utf8Fillers {
		for before := 28; before < 165; before++ {
			if before%32 > 4 && before%32 < 28 {
				continue // not near an end
			}
			for _, s := range append(utf8Valid, utf8Invalid...) {
				text := sample(filler, before)
				start := len(text)
				text = append(text, unhex(t, s)...)
				for end := start; end <= len(text); end++ {
					checkWays(t, utf8Accept, text[:end])
					if got, want := utf8Run(utf8Accept, text[:end]) != utf8Reject, possible(text[start:end]); got != want {
						t.Fatalf("% X is possible: %v, want %v", text[:end], got, want)
					}
				}
				checkWays(t, utf8Accept, append(text, sample(filler, 70)...))
			}
		}
	}
}

func TestUTF8StaysInvalid(t *testing.T) {
	var u UTF8
	if u.Write([]byte("ab\xFF")) {
		t.Fatal("Write of FF = true")
	}
	for _, s := range []string{"", "a", "abcdefgh", "éééééééééééé", "人人人人人人"} {
		if u.Write([]byte(s)) || u.Complete() {
			t.Errorf("valid again after %q", s)
		}
	}
	u.Reset()
	if !u.Write([]byte("a")) || !u.Complete() {
		t.Error("not valid after Reset")
	}
}

func FuzzUTF8(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s.text), 5, 9)
	}
	for _, s := range append(utf8Valid, utf8Invalid...) {
		f.Add(append([]byte("abcdefg"), unhex(f, s)...), 8, 9)
	}
	for _, s := range samples {
		f.Add(sample(s.text, 300), 61, 131)
	}
	f.Fuzz(func(t *testing.T, p []byte, i, j int) {
		checkWaysFromAll(t, p)
		want := utf8.Valid(p)
		if got := Valid(p); got != want {
			t.Fatalf("Valid(% X) = %v, want %v", p, got, want)
		}
		if i < 0 || j < i || j > len(p) {
			return
		}
		var u UTF8
		end := 0
		for _, part := range [][]byte{p[:i], p[i:j], p[j:]} {
			end += len(part)
			if got, want := u.Write(part), possible(p[:end]); got != want {
				t.Fatalf("Write up to % X = %v, want %v", p[:end], got, want)
			}
		}
		if got := u.Complete(); got != want {
			t.Fatalf("Complete after % X = %v, want %v", p, got, want)
		}
	})
}

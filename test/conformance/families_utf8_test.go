package conformance_test

// This file tests families of cases: valid and invalid UTF-8, split at every byte.

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// hopeful reports whether some text that begins with p is UTF-8: p is, or it ends inside a
// character that can still become valid.
func hopeful(p []byte) bool {
	if utf8.Valid(p) {
		return true
	}
	// The bounds of all ranges that RFC 3629 has for a byte that is not the first.
	tails := []byte{0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF}
	var complete func(p []byte, more int) bool
	complete = func(p []byte, more int) bool {
		if utf8.Valid(p) {
			return true
		}
		for _, b := range tails {
			if more > 0 && complete(append(p[:len(p):len(p)], b), more-1) {
				return true
			}
		}
		return false
	}
	for cut := max(0, len(p)-3); cut < len(p); cut++ {
		if utf8.Valid(p[:cut]) && complete(p[cut:], 3) {
			return true
		}
	}
	return false
}

// The decoder stress set as a text in two fragments and a third, final one, and as one
// frame in two segments, split at every byte. The connection is failed as soon as the
// bytes make it certain, and not before.
//
// req: 6455-8.1-01 6455-8.1-03 6455-8.1-04
func TestInvalidUTF8Family(t *testing.T) {
	const pause = time.Second
	bubble(t, func(l *lab) {
		for _, text := range decoderStress() {
			p := []byte(text)
			if hopeful(p) {
				t.Fatalf("% X is valid", p)
			}
			for at := range len(p) + 1 {
				l.Case(fmt.Sprintf("% X in fragments, split at %d", p, at), func(l *lab) {
					s := l.open(setup{bare: true})
					s.server.WriteFrame(wire.Header{Opcode: wire.OpText}, p[:at])
					if hopeful(p[:at]) {
						s.server.ExpectSilence(pause)
						s.server.WriteFrame(wire.Header{Opcode: wire.OpContinuation}, p[at:])
					}
					s.expectFailed(wire.StatusInvalidPayload) // without a final fragment
				})
				if at == 0 || at == len(p) {
					continue
				}
				l.Case(fmt.Sprintf("% X in segments, split at %d", p, at), func(l *lab) {
					s := l.open(setup{bare: true})
					whole := frame(true, wire.OpText, append(p[:len(p):len(p)], "and more that does not come"...))
					head := len(whole) - len(p) - 27
					s.server.WriteRaw(whole[:head+at])
					if hopeful(p[:at]) {
						s.server.ExpectSilence(pause)
						s.server.WriteRaw(whole[head+at : head+len(p)])
					}
					s.expectFailed(wire.StatusInvalidPayload)
				})
			}
		}
	})
}

// A character that the final fragment leaves incomplete, cut at every byte, spread over
// fragments in every way.
//
// req: 6455-8.1-01
func TestIncompleteUTF8Family(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, r := range []rune{0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF} {
			whole := []byte(string(r))
			for n := 1; n < len(whole); n++ {
				for at := range n + 1 {
					l.Case(fmt.Sprintf("% X, split at %d", whole[:n], at), func(l *lab) {
						s := l.open(setup{bare: true})
						s.server.WriteFrame(wire.Header{Opcode: wire.OpText}, whole[:at])
						s.server.ExpectSilence(time.Second)
						s.server.WriteFrame(wire.Header{Fin: true}, whole[at:n])
						s.expectFailed(wire.StatusInvalidPayload)
					})
				}
			}
		}
	})
}

// Valid texts in three fragments, with a ping in between, and in segments, split at every
// byte.
//
// req: 6455-8.1-02 6455-8.1-04 6455-5.6-03
func TestValidUTF8Family(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, text := range decoderValid() {
			p := []byte(text)
			if !utf8.Valid(p) || !hopeful(p) {
				t.Fatalf("% X is not valid", p)
			}
			l.Case(fmt.Sprintf("% X", p), func(l *lab) {
				s := l.open(setup{bare: true})
				for at := range len(p) + 1 {
					if !hopeful(p[:at]) {
						s.Fatalf("% X cannot become valid", p[:at])
					}
					s.server.WriteFrame(wire.Header{Opcode: wire.OpText}, p[:at])
					s.server.SendPing(wstest.Hex("FF"))
					s.server.ExpectPong(wstest.Hex("FF"))
					s.server.WriteFrame(wire.Header{}, p[at:])
					s.server.WriteFrame(wire.Header{Fin: true}, nil)
					s.expectText(text)
					s.server.WriteSplit(frame(true, wire.OpText, p), 2+at)
					s.expectText(text)
				}
				s.check(s.client.Write(s.ctx, dandelion.Text(text)))
				s.server.ExpectText(text)
				s.closeFromServer()
			})
		}
	})
}

// decoderStress is the invalid part of the classic stress test for UTF-8 decoders (Markus
// Kuhn's UTF-8-test.txt), sections 3 to 5, with a letter at both ends so that something
// comes before and after the error.
func decoderStress() []string {
	var bad []string
	add := func(s ...string) { bad = append(bad, s...) }

	// 3.1 Unexpected continuation bytes.
	for n := 1; n <= 7; n++ {
		add("\x80\xBF\x80\xBF\x80\xBF\x80"[:n])
	}
	add("\xBF")
	var all []byte
	for b := 0x80; b <= 0xBF; b++ {
		all = append(all, byte(b))
	}
	add(string(all))

	// 3.2 Lonely start bytes, each followed by a space: C0 to FD.
	for b := 0xC0; b <= 0xFD; b++ {
		add(string([]byte{byte(b), ' '}))
	}

	// 3.3, 3.4 Sequences with the last byte missing, and all of them in a row.
	incomplete := []string{
		"\xC0", "\xE0\x80", "\xF0\x80\x80", "\xF8\x80\x80\x80", "\xFC\x80\x80\x80\x80",
		"\xDF", "\xEF\xBF", "\xF7\xBF\xBF", "\xFB\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF",
	}
	add(incomplete...)
	add(strings.Join(incomplete, ""))

	// 3.5 Impossible bytes.
	add("\xFE", "\xFF", "\xFE\xFE\xFF\xFF")

	// 2.1, 2.2, 2.3 Sequences beyond U+10FFFF.
	add("\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80", "\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF",
		"\xFD\xBF\xBF\xBF\xBF\xBF", "\xF4\x90\x80\x80")

	// 4.1 Overlong forms of the slash; 4.2 the longest overlong; 4.3 of NUL.
	add("\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF", "\xFC\x80\x80\x80\x80\xAF",
		"\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF8\x87\xBF\xBF\xBF", "\xFC\x83\xBF\xBF\xBF\xBF",
		"\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xF8\x80\x80\x80\x80", "\xFC\x80\x80\x80\x80\x80")

	// 5.1, 5.2 Surrogates, single and in pairs.
	surrogates := []string{"\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF", "\xED\xB0\x80", "\xED\xBE\x80", "\xED\xBF\xBF"}
	add(surrogates...)
	for _, high := range surrogates[:4] {
		for _, low := range []string{surrogates[4], surrogates[6]} {
			add(high + low)
		}
	}
	for i, s := range bad {
		bad[i] = "κ" + s + "z"
	}
	return bad
}

// decoderValid is the valid part of the stress test: the first and last character of each
// length, the bounds of the gaps, non-characters, and text.
func decoderValid() []string {
	good := []string{
		"κόσμε", "\x00", "\u0080", "\u0800", "\U00010000", "\x7F", "\u07FF", "\uFFFF", "\U0010FFFF",
		"\xED\x9F\xBF", "\uE000", "\uFFFD", "\uFFFE", "\uFFFF", "\uFEFFa", "a\u0300", "Grüße", "日本語", "😀😀",
	}
	for plane := rune(0); plane <= 16; plane++ { // 5.3 non-characters
		good = append(good, string([]rune{plane<<16 | 0xFFFE, plane<<16 | 0xFFFF}))
	}
	for r := rune(0xFDD0); r <= 0xFDEF; r++ {
		good = append(good, string(r))
	}
	return good
}

package wire

// This file measures the check of UTF-8.

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// samples are sentences in scripts that differ in the length of characters and in how
// they mix; benchmarks and tests repeat them as long as needed.
var samples = []struct{ name, text string }{
	{"english", "The résumé says that the quick brown fox — though it is lazy — jumps over the dog, and nobody’s cat. "},
	{"ascii", "The quick brown fox jumps over the lazy dog. "},
	{"german", "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. "},
	{"russian", "Съешь же ещё этих мягких французских булок, да выпей чаю. "},
	{"chinese", "人人生而自由，在尊严和权利上一律平等。第1条 2024年 WebSocket协议，"},
	{"japanese", "いろはにほへと ちりぬるを 我が世誰ぞ 常ならむ 有為の奥山 今日越えて"},
	{"korean", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. "},
	{"thai", "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ "},
	{"emoji", "😀😃😄 ok 🚀🎉 "},
	{"mixed", "Zwölf Съешь же 视野无限广 😀 plain english มนุษย์ text мягких 동등하다. "},
}

// sample returns at most size bytes of the text, cut between characters.
func sample(text string, size int) []byte {
	s := strings.Repeat(text, size/len(text)+1)[:size]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return []byte(s)
}

// The check in use, the portable one, and that of the standard library.
func BenchmarkUTF8(b *testing.B) {
	checks := []struct {
		name  string
		valid func([]byte) bool
	}{
		{"wire", Valid},
		{"words", func(p []byte) bool { return utf8Words(utf8Accept, p) == utf8Accept }},
		{"std", utf8.Valid},
	}
	for _, sc := range samples {
		for _, size := range []int{16, 32, 48, 128, 1024, 65536} {
			p := sample(sc.text, size)
			for _, c := range checks {
				b.Run(fmt.Sprintf("%s/%d/%s", sc.name, size, c.name), func(b *testing.B) {
					b.SetBytes(int64(len(p)))
					for b.Loop() {
						if !c.valid(p) {
							b.Fatal("not valid")
						}
					}
				})
			}
		}
	}
}

package wire

import (
	"fmt"
	"testing"
)

func BenchmarkAppendFrame(b *testing.B) {
	var keys KeySource
	for _, size := range []int{0, 16, 125, 128, 1024, 65536} {
		payload := make([]byte, size)
		text := string(payload)
		dst := make([]byte, 0, size+maxHeader)
		b.Run(fmt.Sprintf("bytes/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				AppendFrame(dst, true, 0, OpBinary, keys.Next(), payload)
			}
		})
		b.Run(fmt.Sprintf("string/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				AppendFrameString(dst, true, 0, OpText, keys.Next(), text)
			}
		})
	}
}

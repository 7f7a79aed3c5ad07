package wire

// This file measures writing frames.

import (
	"fmt"
	"testing"
)

func BenchmarkAppendFrame(b *testing.B) {
	var keys KeySource
	for _, size := range []int{0, 16, 125, 128, 1024, 65536} {
		payload := make([]byte, size)
		dst := make([]byte, 0, size+MaxHeader)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				AppendFrame(dst, true, 0, OpBinary, keys.Next(), payload)
			}
		})
	}
}

package wire

// This file measures masking.

import (
	"fmt"
	"testing"
)

func BenchmarkMaskCopy(b *testing.B) {
	key := [4]byte{0x37, 0xFA, 0x21, 0x3D}
	for _, size := range []int{8, 32, 125, 128, 512, 1024, 2048, 4096, 16384, 262144, 1 << 20, 16 << 20} {
		src, dst := make([]byte, size), make([]byte, size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				MaskCopy(dst, src, key, 0)
			}
		})
	}
}

func BenchmarkKeySource(b *testing.B) {
	var keys KeySource
	for b.Loop() {
		keys.Next()
	}
}

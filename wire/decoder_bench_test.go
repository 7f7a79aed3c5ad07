package wire

// This file measures the Decoder.

import (
	"bytes"
	"testing"
)

// BenchmarkDecoder cuts one input of 64 KiB into frames of 128 bytes; the figure to
// compare is ns/frame.
func BenchmarkDecoder(b *testing.B) {
	frame := AppendServerFrame(nil, true, 0, OpBinary, make([]byte, 128))
	n := 65536 / len(frame)
	input := bytes.Repeat(frame, n)
	var d Decoder
	b.ReportAllocs()
	for b.Loop() {
		for p := input; len(p) > 0; {
			pc, n, ok, err := d.Next(p)
			if !ok || err != nil || !pc.End {
				b.Fatal(pc, ok, err)
			}
			p = p[n:]
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/frame")
}

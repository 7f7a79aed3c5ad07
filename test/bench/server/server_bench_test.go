package server

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/dandelionws/dandelion/test/bench/payload"
)

// repeat gives the same whole frames again and again, as a fast client does, and
// takes everything.
type repeat struct {
	frames []byte
	at     int
	reads  int // that are left
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.reads--; r.reads < 0 {
		return 0, io.EOF
	}
	n := copy(p, r.frames[r.at:])
	r.at = (r.at + n) % len(r.frames)
	return n, nil
}

func (r *repeat) Write(p []byte) (int, error) { return len(p), nil }

// The cost of a message beside that of the system calls: where a client sends
// faster than this, the server is what is measured.
func benchmark(b *testing.B, serve func(io.ReadWriter)) {
	for _, size := range []int{32, 128, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			frame := masked(bitFin|byte(payload.Binary), make([]byte, size), [4]byte{1, 2, 3, 4})
			n := max(1, fullInput/len(frame))
			in := &repeat{frames: bytes.Repeat(frame, n)}
			in.reads = max(1, b.N/n)
			b.SetBytes(int64(len(frame)))
			b.ResetTimer()
			serve(in)
		})
	}
}

func BenchmarkSink(b *testing.B) { benchmark(b, sink) }
func BenchmarkEcho(b *testing.B) { benchmark(b, echo) }

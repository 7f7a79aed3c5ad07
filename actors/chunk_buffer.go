package actors

import (
	"math/bits"
	"sync"
)

// Buffers for chunks come in sizes of a power of two and a little, so that a
// message whose size is a power of two fits into its own with the header. The
// smallest is for small frames: many of them go into one, but a frame is never
// split over two, so a control frame can go between any two chunks.
const (
	chunkSlack    = 64
	minChunkClass = 15 // 32 KiB
	maxChunkClass = 25 // 32 MiB; what is larger is not kept
)

var chunkPools [maxChunkClass - minChunkClass + 1]bytesPool

// chunkClass returns the class of the smallest buffer that holds size bytes.
func chunkClass(size int) int {
	return max(minChunkClass, bits.Len(uint(max(0, size-chunkSlack-1))))
}

// newChunkBuffer returns an empty buffer with room for size bytes.
func newChunkBuffer(size int) []byte {
	class := chunkClass(size)
	if class > maxChunkClass {
		return make([]byte, 0, size)
	}
	if b := chunkPools[class-minChunkClass].get(); b != nil {
		return b[:0]
	}
	return make([]byte, 0, 1<<class+chunkSlack)
}

// freeChunkBuffer gives a buffer back that newChunkBuffer made.
func freeChunkBuffer(b []byte) {
	class := chunkClass(cap(b))
	if class <= maxChunkClass && cap(b) == 1<<class+chunkSlack {
		chunkPools[class-minChunkClass].put(b)
	}
}

// bytesPool is a sync.Pool of slices that does not allocate for putting one in.
type bytesPool struct{ full, empty sync.Pool }

// get returns nil if the pool is empty.
func (p *bytesPool) get() []byte {
	box, ok := p.full.Get().(*[]byte)
	if !ok {
		return nil
	}
	b := *box
	*box = nil
	p.empty.Put(box)
	return b
}

func (p *bytesPool) put(b []byte) {
	box, ok := p.empty.Get().(*[]byte)
	if !ok {
		box = new([]byte)
	}
	*box = b
	p.full.Put(box)
}

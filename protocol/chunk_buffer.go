package protocol

// This file is the buffers into which frames are encoded.

import (
	"math/bits"

	"github.com/dandelionws/dandelion/internal/bytepool"
)

// The size of a chunk's buffer is a power of two and a little more, so that a message whose
// size is a power of two fits, with its header. Many small frames share the smallest buffer;
// but no frame is split over two, so a control frame can go between any two chunks.
const (
	chunkSlack    = 64
	minChunkClass = 15 // 32 KiB
	maxChunkClass = 25 // 32 MiB; what is larger is not kept
)

var chunkPools [maxChunkClass - minChunkClass + 1]bytepool.Pool

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
	if b := chunkPools[class-minChunkClass].Get(); b != nil {
		return b[:0]
	}
	return make([]byte, 0, 1<<class+chunkSlack)
}

// freeChunkBuffer takes back a buffer that newChunkBuffer made.
func freeChunkBuffer(b []byte) {
	class := chunkClass(cap(b))
	if class <= maxChunkClass && cap(b) == 1<<class+chunkSlack {
		chunkPools[class-minChunkClass].Put(b)
	}
}

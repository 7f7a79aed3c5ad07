package actors

// This file is the buffers into which the stream is read.

import (
	"math/bits"
	"sync"

	"github.com/dandelionws/dandelion/internal/bytepool"
)

// inputSizes are the capacities of the buffers that one read fills, in bytes. Small ones keep
// the window and the cache free while there is little traffic; large ones save system calls.
var inputSizes = [...]int{4 << 10, 16 << 10, 64 << 10, 256 << 10}

var inputPools [len(inputSizes)]sync.Pool

// input is a buffer for one read.
type input struct {
	buf   []byte
	class int
}

func newInput(class int) *input {
	if in, ok := inputPools[class].Get().(*input); ok {
		return in
	}
	return &input{make([]byte, inputSizes[class]), class}
}

func (in *input) free() { inputPools[in.class].Put(in) }

// inputSizer chooses the size of the next buffer from what the last reads brought.
type inputSizer struct {
	class int
	small int // reads in a row that would have fitted into the next smaller size
}

// patience is how many small reads in a row make the buffers smaller.
const patience = 16

func (s *inputSizer) brought(n int) {
	switch {
	case n == inputSizes[s.class] && s.class < len(inputSizes)-1:
		s.class++
		s.small = 0
	case s.class > 0 && n <= inputSizes[s.class-1]:
		if s.small++; s.small >= patience {
			s.class--
			s.small = 0
		}
	default:
		s.small = 0
	}
}

// joinBuffers holds the buffers in which messages are joined, to be reused where payloads are
// borrowed. They are sorted by the power of two that they hold.
type joinBuffers struct{}

const minJoinClass, maxJoinClass = 16, 26 // 64 KiB to 64 MiB

var joinPools [maxJoinClass - minJoinClass + 1]bytepool.Pool

// Get implements wire.Buffers.
func (joinBuffers) Get(size int) []byte {
	class := max(minJoinClass, bits.Len(uint(size-1)))
	if class > maxJoinClass {
		return nil
	}
	return joinPools[class-minJoinClass].Get()
}

// Put implements wire.Buffers.
func (joinBuffers) Put(b []byte) {
	class := bits.Len(uint(cap(b))) - 1
	if class >= minJoinClass && class <= maxJoinClass {
		joinPools[class-minJoinClass].Put(b)
	}
}

package wire

// This file tests the use of Buffers.

import (
	"bytes"
	"testing"
)

// countingBuffers keeps every buffer that it gets.
type countingBuffers struct {
	free       [][]byte
	gets, hits int
}

func (b *countingBuffers) Get(size int) []byte {
	b.gets++
	for i, f := range b.free {
		if cap(f) >= size {
			b.free = append(b.free[:i], b.free[i+1:]...)
			b.hits++
			return f
		}
	}
	return nil
}

func (b *countingBuffers) Put(p []byte) { b.free = append(b.free, p) }

// Joined messages come in buffers that were put back, with nothing left of the
// previous message, and no two share one.
func TestReceiverBuffers(t *testing.T) {
	buffers := &countingBuffers{}
	r := NewReceiver(ReceiverConfig{Buffers: buffers})
	for round, size := range []int{300_000, 200_000, 300_000, 70_000, 100} {
		want := bytes.Repeat([]byte{byte('a' + round)}, size)
		frame := AppendServerFrame(nil, true, 0, OpText, want)
		var items []Item
		var err error
		for len(frame) > 0 { // in pieces, half of them through Space
			n := min(50_000, len(frame)-len(frame)/3)
			if space := r.Space(); space != nil {
				n = copy(space, frame[:min(n, len(frame))])
				items, err = r.Filled(items, n)
			} else {
				n = min(n, len(frame))
				items, err = r.Receive(items, frame[:n])
			}
			if err != nil {
				t.Fatal(err)
			}
			frame = frame[n:]
		}
		if len(items) != 1 || !items[0].Owned || !bytes.Equal(items[0].Payload, want) {
			t.Fatalf("message %d: got %d items", round, len(items))
		}
		buffers.Put(items[0].Payload)
	}
	if buffers.hits == 0 {
		t.Errorf("no buffer was used again in %d attempts", buffers.gets)
	}
	for i, a := range buffers.free {
		for _, b := range buffers.free[i+1:] {
			if &a[:1][0] == &b[:1][0] {
				t.Fatal("a buffer was put back twice")
			}
		}
	}
}

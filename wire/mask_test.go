package wire

// This file tests masking and its keys.

import (
	"bytes"
	"math/bits"
	"testing"
)

// req: 6455-5.3-03
func TestMaskCopyExample(t *testing.T) {
	key := [4]byte{0x37, 0xFA, 0x21, 0x3D}
	p := []byte("Hello")
	MaskCopy(p, p, key, 0)
	if want := unhex(t, "7F 9F 4D 51 58"); !bytes.Equal(p, want) {
		t.Fatalf("masked = % X, want % X", p, want)
	}
	MaskCopy(p, p, key, 0)
	if string(p) != "Hello" {
		t.Fatalf("masked twice = %q, want Hello", p)
	}
}

// All lengths, offsets and alignments against the definition, on a copy and in place;
// the bytes around must not change.
//
// req: 6455-5.3-03 6455-5.3-04
func TestMaskCopy(t *testing.T) {
	key := [4]byte{0x37, 0xFA, 0x21, 0x3D}
	sizes := []int{1023, 1024, 1025, 4096, 65537}
	for size := range 301 {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		for offset := range 8 {
			start := (size + 3*offset) % 8 // alignment
			src := make([]byte, start+size+8)
			for i := range src {
				src[i] = byte(i*7 + 1)
			}
			want := bytes.Clone(src)
			for i := range size {
				want[start+i] ^= key[(offset+i)%4]
			}

			dst := bytes.Clone(src)
			MaskCopy(dst[start:], src[start:start+size], key, offset)
			if !bytes.Equal(dst, want) {
				t.Fatalf("size %d, offset %d: copy differs", size, offset)
			}
			MaskCopy(src[start:start+size], src[start:start+size], key, offset)
			if !bytes.Equal(src, want) {
				t.Fatalf("size %d, offset %d: in place differs", size, offset)
			}
		}
	}
}

// Large payloads, which bypass the cache: at every alignment, around the length where
// that begins.
//
// req: 6455-5.3-03 6455-5.3-04
func TestMaskCopyLarge(t *testing.T) {
	const large = 4 << 20
	key := [4]byte{0x37, 0xFA, 0x21, 0x3D}
	src := make([]byte, large+200)
	for i := range src {
		src[i] = byte(i*7 + i>>8)
	}
	dst := make([]byte, len(src)+64)
	want := make([]byte, len(src))
	for start := range 33 {
		size := large + 6*start - 3
		offset := start % 4
		for i := range size {
			want[i] = src[i] ^ key[(offset+i)&3]
		}
		clear(dst)
		MaskCopy(dst[start:], src[:size], key, offset)
		if !bytes.Equal(dst[start:start+size], want[:size]) {
			t.Fatalf("%d bytes at %d, offset %d: copy differs", size, start, offset)
		}
		if !bytes.Equal(dst[:start], make([]byte, start)) || !bytes.Equal(dst[start+size:], make([]byte, len(dst)-start-size)) {
			t.Fatalf("%d bytes at %d: something around was written", size, start)
		}
		MaskCopy(dst[start:start+size], dst[start:start+size], key, offset)
		if !bytes.Equal(dst[start:start+size], src[:size]) {
			t.Fatalf("%d bytes at %d, offset %d: in place differs", size, start, offset)
		}
	}
}

// req: 6455-5.3-04
func TestMaskCopyInPieces(t *testing.T) {
	key := [4]byte{1, 20, 99, 200}
	src := bytes.Repeat([]byte("0123456789"), 7000)
	want := make([]byte, len(src))
	MaskCopy(want, src, key, 0)
	for _, piece := range []int{1, 3, 7, 64, 4097} {
		got := make([]byte, len(src))
		for i := 0; i < len(src); i += piece {
			end := min(i+piece, len(src))
			MaskCopy(got[i:], src[i:end], key, i)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("masked in pieces of %d differs from masked at once", piece)
		}
	}
}

// req: 6455-5.3-01 6455-5.3-02 6455-10.3-01
func TestKeySource(t *testing.T) {
	const n = 100_000
	var keys, other KeySource
	var ones [32]int
	seen := make(map[[4]byte]int, n)
	last := keys.Next()
	equal := 0
	for range n {
		key := keys.Next()
		if key == last {
			t.Fatalf("key % X twice in a row", key)
		}
		if key == other.Next() {
			equal++
		}
		seen[key]++
		last = key
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		for k != 0 {
			ones[bits.TrailingZeros32(k)]++
			k &= k - 1
		}
	}
	if equal > 2 {
		t.Errorf("two sources gave the same key at the same time %d times in %d", equal, n)
	}
	// By chance 1.2 pairs of 100,000 keys of 32 bits are equal.
	if again := n - len(seen); again > 12 {
		t.Errorf("%d of %d keys came again", again, n)
	}
	for bit, count := range ones {
		if count < n*49/100 || count > n*51/100 {
			t.Errorf("bit %d is set in %d of %d keys, want 49 to 51 percent", bit, count, n)
		}
	}
}

package wire

// This file masks payloads and makes the keys for it: RFC 6455 §5.3.

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// MaskCopy writes src to dst, masked with key (RFC 6455 §5.3). Masking is its own
// inverse, so MaskCopy also unmasks. offset is the position of src[0] in the payload
// of the frame, so that a payload can be masked in pieces; only its value modulo 4
// matters.
//
// dst must be at least as long as src. It may be src itself, but must not overlap it
// in any other way.
func MaskCopy(dst, src []byte, key [4]byte, offset int) {
	dst = dst[:len(src)]
	if len(src) >= maskStreamMin { // needs dst to be aligned
		if n := unaligned(dst); n > 0 {
			MaskCopy(dst[:n], src[:n], key, offset)
			dst, src, offset = dst[n:], src[n:], offset+n
		}
	}
	k32 := bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*(offset&3))
	k := uint64(k32)<<32 | uint64(k32)

	i := 0
	if len(src) >= maskVectorMin {
		i = maskVectors(dst, src, k)
	}
	for ; i <= len(src)-32; i += 32 {
		s, d := (*[32]byte)(src[i:]), (*[32]byte)(dst[i:])
		w0 := binary.LittleEndian.Uint64(s[0:]) ^ k
		w1 := binary.LittleEndian.Uint64(s[8:]) ^ k
		w2 := binary.LittleEndian.Uint64(s[16:]) ^ k
		w3 := binary.LittleEndian.Uint64(s[24:]) ^ k
		binary.LittleEndian.PutUint64(d[0:], w0)
		binary.LittleEndian.PutUint64(d[8:], w1)
		binary.LittleEndian.PutUint64(d[16:], w2)
		binary.LittleEndian.PutUint64(d[24:], w3)
	}
	for ; i <= len(src)-8; i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(src[i:])^k)
	}
	for ; i < len(src); i++ {
		dst[i] = src[i] ^ byte(k)
		k >>= 8
	}
}

// KeySource makes masking keys. They come from ChaCha8, a cryptographic generator
// that is seeded by crypto/rand at first use, so a key cannot be predicted from
// earlier ones (RFC 6455 §5.3, §10.3). The seed cannot be set.
//
// The zero value is ready to use. A KeySource is not safe for concurrent use.
type KeySource struct {
	gen   *rand.ChaCha8
	spare uint32 // the unused half of the last output
	has   bool   // spare is valid
}

// Next returns a key for one frame.
func (s *KeySource) Next() (key [4]byte) {
	k := s.spare
	if s.has {
		s.has = false
	} else {
		if s.gen == nil {
			s.seed()
		}
		v := s.gen.Uint64()
		k, s.spare, s.has = uint32(v), uint32(v>>32), true
	}
	binary.LittleEndian.PutUint32(key[:], k)
	return key
}

func (s *KeySource) seed() {
	var seed [32]byte
	crand.Read(seed[:]) // never fails: since Go 1.24 the program crashes if the system has no randomness
	s.gen = rand.NewChaCha8(seed)
}

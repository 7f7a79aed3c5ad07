package differential

// This file is frames as they are on the wire, right or wrong: RFC 6455 §5.2.

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/dandelionws/dandelion/internal/testkit/hexbytes"
)

// Bits of the first two bytes of a frame, and the opcodes.
const (
	finBit  = 0x80
	rsvBits = 0x70
	opBits  = 0x0F
	maskBit = 0x80
	lenBits = 0x7F

	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// maxControl is the longest payload of a control frame in bytes (RFC 6455 §5.5).
const maxControl = 125

// frame is a frame that need not follow any rule except those that define where a frame
// ends.
type frame struct {
	first   byte    // FIN, reserved bits and opcode
	masked  bool    // the mask bit
	key     [4]byte // of a masked frame, between length and payload
	form    int     // bytes of the length after the second byte: 0, 2 or 8
	length  uint64  // of the payload, according to the header
	payload []byte  // as on the wire, not unmasked; may be shorter or longer than length
}

// newFrame returns an unmasked frame with its length in the shortest form.
func newFrame(fin bool, op byte, payload []byte) frame {
	f := frame{first: op, payload: payload}
	if fin {
		f.first |= finBit
	}
	f.announce(uint64(len(payload)))
	return f
}

// announce sets the length in its shortest form.
func (f *frame) announce(n uint64) {
	f.length, f.form = n, shortestForm(n)
}

func shortestForm(length uint64) int {
	switch {
	case length > math.MaxUint16:
		return 8
	case length > 125:
		return 2
	}
	return 0
}

func (f frame) fin() bool     { return f.first&finBit != 0 }
func (f frame) opcode() byte  { return f.first & opBits }
func (f frame) control() bool { return isControl(f.first) }

func isControl(first byte) bool { return first&0x8 != 0 }

// whole reports whether the payload is complete.
func (f frame) whole() bool { return uint64(len(f.payload)) == f.length }

// headerSize returns the length of the header in bytes.
func (f frame) headerSize() int {
	n := 2 + f.form
	if f.masked {
		n += len(f.key)
	}
	return n
}

// appendTo appends the bytes of f.
func (f frame) appendTo(dst []byte) []byte {
	second := byte(0)
	if f.masked {
		second = maskBit
	}
	switch f.form {
	case 0:
		dst = append(dst, f.first, second|byte(f.length)&lenBits)
	case 2:
		dst = append(dst, f.first, second|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(f.length))
	default:
		dst = append(dst, f.first, second|127)
		dst = binary.BigEndian.AppendUint64(dst, f.length)
	}
	if f.masked {
		dst = append(dst, f.key[:]...)
	}
	return append(dst, f.payload...)
}

// join returns the bytes of frames.
func join(frames []frame) []byte {
	var stream []byte
	for _, f := range frames {
		stream = f.appendTo(stream)
	}
	return stream
}

// split is the inverse of join: it finds the frames of a stream. The payload of the last one
// may be truncated; rest is an incomplete header. Payloads are slices of stream.
func split(stream []byte) (frames []frame, rest []byte) {
	for len(stream) > 0 {
		f, ok := splitHeader(stream)
		if !ok {
			break
		}
		stream = stream[f.headerSize():]
		n := min(f.length, uint64(len(stream)))
		f.payload, stream = stream[:n:n], stream[n:]
		frames = append(frames, f)
	}
	return frames, stream
}

// splitHeader reads the header at the beginning of p, if that is complete.
func splitHeader(p []byte) (f frame, ok bool) {
	if len(p) < 2 {
		return f, false
	}
	f = frame{first: p[0], masked: p[1]&maskBit != 0, length: uint64(p[1] & lenBits)}
	switch f.length {
	case 126:
		f.form = 2
	case 127:
		f.form = 8
	}
	if len(p) < f.headerSize() {
		return frame{}, false
	}
	switch f.form {
	case 2:
		f.length = uint64(binary.BigEndian.Uint16(p[2:]))
	case 8:
		f.length = binary.BigEndian.Uint64(p[2:])
	}
	if f.masked {
		f.key = [4]byte(p[2+f.form:])
	}
	return f, true
}

// frameAt returns the index of the frame that has the byte at offset; len(frames) if the
// offset is after all of them.
func frameAt(frames []frame, offset int) int {
	end := 0
	for i, f := range frames {
		end += f.headerSize() + len(f.payload)
		if offset < end {
			return i
		}
	}
	return len(frames)
}

// unhex is hexbytes.Parse that fails the test.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	p, err := hexbytes.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Splitting a stream and joining the frames gives the same stream.
func TestSplit(t *testing.T) {
	for seed := range uint64(2000) {
		stream := newGenerator(seed).stream()
		frames, rest := split(stream)
		if got := append(join(frames), rest...); !bytes.Equal(got, stream) {
			t.Fatalf("seed %d: frames and rest are % X, want % X", seed, got, stream)
		}
		if last := len(frames) - 1; last >= 0 && !frames[last].whole() && len(rest) > 0 {
			t.Fatalf("seed %d: %d bytes after a truncated frame", seed, len(rest))
		}
		end := 0
		for i, f := range frames {
			if got := frameAt(frames, end); got != i {
				t.Fatalf("seed %d: frameAt(%d) = %d, want %d", seed, end, got, i)
			}
			end += f.headerSize() + len(f.payload)
			if got := frameAt(frames, end-1); got != i {
				t.Fatalf("seed %d: frameAt(%d) = %d, want %d", seed, end-1, got, i)
			}
		}
		if got := frameAt(frames, end); got != len(frames) {
			t.Fatalf("seed %d: frameAt(%d) = %d, want %d", seed, end, got, len(frames))
		}
	}
}

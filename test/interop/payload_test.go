//go:build linux

package interop

// This file is the contents of messages: those of the tests and those of the servers.

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// characters has one character of each UTF-8 length, 10 bytes in total.
const characters = "aé€😀"

// sizes are the payload lengths at which the header of a frame changes its form (RFC 6455
// §5.2), and large ones.
var sizes = []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 16 << 20}

// textOf returns n bytes of text.
func textOf(n int) []byte {
	p := bytes.Repeat([]byte(characters), n/len(characters))
	return append(p, strings.Repeat("z", n-len(p))...)
}

// binaryOf returns n bytes without a pattern, the same for the same n.
func binaryOf(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(p)
	return p
}

// serverText and serverBinary return the contents of n bytes that the servers send for a
// command.
func serverText(n int) []byte { return bytes.Repeat([]byte(characters), n/len(characters)) }

func serverBinary(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i % 251)
	}
	return p
}

// cut divides p into n parts, the last of which may be shorter; text may be cut inside
// characters.
func cut(p []byte, n int) [][]byte {
	size := (len(p) + n - 1) / n
	var parts [][]byte
	for len(p) > size {
		parts = append(parts, p[:size])
		p = p[size:]
	}
	return append(parts, p)
}

// sameBytes compares what arrived with what should have arrived, and shows a readable part
// of a difference.
func sameBytes(t *testing.T, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	window := func(p []byte) []byte { return p[at:min(at+16, len(p))] }
	t.Fatalf("got %d bytes, want %d; from byte %d on got %q, want %q",
		len(got), len(want), at, window(got), window(want))
}

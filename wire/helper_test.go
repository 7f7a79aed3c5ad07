package wire

// This file is what several tests of the package share.

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dandelionws/dandelion/internal/testkit/hexbytes"
)

// unhex is hexbytes.Parse that fails the test.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	p, err := hexbytes.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// cut cuts p into parts of at most size bytes.
func cut(p []byte, size int) [][]byte {
	var parts [][]byte
	for len(p) > size {
		parts = append(parts, p[:size:size])
		p = p[size:]
	}
	return append(parts, p)
}

// cutRandom cuts p into parts of 0 to most bytes.
func cutRandom(rng *rand.Rand, p []byte, most int) [][]byte {
	var parts [][]byte
	for len(p) > 0 {
		n := min(rng.IntN(most+1), len(p))
		parts = append(parts, p[:n:n])
		p = p[n:]
	}
	return parts
}

// eachCut calls f with p cut in many ways: not at all, at each byte, once at every
// position, and at random. The parts are fresh copies for each call.
func eachCut(p []byte, f func(name string, parts [][]byte)) {
	fresh := func() []byte { return append([]byte(nil), p...) }
	f("whole", [][]byte{fresh()})
	f("each byte", cut(fresh(), 1))
	f("three bytes", cut(fresh(), 3))
	if len(p) <= 300 {
		for i := 1; i < len(p); i++ {
			q := fresh()
			f(fmt.Sprintf("at %d", i), [][]byte{q[:i:i], q[i:]})
		}
	}
	rng := rand.New(rand.NewPCG(uint64(len(p)), 1))
	for i := range 10 {
		f(fmt.Sprintf("random %d", i), cutRandom(rng, fresh(), 1+len(p)/3))
	}
}

// codeOf returns the close code for err, 0 for none.
func codeOf(t testing.TB, err error) StatusCode {
	t.Helper()
	if err == nil {
		return 0
	}
	coded, ok := err.(interface{ CloseCode() StatusCode })
	if !ok {
		t.Fatalf("error %T (%v) has no close code", err, err)
	}
	return coded.CloseCode()
}

// sectionOf returns the section that a *ProtocolError cites, "" for other errors.
func sectionOf(err error) string {
	if pe, ok := err.(*ProtocolError); ok {
		return pe.Section
	}
	return ""
}

package conformance_test

// This file tests that a client survives whatever a server sends: RFC 6455 §10.7.

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// randomLimit is the read limit of a client that gets random streams.
const randomLimit = 64 << 10

// survive sends a stream after a valid 101, in pieces of the sizes from next, and ends it.
// The client must deliver valid messages only and end with a close error; it may write
// only Pongs and then a Close.
func survive(t *testing.T, stream []byte, next func() int) {
	t.Helper()
	srv := wstest.NewPipe(t, wstest.WithBuffer(1<<20))
	opts := over(srv)
	opts.MaxMessage = randomLimit
	client, c := open(t, srv, opts)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.Try(func(c *wstest.Conn) { // it fails if the client goes before the end
		for rest := stream; len(rest) > 0; {
			n := min(next(), len(rest))
			c.WriteRaw(rest[:n])
			rest = rest[n:]
		}
		c.CloseWrite()
	})
	ctx := newContext(t)
	for {
		msg, err := client.Read(ctx)
		if err != nil {
			closeError(t, err)
			break
		}
		if len(msg.Bytes()) > randomLimit {
			t.Errorf("a message of %d bytes was delivered, the limit is %d", len(msg.Bytes()), randomLimit)
		}
		if msg.Kind() == messages.KindText && !utf8.Valid(msg.Bytes()) {
			t.Errorf("text % X was delivered", msg.Bytes())
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 { // for all messages together, including the script
		t.Errorf("%d KiB were allocated for a stream of %d bytes", n>>10, len(stream))
	}
	written, end := c.ReadAll()
	if end == wstest.EndOpen {
		t.Error("TCP is still open")
	}
	for len(written) > 0 {
		f, n, err := wstest.ParseFrame(written)
		switch {
		case err != nil || n == 0 || !f.Masked || !f.Fin || f.RSV != 0 || len(f.Payload) > 125:
			t.Fatalf("the client has broken the protocol: %v: % X", err, written)
		case f.Opcode != wire.OpPong && f.Opcode != wire.OpClose || f.Opcode == wire.OpClose && n < len(written):
			t.Errorf("the client has written %v and %d bytes after it", f, len(written)-n)
		}
		written = written[n:]
	}
}

// req: 6455-10.7-01
func TestRandomStreams(t *testing.T) {
	const runs = 600
	for seed := range uint64(runs) {
		stream, next := randomStream(seed)
		if survive(t, stream, next); t.Failed() {
			t.Fatalf("seed %d, stream % X", seed, stream)
		}
	}
}

// FuzzStream is TestRandomStreams for streams from the fuzzing engine.
//
// req: 6455-10.7-01
func FuzzStream(f *testing.F) {
	for _, v := range violations() {
		f.Add(v.bytes, uint8(len(v.bytes)/2))
	}
	for seed := range uint64(20) {
		stream, next := randomStream(seed)
		f.Add(stream, uint8(next()))
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		if len(stream) > randomLimit {
			return
		}
		survive(t, stream, func() int { return 1 + int(piece) })
	})
}

// randomStream returns a stream, the same for the same seed: noise, correct frames, or
// damaged frames; and how it is cut.
func randomStream(seed uint64) (stream []byte, next func() int) {
	r := rand.New(rand.NewPCG(seed, 10_7))
	next = func() int { return 1 + r.IntN(1+r.IntN(200)) }
	if seed%3 == 0 {
		return randomBytes(r, r.IntN(300)), next
	}
	for range 1 + r.IntN(10) {
		stream = appendRandomFrame(stream, r)
	}
	if seed%3 == 1 {
		return stream, next
	}
	for range 1 + r.IntN(5) {
		at := r.IntN(len(stream))
		switch r.IntN(5) {
		case 0: // a bit is flipped
			stream[at] ^= 1 << r.IntN(8)
		case 1: // a byte is changed
			stream[at] = byte(r.Uint32())
		case 2: // bytes are inserted
			stream = slices.Insert(stream, at, randomBytes(r, 1+r.IntN(8))...)
		case 3: // bytes are lost
			stream = slices.Delete(stream, at, min(len(stream), at+1+r.IntN(8)))
		case 4: // the rest is lost
			stream = stream[:at]
		}
		if len(stream) == 0 {
			break
		}
	}
	return stream, next
}

// appendRandomFrame appends a server's frame that is mostly correct.
func appendRandomFrame(p []byte, r *rand.Rand) []byte {
	ops := []wire.Opcode{
		wire.OpText, wire.OpText, wire.OpBinary, wire.OpBinary, wire.OpContinuation, wire.OpContinuation, wire.OpPing, wire.OpPong, wire.OpClose,
	}
	op := ops[r.IntN(len(ops))]
	payload := randomBytes(r, r.IntN(1<<r.IntN(12)))
	switch op {
	case wire.OpText:
		payload = []byte(fmt.Sprintf("%q, κόσμε \U0001F33C", payload))
	case wire.OpPing, wire.OpPong:
		payload = payload[:min(len(payload), 125)]
	case wire.OpClose:
		payload = closing(wire.StatusCode(3000+r.IntN(2000)), "τέλος")
	}
	return append(p, frame(op.IsControl() || r.IntN(4) > 0, op, payload)...)
}

func randomBytes(r *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

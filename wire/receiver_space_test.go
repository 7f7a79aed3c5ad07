package wire

// This file tests the memory of a Receiver: how much it allocates, and Space.

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// Memory for announced bytes is not allocated before they arrive.
//
// req: 6455-10.4-01 6455-10.4-02
func TestReceiverMemory(t *testing.T) {
	allocated := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	header := AppendHeader(nil, Header{Fin: true, Opcode: OpBinary, Length: 1 << 40})
	input := make([]byte, 100<<10)
	for _, tc := range []struct {
		name    string
		arrived int
		direct  bool
	}{
		{"header", 0, false},
		{"header, direct", 0, true},
		{"100 KiB", 100 << 10, false},
		{"100 KiB, direct", 100 << 10, true},
	} {
		r := NewReceiver(ReceiverConfig{Limits: Limits{MaxMessage: -1}})
		got := allocated(func() {
			if _, err := r.Receive(nil, header); err != nil {
				t.Error(err)
			}
			for left := tc.arrived; left > 0; {
				n := min(left, 10<<10)
				var err error
				if space := r.Space(); tc.direct && len(space) > 0 {
					n = min(n, len(space))
					_, err = r.Filled(nil, n)
				} else {
					_, err = r.Receive(nil, input[:n])
				}
				if err != nil {
					t.Fatal(err)
				}
				left -= n
			}
			if tc.direct {
				r.Space()
			}
		})
		// All buffers of a growing message together, some slack for the runtime.
		if limit := uint64(2*firstBuffer + 2*growth*tc.arrived + 64<<10); got > limit {
			t.Errorf("%s: %d bytes allocated, want at most %d", tc.name, got, limit)
		}
	}

	r := NewReceiver(ReceiverConfig{Limits: Limits{MaxFragments: -1}})
	if _, err := r.Receive(nil, unhex(t, "02 01 61")); err != nil {
		t.Fatal(err)
	}
	empty := bytes.Repeat([]byte{0, 0}, 1<<20)
	if got := allocated(func() {
		if _, err := r.Receive(nil, empty); err != nil {
			t.Error(err)
		}
	}); got > 64<<10 {
		t.Errorf("a million empty fragments: %d bytes allocated", got)
	}
}

// There is Space only inside a long payload, and never beyond it.
func TestReceiverSpace(t *testing.T) {
	const size = 300_000
	payload := sample(samples[len(samples)-1].text, size)
	ping := AppendServerFrame(nil, true, 0, OpPing, []byte("p"))
	in := AppendServerFrame(nil, false, 0, OpText, payload[:100])
	in = AppendServerFrame(in, false, 0, OpContinuation, payload[100:200_000])
	in = append(in, ping...)
	in = AppendServerFrame(in, true, 0, OpContinuation, payload[200_000:])
	in = append(in, ping...)
	in = AppendServerFrame(in, true, 0, OpText, payload)
	message := describe(Item{Opcode: OpText, First: true, Final: true, Payload: payload})
	want := []string{`ping "p"`, message, `ping "p"`, message}

	rng := rand.New(rand.NewPCG(5, 6))
	for _, role := range []Role{Client, Server} {
		in := in
		if role == Server {
			in = maskAll(t, in)
		}
		for _, most := range []int{1000, 40_000, 150_000} {
			r := NewReceiver(ReceiverConfig{Role: role})
			var got []string
			direct := 0
			for p := bytes.Clone(in); len(p) > 0; {
				var items []Item
				var err error
				space := r.Space()
				if cap(space) != len(space) {
					t.Fatalf("Space has %d bytes and room for %d", len(space), cap(space))
				}
				n := min(1+rng.IntN(most), len(p))
				if space != nil && rng.IntN(5) > 0 {
					n = copy(space, p[:n])
					direct += n
					items, err = r.Filled(nil, n)
				} else {
					items, err = r.Receive(nil, p[:n])
				}
				if err != nil {
					t.Fatal(err)
				}
				p = p[n:]
				for _, item := range items {
					got = append(got, describe(item))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, up to %d bytes a time: the items differ", role, most)
			}
			if direct == 0 {
				t.Errorf("%s, up to %d bytes a time: Space was never there", role, most)
			}
		}
	}
}

// maskAll returns the frames of in as a client sends them.
func maskAll(t testing.TB, in []byte) (out []byte) {
	t.Helper()
	var d Decoder
	frames, err := decode(t, &d, [][]byte{in})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		out = AppendFrame(out, f.header.Fin, f.header.RSV, f.header.Opcode, frameKey, []byte(f.payload))
	}
	return out
}

func TestReceiverSpaceNil(t *testing.T) {
	long := AppendHeader(nil, Header{Fin: true, Opcode: OpBinary, Length: directRead})
	short := AppendHeader(nil, Header{Fin: true, Opcode: OpBinary, Length: directRead - 1})
	for _, tc := range []struct {
		name string
		cfg  ReceiverConfig
		in   []byte
		want int
	}{
		{"long payload", ReceiverConfig{}, long, directRead},
		{"at the beginning", ReceiverConfig{}, nil, 0},
		{"inside a header", ReceiverConfig{}, long[:3], 0},
		{"short payload", ReceiverConfig{}, short, 0},
		{"rest of a long payload", ReceiverConfig{}, append(bytes.Clone(long), 1), 0},
		{"streaming", ReceiverConfig{Streaming: true}, long, 0},
		{"after a close", ReceiverConfig{}, unhex(t, "88 00"), 0},
		{"after an error", ReceiverConfig{}, unhex(t, "83 00"), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewReceiver(tc.cfg)
			r.Receive(nil, tc.in)
			if got := len(r.Space()); got != tc.want {
				t.Errorf("Space has %d bytes, want %d", got, tc.want)
			}
			if items, err := r.Filled(nil, 0); len(items) != 0 || err != nil && tc.name != "after an error" {
				t.Errorf("Filled(0) = %v, %v", items, err)
			}
		})
	}
}

// req: 6455-8.1-03
func TestReceiverFilledChecksUTF8(t *testing.T) {
	r := NewReceiver(ReceiverConfig{})
	header := AppendHeader(nil, Header{Fin: true, Opcode: OpText, Length: 1 << 20})
	if _, err := r.Receive(nil, header); err != nil {
		t.Fatal(err)
	}
	copy(r.Space(), "abc\xC0")
	items, err := r.Filled(nil, 4)
	if len(items) != 0 || codeOf(t, err) != StatusInvalidPayload {
		t.Fatalf("Filled = %v, %v, want code 1007", items, err)
	}
	if r.Space() != nil {
		t.Error("Space is not nil after an error")
	}
	if _, again := r.Filled(nil, 1); again != err {
		t.Errorf("Filled after error %v: %v", err, again)
	}
}

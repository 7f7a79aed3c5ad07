package wire

// This file measures the Receiver.

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkReceive reads one input of 64 KiB that is full of small messages; the
// figure to compare is ns/message.
func BenchmarkReceive(b *testing.B) {
	text := map[string]string{}
	for _, s := range samples {
		text[s.name] = s.text
	}
	for _, bc := range []struct {
		name   string
		op     Opcode
		sample string
		size   int
	}{
		{"binary", OpBinary, "ascii", 128},
		{"text", OpText, "ascii", 128},
		{"text/russian", OpText, "russian", 128},
		{"text/chinese", OpText, "chinese", 128},
		{"binary", OpBinary, "ascii", 32},
		{"text", OpText, "ascii", 32},
		{"text", OpText, "ascii", 120},
		{"binary", OpBinary, "ascii", 1024},
		{"ping", OpPing, "ascii", 8},
	} {
		b.Run(fmt.Sprintf("%s/%d", bc.name, bc.size), func(b *testing.B) {
			payload := sample(text[bc.sample], bc.size)
			frame := AppendServerFrame(nil, true, 0, bc.op, payload)
			n := 65536 / len(frame)
			input := bytes.Repeat(frame, n)
			r := NewReceiver(ReceiverConfig{})
			items := make([]Item, 0, n)
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				items, err = r.Receive(items[:0], input)
				if err != nil || len(items) != n {
					b.Fatal(len(items), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/message")
		})
	}
}

// BenchmarkReceiveLarge joins a message that comes in many inputs: by Receive, in
// reads of 64 KiB, and by Space, as far as it goes.
func BenchmarkReceiveLarge(b *testing.B) {
	for _, size := range []int{256 << 10, 1 << 20, 16 << 20} {
		frame := AppendServerFrame(nil, true, 0, OpBinary, make([]byte, size))
		for _, direct := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/direct=%v", size, direct), func(b *testing.B) {
				r := NewReceiver(ReceiverConfig{})
				var items []Item
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					items = items[:0]
					for p := frame; len(p) > 0; {
						var err error
						var n int
						if space := r.Space(); direct && space != nil {
							n = copy(space, p[:min(256<<10, len(p))])
							items, err = r.Filled(items, n)
						} else {
							n = min(64<<10, len(p))
							items, err = r.Receive(items, p[:n])
						}
						if err != nil {
							b.Fatal(err)
						}
						p = p[n:]
					}
					if len(items) != 1 || len(items[0].Payload) != size {
						b.Fatal(len(items))
					}
				}
			})
		}
	}
}

package wire

// This file compares the Receiver with a naive one.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

// naive is what a receiver must find, written in the plainest way: on whole input,
// frame by frame. It stops at an incomplete frame; complete is set if there was none.
func naive(p []byte) (items []string, fail StatusCode, complete bool) {
	var op byte
	var message []byte
	for len(p) > 0 {
		if len(p) < 2 {
			return items, 0, false
		}
		fin, rsv, opcode := p[0]&0x80 != 0, p[0]&0x70, p[0]&0x0F
		masked, length, rest := p[1]&0x80 != 0, uint64(p[1]&0x7F), p[2:]
		if rsv != 0 || masked || opcode > 2 && opcode < 8 || opcode > 10 ||
			opcode >= 8 && (!fin || length > 125) {
			return items, 1002, true
		}
		if length == 126 {
			if len(rest) < 2 {
				return items, 0, false
			}
			length, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]
			if length < 126 {
				return items, 1002, true
			}
		} else if length == 127 {
			if len(rest) < 8 {
				return items, 0, false
			}
			length, rest = binary.BigEndian.Uint64(rest), rest[8:]
			if length < 65536 || length >= 1<<63 {
				return items, 1002, true
			}
		}
		if opcode < 8 && (opcode == 0) != (op != 0) {
			return items, 1002, true
		}
		if opcode < 8 && length+uint64(len(message)) > 32<<20 {
			return items, 1009, true
		}
		if uint64(len(rest)) < length {
			return items, 0, false
		}
		payload := rest[:length]
		p = rest[length:]
		switch opcode {
		case 8:
			code, reason := 1005, ""
			if len(payload) == 1 {
				return items, 1002, true
			}
			if len(payload) > 1 {
				code, reason = int(payload[0])<<8|int(payload[1]), string(payload[2:])
				if code < 1000 || code > 1003 && code < 1007 || code > 1014 && code < 3000 || code > 4999 {
					return items, 1002, true
				}
				if !utf8.ValidString(reason) {
					return items, 1007, true
				}
			}
			return append(items, fmt.Sprintf("close %d %q", code, reason)), 0, true
		case 9:
			items = append(items, fmt.Sprintf("ping %q", payload))
		case 10:
			items = append(items, fmt.Sprintf("pong %q", payload))
		default:
			if opcode != 0 {
				op, message = opcode, nil
			}
			message = append(message, payload...)
			if op == 1 && !possible(message) || op == 1 && fin && !utf8.Valid(message) {
				return items, 1007, true
			}
			if fin {
				items = append(items, fmt.Sprintf("%s %q", [...]string{1: "text", 2: "binary"}[op], message))
				op = 0
			}
		}
	}
	return items, 0, true
}

// However the input is cut, a Receiver finds what the naive one finds, and a streaming
// one returns the same in parts.
//
// req: 6455-10.7-01
func FuzzReceiver(f *testing.F) {
	for _, tc := range receiverCases {
		f.Add(unhex(f, tc.in), uint64(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		want, wantCode, complete := naive(in)
		rng := rand.New(rand.NewPCG(seed, 0))
		for _, parts := range [][][]byte{
			{bytes.Clone(in)}, cut(bytes.Clone(in), 1), cutRandom(rng, bytes.Clone(in), 1+rng.IntN(20)),
		} {
			got, err := receive(t, NewReceiver(ReceiverConfig{}), parts)
			code := codeOf(t, err)
			if !slices.Equal(got, want) || code != wantCode && (complete || code != StatusInvalidPayload) {
				t.Fatalf("% X\n got %q, %v\nwant %q, code %d", in, got, err, want, wantCode)
			}
		}

		r := NewReceiver(ReceiverConfig{Streaming: true, Limits: Limits{MaxMessage: DefaultMaxMessage}})
		var got []string
		var message []byte
		var err error
		for _, p := range cutRandom(rng, bytes.Clone(in), 1+rng.IntN(20)) {
			var items []Item
			items, err = r.Receive(nil, p)
			for _, item := range items {
				if item.Opcode.IsData() {
					if item.First {
						message = nil
					}
					message = append(message, item.Payload...)
					if !item.Final {
						continue
					}
					item.First, item.Payload = true, message
				}
				got = append(got, describe(item))
			}
			if err != nil {
				break
			}
		}
		code := codeOf(t, err)
		if !slices.Equal(got, want) || code != wantCode && (complete || code != StatusInvalidPayload) {
			t.Fatalf("% X streaming\n got %q, %v\nwant %q, code %d", in, got, err, want, wantCode)
		}
	})
}

package wire

// This file tests which messages and errors a Receiver returns.

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// describe writes an item as one word per field that is set, such as
// `text "Hello"`, `close 1000 "bye"`.
func describe(i Item) string {
	s := i.Opcode.String()
	if i.Opcode == OpClose {
		return fmt.Sprintf("%s %d %q", s, i.Code, i.Reason())
	}
	if !i.First || !i.Final {
		s += fmt.Sprintf(" first=%v final=%v", i.First, i.Final)
	}
	return fmt.Sprintf("%s %q", s, i.Payload)
}

// receive feeds the parts to r and describes the items. It checks what must hold for
// any input.
func receive(t testing.TB, r *Receiver, parts [][]byte) ([]string, error) {
	t.Helper()
	var got []string
	var owned []Item // may be kept: has to stay as it was
	var wanted []string
	for _, p := range parts {
		items, err := r.Receive([]Item{{Opcode: 0xF}}, p)
		if len(items) == 0 || items[0].Opcode != 0xF {
			t.Fatalf("Receive did not append to its items: %v", items)
		}
		for _, item := range items[1:] {
			got = append(got, describe(item))
			if item.Owned {
				owned, wanted = append(owned, item), append(wanted, describe(item))
			}
			if closed := item.Opcode == OpClose; closed && !r.Closed() {
				t.Fatal("Closed() = false after an item with OpClose")
			}
		}
		if err != nil {
			if items, again := r.Receive(nil, []byte{0x81, 0}); again != err || len(items) != 0 {
				t.Fatalf("after error %v: %v, %v", err, items, again)
			}
			if r.Space() != nil {
				t.Fatal("Space() after an error is not nil")
			}
			return got, err
		}
		clear(p) // the input is used for something else
	}
	for i := range owned {
		if now := describe(owned[i]); now != wanted[i] {
			t.Fatalf("owned item %s became %s", wanted[i], now)
		}
	}
	return got, nil
}

var receiverCases = []struct {
	name    string
	in      string
	want    []string
	fail    StatusCode
	section string
}{
	// req: 6455-5.4-01
	{"one frame", "81 05 48 65 6C 6C 6F", []string{`text "Hello"`}, 0, ""},
	// req: 6455-5.2-07
	{
		"all six opcodes", "01 01 61 80 01 62 82 01 63 89 01 64 8A 01 65 88 02 03 E8",
		[]string{`text "ab"`, `binary "c"`, `ping "d"`, `pong "e"`, `close 1000 ""`}, 0, "",
	},
	// req: 6455-5.2-09
	{
		"lengths", "81 00 82 00 82 01 61 82 7D 61*125 82 7E 00 7E 61*126 82 7E 01 00 61*256",
		[]string{
			`text ""`, `binary ""`, `binary "a"`, `binary "` + strings.Repeat("a", 125) + `"`,
			`binary "` + strings.Repeat("a", 126) + `"`, `binary "` + strings.Repeat("a", 256) + `"`,
		}, 0, "",
	},
	// req: 6455-5.2-08 6455-5.2-13
	{"no key", "82 04 00 00 00 00 81 01 61", []string{`binary "\x00\x00\x00\x00"`, `text "a"`}, 0, ""},
	// req: 6455-5.4-02
	{
		"fragments", "01 03 48 65 6C 80 02 6C 6F 82 01 00 02 01 01 00 01 02 00 00 00 01 03 80 00 01 00 00 00 80 00 01 00 80 01 61 81 01 64",
		[]string{`text "Hello"`, `binary "\x00"`, `binary "\x01\x02\x03"`, `text ""`, `text "a"`, `text "d"`}, 0, "",
	},
	// req: 6455-5.4-03
	{"type of the first fragment", "02 01 FF 80 01 FE", []string{`binary "\xff\xfe"`}, 0, ""},
	// req: 6455-5.4-11
	{"ping between fragments", "01 03 48 65 6C 89 02 70 31 80 02 6C 6F", []string{`ping "p1"`, `text "Hello"`}, 0, ""},
	// req: 6455-5.4-09
	{"text inside text", "01 01 61 81 01 62", nil, 1002, "RFC 6455 §5.4"},
	{"binary inside text", "01 01 61 02 01 62", nil, 1002, "RFC 6455 §5.4"},
	{"longer text inside text", "01 01 61 81 04 62 63 64 65", nil, 1002, "RFC 6455 §5.4"},
	{"text inside empty text", "01 00 81 01 62", nil, 1002, "RFC 6455 §5.4"},
	// req: 6455-5.4-10
	{"continuation first", "80 01 61", nil, 1002, "RFC 6455 §5.4"},
	{"unfinished continuation first", "00 01 61", nil, 1002, "RFC 6455 §5.4"},
	{"continuation after the end", "01 01 61 80 01 62 00 01 63", []string{`text "ab"`}, 1002, "RFC 6455 §5.4"},
	{"empty continuation first", "80 00", nil, 1002, "RFC 6455 §5.4"},
	// req: 6455-5.2-06
	{"message before a violation", "81 01 61 83 00", []string{`text "a"`}, 1002, "RFC 6455 §5.2"},
	{"control frame before a violation", "89 01 61 C1 00", []string{`ping "a"`}, 1002, "RFC 6455 §5.2"},
	// req: 6455-5.1-03
	{"masked", "81 01 61 81 85 37 FA 21 3D 7F 9F 4D 51 58", []string{`text "a"`}, 1002, "RFC 6455 §5.1"},
	{"masked, 16 bits", "82 FE 01 00 00*260", nil, 1002, "RFC 6455 §5.1"},
	// req: 6455-5.2-12
	{"124 in 16 bits", "82 7E 00 7C 00*124", nil, 1002, "RFC 6455 §5.2"},
	{"125 in 16 bits", "82 7E 00 7D 00*125", nil, 1002, "RFC 6455 §5.2"},
	{"5 in 64 bits", "82 7F 00 00 00 00 00 00 00 05 00*5", nil, 1002, "RFC 6455 §5.2"},
	// A cut inside a frame, before bytes that look like another one.
	{"header in a header", "82 7E 00 81 00*129", []string{`binary "` + strings.Repeat(`\x00`, 129) + `"`}, 0, ""},
	{"header in a payload", "82 04 81 00 81 00 89 04 81 00 81 00", []string{`binary "\x81\x00\x81\x00"`, `ping "\x81\x00\x81\x00"`}, 0, ""},
	// req: 6455-5.2-10
	{"top bit of the length", "82 7F 80 00 00 00 00 00 00 00", nil, 1002, "RFC 6455 §5.2"},
	// req: 6455-5.4-06
	{"fragmented ping", "09 01 61 80 01 62", nil, 1002, "RFC 6455 §5.5"},
	// req: 6455-5.5-02
	{"ping of 126 bytes", "89 7E 00 7E 00*126", nil, 1002, "RFC 6455 §5.5"},
	{"ping of 125 bytes", "89 7D 61*125", []string{`ping "` + strings.Repeat("a", 125) + `"`}, 0, ""},
	// req: 6455-5.5.3-01
	{"pings", "89 00 89 05 48 65 6C 6C 6F 89 08 00 FF FE FD FC FB 00 FF", []string{`ping ""`, `ping "Hello"`, `ping "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"`}, 0, ""},
	// req: 6455-5.5.1-01
	{"close without status", "88 00", []string{`close 1005 ""`}, 0, ""},
	{"close with reason", "88 05 03 E8 62 79 65", []string{`close 1000 "bye"`}, 0, ""},
	// req: 6455-5.5.1-14 6455-5.5.2-03
	{"text after close", "88 02 03 E8 81 01 61", []string{`close 1000 ""`}, 0, ""},
	{"close after close", "88 02 03 E8 88 00", []string{`close 1000 ""`}, 0, ""},
	{"violation after close", "88 02 03 E8 83 00", []string{`close 1000 ""`}, 0, ""},
	{"garbage after close", "88 02 03 E8 FF*30", []string{`close 1000 ""`}, 0, ""},
	{"ping after close", "88 02 03 E8 89 01 61", []string{`close 1000 ""`}, 0, ""},
	// req: 6455-5.5.1-16
	{"close inside a message", "01 01 61 88 02 03 E8 80 01 62", []string{`close 1000 ""`}, 0, ""},
	// req: 6455-5.5.1-15
	{"close with one byte", "88 01 03", nil, 1002, "RFC 6455 §5.5.1"},
	// req: 6455-7.4.1-03
	{"close 1004", "88 02 03 EC", nil, 1002, "RFC 6455 §7.4"},
	{"close 1005", "88 02 03 ED", nil, 1002, "RFC 6455 §7.4"},
	{"close 1006", "88 02 03 EE", nil, 1002, "RFC 6455 §7.4"},
	{"close 1015", "88 02 03 F7", nil, 1002, "RFC 6455 §7.4"},
	// req: 6455-7.4.2-01 6455-7.4.2-03
	{"close 0", "88 02 00 00", nil, 1002, "RFC 6455 §7.4"},
	{"close 5000", "88 02 13 88", nil, 1002, "RFC 6455 §7.4"},
	// req: 6455-7.4.2-02
	{"close 4999", "88 02 13 87", []string{`close 4999 ""`}, 0, ""},
	// req: 6455-8.1-05
	{"close reason cut off", "88 05 03 E8 CE BA ED", nil, 1007, "RFC 6455 §8.1"},
	{"close reason with surrogate", "88 05 03 E8 ED A0 80", nil, 1007, "RFC 6455 §8.1"},
	// req: 6455-5.6-03 6455-8.1-04
	{
		"characters cut by fragments", "01 01 E2 89 01 FF 00 01 82 80 01 AC 81 01 61 01 01 F0 00 01 9F 00 01 98 80 01 80",
		[]string{`ping "\xff"`, `text "€"`, `text "a"`, `text "😀"`}, 0, "",
	},
	{"message ends inside a character", "81 01 61 01 01 E2 80 00", []string{`text "a"`}, 1007, "RFC 6455 §8.1"},
	{"frame ends inside a character", "81 02 E2 82", nil, 1007, "RFC 6455 §8.1"},
	{"UTF-8 starts anew", "81 01 61 01 01 E2 80 02 82 AC 81 01 82", []string{`text "a"`, `text "€"`}, 1007, "RFC 6455 §8.1"},
	// req: 6455-8.1-01
	{"bad UTF-8 over fragments", "01 01 E2 80 01 41", nil, 1007, "RFC 6455 §8.1"},
	// req: 6455-8.1-03
	{"bad UTF-8 in an unfinished frame", "81 14 61 62 FF", nil, 1007, "RFC 6455 §8.1"},
	{"bad UTF-8 in an unfinished message", "01 0B CE BA E1 BD B9 CF 83 CE BC CE B5 00 04 F4 90 80 80", nil, 1007, "RFC 6455 §8.1"},
	{"impossible character in an unfinished frame", "81 14 61 F4 90", nil, 1007, "RFC 6455 §8.1"},
	// req: 6455-5.6-04
	{"binary is not UTF-8", "82 03 FF C0 80", []string{`binary "\xff\xc0\x80"`}, 0, ""},
	{"unfinished", "81 01 61 81 05 48 65", []string{`text "a"`}, 0, ""},
	{"nothing", "", nil, 0, ""},
}

func TestReceiver(t *testing.T) {
	for _, tc := range receiverCases {
		t.Run(tc.name, func(t *testing.T) {
			eachCut(unhex(t, tc.in), func(name string, parts [][]byte) {
				got, err := receive(t, NewReceiver(ReceiverConfig{}), parts)
				if !slices.Equal(got, tc.want) {
					t.Errorf("cut %s: items %q, want %q", name, got, tc.want)
				}
				if codeOf(t, err) != tc.fail || sectionOf(err) != tc.section {
					t.Errorf("cut %s: error %v, want code %d of %q", name, err, tc.fail, tc.section)
				}
			})
		})
	}
}

// The same cases, masked, for the other end.
func TestReceiverServer(t *testing.T) {
	for _, tc := range receiverCases {
		if tc.section == "RFC 6455 §5.1" || tc.section == "RFC 6455 §5.2" {
			continue // about the header, or masked already
		}
		t.Run(tc.name, func(t *testing.T) {
			var in []byte
			for plain := unhex(t, tc.in); len(plain) > 0; {
				h, n, err := ParseHeader(plain)
				if err != nil || n == 0 {
					in = append(in, plain...) // garbage after a Close
					break
				}
				size := min(int(h.Length), len(plain)-n)
				payload := plain[n : n+size]
				plain = plain[n+size:]
				h.Masked, h.Key = true, frameKey
				in = AppendHeader(in, h)
				in = append(in, payload...)
				MaskCopy(in[len(in)-size:], payload, frameKey, 0)
			}
			eachCut(in, func(name string, parts [][]byte) {
				got, err := receive(t, NewReceiver(ReceiverConfig{Role: Server}), parts)
				if !slices.Equal(got, tc.want) || codeOf(t, err) != tc.fail {
					t.Errorf("cut %s: items %q, error %v, want %q, code %d", name, got, err, tc.want, tc.fail)
				}
			})
		})
	}
	// For the other end:
	// req: 6455-5.1-03
	for _, in := range []string{"81 01 61", "82 00 82 00", "82 7E 00 7E 61*126"} {
		r := NewReceiver(ReceiverConfig{Role: Server})
		items, err := r.Receive(nil, unhex(t, in))
		if len(items) != 0 || sectionOf(err) != "RFC 6455 §5.1" {
			t.Errorf("unmasked %s: %v, %v, want a violation of §5.1", in, items, err)
		}
	}
}

// req: 6455-8.1-01 6455-8.1-02
func TestReceiverUTF8(t *testing.T) {
	for _, s := range utf8Valid {
		text := unhex(t, s)
		eachCut(AppendServerFrame(nil, true, 0, OpText, text), func(name string, parts [][]byte) {
			got, err := receive(t, NewReceiver(ReceiverConfig{}), parts)
			if want := []string{fmt.Sprintf("text %q", text)}; err != nil || !slices.Equal(got, want) {
				t.Errorf("%s cut %s: %q, %v, want %q", s, name, got, err, want)
			}
		})
	}
	for _, s := range utf8Invalid {
		text := unhex(t, s)
		eachCut(AppendServerFrame(nil, true, 0, OpText, text), func(name string, parts [][]byte) {
			got, err := receive(t, NewReceiver(ReceiverConfig{}), parts)
			if codeOf(t, err) != StatusInvalidPayload || len(got) != 0 {
				t.Errorf("%s cut %s: %q, %v, want code 1007", s, name, got, err)
			}
		})
	}
}

// The error comes with the byte that makes it certain.
//
// req: 6455-8.1-03
func TestReceiverUTF8Early(t *testing.T) {
	for _, s := range utf8Invalid {
		text := unhex(t, s)
		r := NewReceiver(ReceiverConfig{})
		if _, err := r.Receive(nil, unhex(t, "01 7D")); err != nil {
			t.Fatal(err)
		}
		for i := range text {
			_, err := r.Receive(nil, text[i:i+1])
			if want := !possible(text[:i+1]); (err != nil) != want {
				t.Errorf("after % X: error %v, want one: %v", text[:i+1], err, want)
			}
			if err != nil {
				break
			}
		}
	}
}

// A text cut in any way is the same text.
//
// req: 6455-5.4-07 6455-5.4-13 6455-5.6-03 6455-5.6-04
func TestReceiverFragments(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	messages := map[string][]byte{"binary": all}
	for _, s := range samples {
		messages[s.name] = sample(s.text, 1000)
	}
	for name, payload := range messages {
		op := OpText
		if name == "binary" {
			op = OpBinary
		}
		for _, most := range []int{1, 2, 7, 300} {
			fragments := cutRandom(rng, payload, most)
			fragments = append(fragments, nil)
			var in []byte
			var want []string
			for i, f := range fragments {
				fragmentOp := OpContinuation
				if i == 0 {
					fragmentOp = op
				}
				in = AppendServerFrame(in, i == len(fragments)-1, 0, fragmentOp, f)
				if i < len(fragments)-1 && rng.IntN(10) == 0 {
					in = AppendServerFrame(in, true, 0, OpPing, []byte{byte(i)})
					want = append(want, describe(Item{Opcode: OpPing, First: true, Final: true, Payload: []byte{byte(i)}}))
				}
			}
			want = append(want, describe(Item{Opcode: op, First: true, Final: true, Payload: payload}))
			eachCut(in, func(cutName string, parts [][]byte) {
				got, err := receive(t, NewReceiver(ReceiverConfig{}), parts)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%s in fragments of up to %d, cut %s: %q, %v", name, most, cutName, got, err)
				}
			})
		}
	}
}

func TestReceiverOwned(t *testing.T) {
	owned := func(items []Item) (list []bool) {
		for _, i := range items {
			list = append(list, i.Owned)
		}
		return list
	}
	for _, tc := range []struct {
		name  string
		parts []string
		want  []bool
	}{
		{"whole frames", []string{"81 01 61 82 00 89 01 61 88 02 03 E8"}, []bool{false, false, false, false}},
		{"a whole message of 65,536 bytes", []string{"82 7F 00 00 00 00 00 01 00 00 61*65536"}, []bool{false}},
		{"header before the payload", []string{"81 01", "61 89 01", "62"}, []bool{false, false}},
		{"cut payload", []string{"81 02 61", "62 89 02 61", "62"}, []bool{true, true}},
		{"fragments", []string{"01 01 61 80 01 62"}, []bool{true}},
		{"only one fragment has bytes", []string{"01 00 80 01 62"}, []bool{false}},
		{"cut close", []string{"88 02 03", "E8"}, []bool{true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewReceiver(ReceiverConfig{})
			var items []Item
			for _, part := range tc.parts {
				p := unhex(t, part)
				n := len(items)
				var err error
				if items, err = r.Receive(items, p); err != nil {
					t.Fatal(err)
				}
				for _, item := range items[n:] {
					inside := false
					if len(item.Payload) > 0 {
						for i := range p {
							inside = inside || &p[i] == &item.Payload[0]
						}
						if inside == item.Owned {
							t.Errorf("%s: Owned = %v, slice of the input: %v", item.Opcode, item.Owned, inside)
						}
					}
					if !item.Owned && cap(item.Payload) != len(item.Payload) {
						t.Errorf("%s: appending to the payload would change the input", item.Opcode)
					}
				}
			}
			if got := owned(items); !slices.Equal(got, tc.want) {
				t.Errorf("Owned = %v, want %v", got, tc.want)
			}
		})
	}
}

// req: 6455-10.4-01 6455-10.4-02 6455-10.4-03
func TestReceiverLimits(t *testing.T) {
	frag := func(parts ...int) (in []byte) { // one binary message
		for i, n := range parts {
			op := OpContinuation
			if i == 0 {
				op = OpBinary
			}
			in = AppendServerFrame(in, i == len(parts)-1, 0, op, make([]byte, n))
		}
		return in
	}
	for _, tc := range []struct {
		name   string
		limits Limits
		stream bool
		in     []byte
		want   *LimitError // nil: accepted
	}{
		{"1000 in one frame", Limits{MaxMessage: 1000}, false, frag(1000), nil},
		{"1000 in fragments", Limits{MaxMessage: 1000}, false, frag(500, 0, 500), nil},
		{"1001 in one frame", Limits{MaxMessage: 1000}, false, frag(1001), &LimitError{"message size", 1000, 1001}},
		{"1001 in fragments", Limits{MaxMessage: 1000}, false, frag(500, 0, 501), &LimitError{"message size", 1000, 1001}},
		{"short message, shorter limit", Limits{MaxMessage: 10}, false, frag(11), &LimitError{"message size", 10, 11}},
		{"short message at the limit", Limits{MaxMessage: 10}, false, frag(10), nil},
		{"frame at its limit", Limits{MaxFrame: 10}, false, frag(10, 10), nil},
		{"frame over its limit", Limits{MaxFrame: 10}, false, frag(10, 11), &LimitError{"frame size", 10, 11}},
		{"fragments at the limit", Limits{MaxFragments: 3}, false, frag(1, 0, 1), nil},
		{"the next message counts anew", Limits{MaxMessage: 1000, MaxFragments: 2}, false, append(frag(500, 100), frag(500, 100)...), nil},
		{"fragments over the limit", Limits{MaxFragments: 3}, false, frag(1, 0, 0, 1), &LimitError{"number of fragments", 3, 4}},
		{"default message size", Limits{}, false, frag(DefaultMaxMessage), nil},
		{"default message size passed", Limits{}, false, frag(1, DefaultMaxMessage), &LimitError{"message size", DefaultMaxMessage, DefaultMaxMessage + 1}},
		{"default number of fragments", Limits{}, false, frag(make([]int, DefaultMaxFragments)...), nil},
		{"default number of fragments passed", Limits{}, false, frag(make([]int, DefaultMaxFragments+1)...), &LimitError{"number of fragments", DefaultMaxFragments, DefaultMaxFragments + 1}},
		{"no limit of the number", Limits{MaxFragments: -1}, false, frag(make([]int, DefaultMaxFragments+1)...), nil},
		{"no limit of the size", Limits{MaxMessage: -1}, false, frag(DefaultMaxMessage + 1), nil},
		{"huge header", Limits{}, false, unhex(t, "82 7F 10 00 00 00 00 00 00 00"), &LimitError{"message size", DefaultMaxMessage, 1 << 60}},
		{"huge header, no limit", Limits{MaxMessage: -1}, false, unhex(t, "82 7F 7F FF FF FF FF FF FF FF"), nil},
		{"sum of lengths over 63 bits", Limits{MaxMessage: math.MaxInt64}, false, unhex(t, "02 01 61 80 7F 7F FF FF FF FF FF FF FF"), &LimitError{"message size", math.MaxInt64, math.MaxInt64}},
		{"streaming has no default size", Limits{}, true, unhex(t, "82 7F 10 00 00 00 00 00 00 00"), nil},
		{"streaming has no default number", Limits{}, true, frag(make([]int, DefaultMaxFragments+1)...), nil},
		{"streaming with a limit", Limits{MaxMessage: 1000}, true, frag(500, 501), &LimitError{"message size", 1000, 1001}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewReceiver(ReceiverConfig{Limits: tc.limits, Streaming: tc.stream})
			_, err := r.Receive(nil, tc.in)
			var got *LimitError
			if errors.As(err, &got) != (tc.want != nil) || got != nil && *got != *tc.want {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err != nil && codeOf(t, err) != StatusMessageTooBig {
				t.Errorf("code %d, want 1009", codeOf(t, err))
			}
		})
	}
}

// req: 6455-5.4-14
func TestReceiverStreaming(t *testing.T) {
	for _, tc := range []struct {
		name  string
		parts []string
		want  []string
		fail  StatusCode
	}{
		{"whole", []string{"81 01 61"}, []string{`text "a"`}, 0},
		{"empty", []string{"82 00"}, []string{`binary ""`}, 0},
		{"long, whole", []string{"82 7E 00 80 61*128"}, []string{`binary "` + strings.Repeat("a", 128) + `"`}, 0},
		{"in three inputs", []string{"82 05 61", "62 63", "64 65 81 00"}, []string{
			`binary first=true final=false "a"`, `binary first=false final=false "bc"`,
			`binary first=false final=true "de"`, `text ""`,
		}, 0},
		{"header first", []string{"82", "02", "61", "62"}, []string{
			`binary first=true final=false ""`, `binary first=false final=false "a"`, `binary first=false final=true "b"`,
		}, 0},
		{"fragments", []string{"01 01 61 00 00 89 00 00 01 62 80 00"}, []string{
			`text first=true final=false "a"`, `ping ""`, `text first=false final=false "b"`, `text first=false final=true ""`,
		}, 0},
		{"empty first fragment", []string{"01 00 80 01 61"}, []string{
			`text first=true final=false ""`, `text first=false final=true "a"`,
		}, 0},
		{"character cut", []string{"81 03 E2 82", "AC"}, []string{
			`text first=true final=false "\xe2\x82"`, `text first=false final=true "\xac"`,
		}, 0},
		{"bad character cut", []string{"81 03 61 E2", "28 A1"}, []string{`text first=true final=false "a\xe2"`}, 1007},
		{"ends inside a character", []string{"01 02 61 E2 80 00"}, []string{`text first=true final=false "a\xe2"`}, 1007},
		{"close", []string{"02 01 61 88 00 80 00"}, []string{`binary first=true final=false "a"`, `close 1005 ""`}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewReceiver(ReceiverConfig{Streaming: true})
			var parts [][]byte
			for _, p := range tc.parts {
				parts = append(parts, unhex(t, p))
			}
			got, err := receive(t, r, parts)
			if !slices.Equal(got, tc.want) || codeOf(t, err) != tc.fail {
				t.Errorf("got %q, %v, want %q, code %d", got, err, tc.want, tc.fail)
			}
		})
	}
}

func TestReceiverAllocs(t *testing.T) {
	var in []byte
	for range 100 {
		in = AppendServerFrame(in, true, 0, OpText, sample(samples[1].text, 60))
		in = AppendServerFrame(in, true, 0, OpBinary, make([]byte, 300))
		in = AppendServerFrame(in, true, 0, OpPing, []byte("ping"))
	}
	r := NewReceiver(ReceiverConfig{})
	items := make([]Item, 0, 300)
	if got := testing.AllocsPerRun(100, func() {
		items, err := r.Receive(items, in)
		if len(items) != 300 || err != nil {
			t.Fatal(len(items), err)
		}
	}); got != 0 {
		t.Errorf("%v allocations for whole messages, want 0", got)
	}

	// The buffer for a message in small fragments doubles at least.
	in = AppendServerFrame(in[:0], false, 0, OpBinary, nil)
	for range 1000 {
		in = AppendServerFrame(in, false, 0, OpContinuation, []byte("0123456789"))
	}
	in = AppendServerFrame(in, true, 0, OpContinuation, nil)
	if got := testing.AllocsPerRun(10, func() {
		if items, err := r.Receive(items, in); len(items) != 1 || err != nil {
			t.Fatal(len(items), err)
		}
	}); got > 11 {
		t.Errorf("%v allocations for 1000 fragments of 10 bytes, want 11 at most", got)
	}
}

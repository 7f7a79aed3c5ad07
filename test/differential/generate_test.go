package differential

// This file generates streams: first one without errors, then some of the mutations.

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

// generator makes streams. They depend only on its source.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator {
	return generator{rand.New(rand.NewPCG(seed, 0))}
}

// oneIn returns true once in n times.
func (g generator) oneIn(n int) bool { return g.IntN(n) == 0 }

// choose returns one element of list.
func choose[T any](g generator, list []T) T { return list[g.IntN(len(list))] }

// stream returns the bytes of a stream: a third of them without errors, though perhaps
// truncated, the others with one or two mutations.
func (g generator) stream() []byte {
	frames := g.frames()
	for range choose(g, []int{0, 0, 1, 1, 1, 2}) {
		frames = g.spoil(frames)
	}
	stream := join(frames)
	if g.oneIn(8) {
		stream = stream[:g.IntN(len(stream)+1)]
	}
	if g.oneIn(16) && len(stream) > 0 {
		stream[g.IntN(len(stream))] ^= 1 << g.IntN(8)
	}
	return stream
}

// frames returns at least one frame, all without errors; maybe a Close frame and more
// frames after it, which have no meaning.
func (g generator) frames() []frame {
	frames := g.message(nil)
	for range g.IntN(5) {
		frames = g.message(frames)
	}
	if g.oneIn(2) {
		frames = append(frames, newFrame(true, opClose, g.closePayload()))
		if g.oneIn(4) {
			frames = g.message(frames)
		}
	}
	return frames
}

// message appends a data message, in one to five frames with control frames
// between them, or a control frame.
func (g generator) message(frames []frame) []frame {
	if g.oneIn(4) {
		return append(frames, g.control())
	}
	op, payload := byte(opText), []byte(nil)
	if g.oneIn(2) {
		payload = g.text()
	} else {
		op, payload = opBinary, g.binary(g.size())
	}
	if !g.oneIn(3) {
		return append(frames, newFrame(true, op, payload))
	}
	for range g.IntN(4) {
		n := g.IntN(len(payload) + 1)
		frames = append(frames, newFrame(false, op, payload[:n:n]))
		payload, op = payload[n:], opContinuation
		if g.oneIn(3) {
			frames = append(frames, g.control())
		}
	}
	return append(frames, newFrame(true, op, payload))
}

func (g generator) control() frame {
	return newFrame(true, choose(g, []byte{opPing, opPong}), g.binary(min(g.size(), maxControl)))
}

// size returns the length of a payload: mostly short, sometimes around the lengths at which
// something changes.
func (g generator) size() int {
	switch {
	case g.oneIn(8192):
		return maxMessage - 2 + g.IntN(5)
	case g.oneIn(4096):
		return 65533 + g.IntN(6)
	case g.oneIn(64):
		return g.IntN(2000)
	case g.oneIn(16):
		return 120 + g.IntN(12)
	case g.oneIn(8):
		return 0
	}
	return g.IntN(20)
}

func (g generator) binary(size int) []byte {
	p := make([]byte, 0, size+8)
	for len(p) < size {
		p = binary.LittleEndian.AppendUint64(p, g.Uint64())
	}
	return p[:size]
}

// runeRanges are the code points, by the length of their form in UTF-8.
var runeRanges = [][2]rune{
	{0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, utf8.MaxRune},
}

// text returns UTF-8, with characters of one length or of all.
func (g generator) text() []byte {
	size := g.size()
	p := make([]byte, 0, size+utf8.UTFMax)
	ranges := runeRanges
	if !g.oneIn(4) {
		i := g.IntN(len(ranges))
		ranges = ranges[i : i+1]
	}
	for len(p) < size {
		from := choose(g, ranges)
		r := from[0] + g.Int32N(from[1]-from[0]+1)
		if g.oneIn(4) {
			r = from[g.IntN(2)]
		}
		p = utf8.AppendRune(p, r)
	}
	return p
}

// closeCodes may be in a Close frame: RFC 6455 §7.4.
var closeCodes = []uint16{
	1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
}

// closePayload returns a Close payload without errors.
func (g generator) closePayload() []byte {
	if g.oneIn(4) {
		return nil
	}
	p := binary.BigEndian.AppendUint16(nil, choose(g, closeCodes))
	reason := g.text()
	for len(reason) > maxControl-len(p) {
		_, n := utf8.DecodeLastRune(reason)
		reason = reason[:len(reason)-n]
	}
	return append(p, reason...)
}

// mutations are the faults that a stream can have, each with what it does to frames[i]. The
// result may still be without errors. They must not write to payloads.
var mutations = []struct {
	name  string
	apply func(g generator, frames []frame, i int) []frame
}{
	{"reserved bit", func(g generator, frames []frame, i int) []frame {
		frames[i].first ^= byte(0x10 << g.IntN(3))
		return frames
	}},
	{"opcode", func(g generator, frames []frame, i int) []frame {
		frames[i].first = frames[i].first&^opBits | byte(g.IntN(16))
		return frames
	}},
	{"FIN", func(g generator, frames []frame, i int) []frame {
		frames[i].first ^= finBit
		return frames
	}},
	{"mask", func(g generator, frames []frame, i int) []frame {
		frames[i].masked = !frames[i].masked
		frames[i].key = [4]byte(g.binary(4))
		return frames
	}},
	{"form of length", func(g generator, frames []frame, i int) []frame {
		frames[i].form = choose(g, []int{2, 8})
		return frames
	}},
	{"length", func(g generator, frames []frame, i int) []frame {
		f := &frames[i]
		f.announce(choose(g, []uint64{
			0, f.length + 1, max(f.length, 1) - 1, f.length / 2, 125, 126, 127, 65535, 65536,
			maxMessage, maxMessage + 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1, g.Uint64(),
		}))
		return frames
	}},
	{"long control frame", func(g generator, frames []frame, i int) []frame {
		op := choose(g, []byte{opClose, opPing, opPong})
		frames[i] = newFrame(true, op, g.binary(choose(g, []int{125, 126, 127, 128, 200})))
		return frames
	}},
	{"text", func(g generator, frames []frame, i int) []frame {
		f := frames[i]
		if f.opcode() != opText && f.opcode() != opContinuation {
			f = newFrame(true, opText, g.text())
		}
		frames[i] = newFrame(f.fin(), f.opcode(), g.spoilText(f.payload))
		return frames
	}},
	{"close payload", func(g generator, frames []frame, i int) []frame {
		frames[i] = newFrame(true, opClose, g.spoilClose())
		return frames
	}},
	{"frame lost", func(g generator, frames []frame, i int) []frame {
		return slices.Delete(frames, i, i+1)
	}},
	{"frame twice", func(g generator, frames []frame, i int) []frame {
		return slices.Insert(frames, i, frames[i])
	}},
	{"frames in other order", func(g generator, frames []frame, i int) []frame {
		j := g.IntN(len(frames))
		frames[i], frames[j] = frames[j], frames[i]
		return frames
	}},
	{"frames of another message", func(g generator, frames []frame, i int) []frame {
		return slices.Insert(frames, i, g.message(nil)...)
	}},
}

// spoil applies one of the mutations to one of the frames.
func (g generator) spoil(frames []frame) []frame {
	if len(frames) == 0 {
		return frames
	}
	return choose(g, mutations).apply(g, frames, g.IntN(len(frames)))
}

// badText has bytes that are not UTF-8, or only if others follow: RFC 6455 §8.1.
var badText = []string{
	"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xF0\x8F\xBF\xBF", "\xED\xA0\x80",
	"\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF",
	"\xC3", "\xE2\x82", "\xF0\x9F\x98",
}

// spoilText returns text with a few bytes added, removed or changed.
func (g generator) spoilText(text []byte) []byte {
	from := g.IntN(len(text) + 1)
	to := min(from+g.IntN(2), len(text))
	more := ""
	if !g.oneIn(4) {
		more = choose(g, badText)
	}
	return slices.Concat(text[:from], []byte(more), text[to:])
}

// spoilClose returns a Close payload with a fault.
func (g generator) spoilClose() []byte {
	if g.oneIn(4) {
		return g.binary(1)
	}
	p := binary.BigEndian.AppendUint16(nil, choose(g, closeCodes))
	if g.oneIn(2) {
		return append(p, choose(g, badText)...)
	}
	binary.BigEndian.PutUint16(p, choose(g, []uint16{
		0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535, uint16(g.Uint32()),
	}))
	return p
}

// Streams without mutations are accepted, and each mutation makes one that is not.
func TestGenerator(t *testing.T) {
	spoiled := make([]bool, len(mutations))
	for seed := range uint64(2000) {
		g := newGenerator(seed)
		frames := g.frames()
		stream := join(frames)
		list, err := receive(g, stream)
		if err != nil || list[len(list)-1].kind == failed && !tooBig(frames) {
			t.Fatalf("seed %d: % X\nis %v, %v", seed, stream, list, err)
		}
		for i, m := range mutations {
			other := m.apply(g, slices.Clone(frames), g.IntN(len(frames)))
			list, err := receive(g, join(other))
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, m.name, err)
			}
			spoiled[i] = spoiled[i] || list[len(list)-1].kind == failed
		}
	}
	for i, m := range mutations {
		if !spoiled[i] {
			t.Errorf("nothing fails for %q", m.name)
		}
	}
}

// tooBig reports whether one of the messages exceeds the limit.
func tooBig(frames []frame) bool {
	size := 0
	for _, f := range frames {
		if f.opcode() == opText || f.opcode() == opBinary {
			size = 0
		}
		if size += len(f.payload); !f.control() && size > maxMessage {
			return true
		}
	}
	return false
}

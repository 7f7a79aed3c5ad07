package differential

// This file is the table of known differences that are not bugs of ours.

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// tolerance is a way in which implementations differ from us, and may.
type tolerance struct {
	name string   // what they treat differently
	rule string   // the section with the rule
	id   string   // of the requirement, which we keep
	who  []string // names of the peers
	does string   // what each of them does
	// holds reports whether the bytes of the stream show that the difference is this
	// one. It relies on no implementation.
	holds func(d *difference) bool
	// examples are streams in hex. Each of who differs in this way with at least one of
	// them, and not at all with the others.
	examples []string
}

var tolerances = []tolerance{
	{
		name: "text that is not UTF-8",
		rule: "RFC 6455 §8.1", id: "6455-8.1-01",
		who: []string{nameGorilla, nameCoder}, does: "does not check it: left to the program, by design",
		holds: func(d *difference) bool {
			m := d.message()
			return d.ours.is(failed, 1007) && m.op == opText && !possibleText(m.data, m.whole)
		},
		examples: []string{"81 02 C0 80"},
	},
	{
		name: "length not in its shortest form",
		rule: "RFC 6455 §5.2", id: "6455-5.2-12",
		who: []string{nameGorilla, nameGobwas, nameCoder}, does: "does not check the form",
		holds: func(d *difference) bool {
			f, ok := d.frame()
			return d.ours.is(failed, 1002) && ok && f.form > shortestForm(f.length)
		},
		examples: []string{"82 7E 00 01 61"},
	},
	{
		name: "masked frame from the server",
		rule: "RFC 6455 §5.1", id: "6455-5.1-03",
		who: []string{nameCoder}, does: "does not check the mask bit as a client",
		holds: func(d *difference) bool {
			f, ok := d.frame()
			return d.ours.is(failed, 1002) && ok && f.masked
		},
		examples: []string{"82 81 00 00 00 00 61"},
	},
	{
		name: "stream ends inside a header with an error in its first two bytes",
		rule: "RFC 6455 §5.2", id: "6455-5.2-05",
		who: []string{nameGobwas, nameCoder}, does: "checks a header when it is complete",
		holds: func(d *difference) bool {
			return d.ours.is(failed, 1002) && d.cutHeader() && brokenStart(d.rest[0], d.rest[1]) && d.peerEnded()
		},
		examples: []string{"83 7E 00"},
	},
	{
		name: "stream ends inside the header of a frame that must not follow the one before",
		rule: "RFC 6455 §5.4", id: "6455-5.4-10",
		who: []string{nameGorilla}, does: "checks the order of frames by the first two bytes of a header",
		holds: func(d *difference) bool {
			isNext := d.cutHeader() && d.rest[0]&opBits == opContinuation
			return d.ours.is(ended, 0) && d.theirs.is(failed, 1002) &&
				d.cutHeader() && !isControl(d.rest[0]) && isNext == d.message().fin
		},
		examples: []string{"80 7E 00"},
	},
	{
		name: "length of 2^63 and more",
		rule: "RFC 6455 §7.1.7", id: "6455-5.2-10",
		who: []string{nameGorilla, nameCoder}, does: "fails the connection without a Close frame",
		holds: func(d *difference) bool {
			return d.ours.is(failed, 1002) && d.theirs.is(failed, 0) && d.length() >= 1<<63
		},
		examples: []string{"82 7F 80 00 00 00 00 00 00 00", "82 FF 80 00 00 00 00 00 00 00"},
	},
	{
		name: "lengths that add up to 2^63 and more",
		rule: "RFC 6455 §7.1.7", id: "6455-10.4-03",
		who: []string{nameGorilla}, does: "fails the connection without a Close frame",
		holds: func(d *difference) bool {
			return d.ours.is(failed, 1009) && d.theirs.is(failed, 0) && d.message().length >= 1<<63
		},
		examples: []string{"02 01 61 80 7F 7F FF FF FF FF FF FF FF"},
	},
	{
		name: "message over the limit of which not all has arrived",
		rule: "RFC 6455 §10.4", id: "6455-10.4-01",
		who: []string{nameCoder}, does: "counts the bytes that arrive, not those that are announced",
		holds: func(d *difference) bool {
			m := d.message()
			return d.ours.is(failed, 1009) && m.length > maxMessage && len(m.data) <= maxMessage && d.peerEnded()
		},
		examples: []string{"82 7F 00 00 00 00 00 02 00 01 61"},
	},
	{
		name: "stream ends inside a message",
		rule: "RFC 6455 §5.4", id: "6455-5.4-02",
		who: []string{nameCoder}, does: "delivers what has arrived if the stream ends before a frame or before its payload",
		holds: func(d *difference) bool {
			return d.ours.is(ended, 0) && d.peerTookPart()
		},
		examples: []string{"02 01 61"},
	},
	{
		name: "close payload of one byte",
		rule: "RFC 6455 §5.5.1", id: "6455-5.5.1-15",
		who: []string{nameGorilla}, does: "takes it as none",
		holds: func(d *difference) bool {
			p, ok := d.closePayload()
			return ok && len(p) == 1 && d.ours.is(failed, 1002) && d.theirs == outcome{closed, 1005, ""}
		},
		examples: []string{"88 01 03"},
	},
	{
		name: "close code over 4999",
		rule: "RFC 6455 §7.4.2", id: "6455-7.4.2-03",
		who: []string{nameGobwas}, does: "accepts it",
		holds: func(d *difference) bool {
			p, ok := d.closePayload()
			return ok && d.ours.is(failed, 1002) && d.theirs.is(closed, codeOf(p)) && codeOf(p) > 4999
		},
		examples: []string{"88 02 13 88"},
	},
	{
		name: "close codes 1012 and 1013",
		rule: "RFC 6455 §7.4.2", id: "6455-7.4.1-04",
		who: []string{nameGobwas}, does: "does not know what IANA registered after the RFC",
		holds: func(d *difference) bool {
			return (d.ours.is(closed, 1012) || d.ours.is(closed, 1013)) && d.theirs.is(failed, 1002)
		},
		examples: []string{"88 02 03 F4"},
	},
	{
		name: "close code 1014",
		rule: "RFC 6455 §7.4.2", id: "6455-7.4.1-04",
		who: []string{nameGorilla, nameGobwas}, does: "does not know what IANA registered after the RFC",
		holds: func(d *difference) bool {
			return d.ours.is(closed, 1014) && d.theirs.is(failed, 1002)
		},
		examples: []string{"88 02 03 F6"},
	},
	{
		name: "close reason that is not UTF-8",
		rule: "RFC 6455 §7.4.1", id: "6455-8.1-05",
		who: []string{nameGorilla, nameGobwas}, does: "fails the connection with 1002, not 1007",
		holds: func(d *difference) bool {
			p, ok := d.closePayload()
			return ok && d.ours.is(failed, 1007) && !utf8.Valid(p[2:]) && d.theirs.is(failed, 1002)
		},
		examples: []string{"88 03 03 E8 FF"},
	},
	{
		name: "close reason that is not UTF-8",
		rule: "RFC 6455 §8.1", id: "6455-8.1-05",
		who: []string{nameCoder}, does: "does not check it",
		holds: func(d *difference) bool {
			p, ok := d.closePayload()
			return ok && d.ours.is(failed, 1007) && !utf8.Valid(p[2:]) &&
				d.theirs == outcome{closed, codeOf(p), string(p[2:])}
		},
		examples: []string{"88 03 03 E8 FF"},
	},
}

// difference is the first place where the outcomes of a peer differ from ours.
type difference struct {
	peer         string
	ours, theirs outcome
	// The stream, independent of any implementation. The last byte that we needed for
	// our outcome is in frames[at], or in rest if at is beyond the end.
	frames []frame
	rest   []byte
	at     int
}

// newDifference describes the difference in the i-th outcome.
func newDifference(stream []byte, i int, peer string, ours, theirs outcome) *difference {
	d := &difference{peer: peer, ours: ours, theirs: theirs}
	d.frames, d.rest = split(stream)
	_, ends := decode(stream, false, func() int { return 1 })
	d.at = frameAt(d.frames, ends[min(i, len(ends)-1)]-1)
	return d
}

// explain returns the tolerance that covers d, nil if none does.
func (d *difference) explain() *tolerance {
	for i := range tolerances {
		if t := &tolerances[i]; slices.Contains(t.who, d.peer) && t.holds(d) {
			return t
		}
	}
	return nil
}

func (o outcome) is(k kind, code int) bool { return o.kind == k && o.code == code }

// frame returns the frame of our outcome, if its header is complete.
func (d *difference) frame() (f frame, ok bool) {
	if d.at == len(d.frames) {
		return f, false
	}
	return d.frames[d.at], true
}

// length returns the length in the header of our outcome, even if the key after it is
// missing; 0 if the length itself is.
func (d *difference) length() uint64 {
	f, ok := d.frame()
	if !ok && len(d.rest) >= 2+8 {
		f, _ = splitHeader(append(slices.Clip(d.rest), 0, 0, 0, 0))
	}
	return f.length
}

// cutHeader reports whether we stopped in an incomplete header, after its first two bytes.
func (d *difference) cutHeader() bool { return d.at == len(d.frames) && len(d.rest) >= 2 }

// closePayload returns the payload of the frame of our outcome if that is a Close frame that
// follows the rules for headers.
func (d *difference) closePayload() (p []byte, ok bool) {
	f, ok := d.frame()
	return f.payload, ok && f.first == finBit|opClose && !f.masked && f.form == 0 && f.whole()
}

// message is a data message, or the beginning of one.
type message struct {
	op     byte   // of its first frame
	data   []byte // what has arrived
	length uint64 // announced by its headers
	fin    bool   // its last frame has FIN
	whole  bool   // it is complete
}

// message returns the message to which the last data frame belongs, up to the frame of our
// outcome. fin and whole are set if there is none.
func (d *difference) message() message {
	m := message{fin: true, whole: true}
	for _, f := range d.frames[:min(d.at+1, len(d.frames))] {
		if f.control() {
			continue
		}
		if f.opcode() != opContinuation {
			m = message{op: f.opcode()}
		}
		m.data = append(m.data, f.payload...)
		m.length += f.length
		m.fin = f.fin()
		m.whole = m.fin && f.whole()
	}
	return m
}

// peerTookPart reports whether the peer delivered the part of a message that had arrived by
// the end of the stream.
func (d *difference) peerTookPart() bool {
	m := d.message()
	return d.at >= len(d.frames)-1 && !m.whole && d.theirs.kind == kindOf(m.op) && d.theirs.data == string(m.data)
}

// peerEnded reports whether the peer found nothing but the end of the stream.
func (d *difference) peerEnded() bool {
	return d.theirs.is(ended, 0) || d.peer == nameCoder && d.peerTookPart()
}

// brokenStart reports whether the first two bytes of a header violate a rule for a frame
// from the server: RFC 6455 §5.1, §5.2, §5.5.
func brokenStart(first, second byte) bool {
	known := []byte{opContinuation, opText, opBinary, opClose, opPing, opPong}
	return bytes.IndexByte(known, first&opBits) < 0 ||
		first&rsvBits != 0 ||
		second&maskBit != 0 ||
		isControl(first) && (first&finBit == 0 || second&lenBits > maxControl)
}

// possibleText reports whether p is UTF-8 or the beginning of it.
func possibleText(p []byte, all bool) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 {
			return !all && !utf8.FullRune(p)
		}
		p = p[n:]
	}
	return true
}

// codeOf returns the code in a Close payload, 0 if there is none.
func codeOf(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	return int(p[0])<<8 | int(p[1])
}

package conformance_test

// This file tests families of cases: frame headers in every combination, and frames in
// every order. The expected outcome comes from a second, simple implementation of RFC 6455
// (reference), which shares nothing with the library.

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// serverFrame is a frame from the server: its first byte and its payload.
type serverFrame struct {
	first   byte
	payload string
}

func (f serverFrame) String() string { return fmt.Sprintf("%02X %q", f.first, f.payload) }

func (f serverFrame) bytes() []byte {
	p := frame(true, 0, []byte(f.payload))
	p[0] = f.first
	return p
}

// prediction is what a client must do with some frames.
type prediction struct {
	messages []dataMessage
	pongs    []string
	failure  wire.StatusCode // 0: the connection stays open
}

type dataMessage struct {
	kind messages.Kind
	data string
}

// reference predicts the outcome of frames without a Close, when no extension is in use.
func reference(frames []serverFrame) (p prediction) {
	var open byte // opcode of the unfinished message
	var data string
	for _, f := range frames {
		fin, op := f.first&0x80 != 0, f.first&0x0F
		p.failure = wire.StatusProtocolError
		switch {
		case f.first&0x70 != 0: // §5.2
			return p
		case op >= 3 && op <= 7 || op >= 0xB: // §5.2
			return p
		case op >= 8 && (!fin || len(f.payload) > 125): // §5.5
			return p
		case op == 0 && open == 0: // §5.4
			return p
		case (op == 1 || op == 2) && open != 0: // §5.4
			return p
		}
		p.failure = 0
		switch op {
		case 9:
			p.pongs = append(p.pongs, f.payload)
			continue
		case 10:
			continue
		case 1, 2:
			open = op
		}
		data += f.payload
		if open == 1 && fin && !utf8.ValidString(data) {
			p.failure = wire.StatusInvalidPayload
			return p
		}
		if fin {
			p.messages = append(p.messages, dataMessage{messages.Kind(open), data})
			open, data = 0, ""
		}
	}
	return p
}

// expectPrediction waits for the predicted outcome. If the connection stays open, the
// server then closes it.
func (s *session) expectPrediction(p prediction) {
	s.Helper()
	for _, pong := range p.pongs {
		s.server.ExpectPong([]byte(pong))
	}
	if p.failure != 0 {
		s.server.Within(time.Second).ExpectFailure(p.failure)
	}
	for _, m := range p.messages {
		s.expectMessage(m.kind, []byte(m.data))
	}
	if p.failure != 0 {
		s.expectFailureReported(p.failure)
	} else {
		s.closeFromServer()
	}
}

// positions are the positions on the connection in which a frame is tried.
var positions = []struct {
	name   string
	before []serverFrame
}{
	{"first", nil},
	{"after a message", []serverFrame{{0x81, "a"}}},
	{"inside a message", []serverFrame{{0x01, "a"}}},
	{"after a ping", []serverFrame{{0x89, "p"}}},
	{"after a ping inside a message", []serverFrame{{0x02, "a"}, {0x89, "p"}}},
}

// All patterns of the reserved bits with all opcodes, and all reserved opcodes with and
// without FIN, with lengths of all three forms, in all positions.
//
// req: 6455-5.2-03 6455-5.2-04 6455-5.2-05
func TestHeaderFamily(t *testing.T) {
	type header struct {
		first byte
		size  int
	}
	var headers []header
	for rsv := byte(0x10); rsv <= 0x70; rsv += 0x10 {
		for op := range byte(0x10) {
			headers = append(headers, header{0x80 | rsv | op, int(op) % 3})
		}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		for _, size := range []int{0, 125, 126} {
			headers = append(headers, header{0x80 | op, size}, header{op, size})
		}
	}
	headers = append(headers, header{0x83, 65536}, header{0x8B, 65536})
	bubble(t, func(l *lab) {
		for _, h := range headers {
			for _, at := range positions {
				l.Case(fmt.Sprintf("%02X with %d bytes, %s", h.first, h.size, at.name), func(l *lab) {
					s := l.open(setup{bare: true, server: []wstest.Option{wstest.WithBuffer(128 << 10)}})
					frames := append(at.before[:len(at.before):len(at.before)],
						serverFrame{h.first, string(pattern(h.size))}, serverFrame{0x89, "not answered"})
					for _, f := range frames {
						s.server.WriteRaw(f.bytes())
					}
					p := reference(frames)
					if p.failure != wire.StatusProtocolError {
						s.Fatalf("the prediction is %+v", p)
					}
					s.expectPrediction(p)
				})
			}
		}
	})
}

// Text, binary and continuation frames, each with and without FIN, and pings, in all orders
// of up to four frames; frames after a violation do not vary.
//
// req: 6455-5.4-02 6455-5.4-09 6455-5.4-10
func TestOrdersOfFrames(t *testing.T) {
	const most = 4
	alphabet := []byte{0x81, 0x01, 0x82, 0x02, 0x80, 0x00, 0x89}
	random := rand.New(rand.NewPCG(5, 4))
	count := 0
	bubble(t, func(l *lab) {
		run := func(frames []serverFrame) {
			count++
			frames = append([]serverFrame(nil), frames...)
			var sizes []int
			for range random.IntN(4) {
				sizes = append(sizes, random.IntN(4))
			}
			l.Case(fmt.Sprint(frames), func(l *lab) {
				s := l.open(setup{bare: true})
				var p []byte
				for _, f := range frames {
					p = append(p, f.bytes()...)
				}
				s.server.WriteSplit(p, sizes...)
				s.expectPrediction(reference(frames))
			})
		}
		var extend func(frames []serverFrame)
		extend = func(frames []serverFrame) {
			if len(frames) == most || reference(frames).failure != 0 {
				run(frames)
				return
			}
			for _, first := range alphabet {
				extend(append(frames, serverFrame{first, string(rune('a' + len(frames)))}))
			}
		}
		extend(nil)
	})
	if want := 673; count != want {
		t.Errorf("%d orders were tried, want %d", count, want)
	}
}

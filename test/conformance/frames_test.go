package conformance_test

// This file tests the base framing protocol: RFC 6455 §5.1, §5.2, §5.6, §6.2.

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// Each of these frames fails the connection with 1002, at once and without an answer to
// the ping after it.
func TestFramingViolations(t *testing.T) {
	type violation struct{ name, hex string }
	cases := []violation{
		// req: 6455-5.2-03
		{"RSV1", "C1 05 48656C6C6F"},
		// req: 6455-5.2-04
		{"RSV2 on text", "A1 01 61"},
		{"RSV3 on text", "91 01 61"},
		{"RSV2 and RSV3 on text", "B1 01 61"},
		{"RSV2 on a ping", "A9 00"},
		{"RSV3 on a pong", "9A 00"},
		{"all RSV bits on a close", "F8 00"},
		// req: 6455-5.2-10
		{"length with its top bit set", "82 7F 8000000000000000"},
		// req: 6455-5.2-12
		{"124 bytes with a 16-bit length", "82 7E 007C" + strings.Repeat("00", 124)},
		{"5 bytes with a 64-bit length", "82 7F 0000000000000005 0000000000"},
	}
	// req: 6455-5.2-05
	for _, op := range []int{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		cases = append(cases,
			violation{fmt.Sprintf("opcode %X", op), fmt.Sprintf("8%X 00, 89 00", op)},
			violation{fmt.Sprintf("opcode %X with a payload", op), fmt.Sprintf("8%X 05 48656C6C6F, 89 00", op)})
	}
	bubble(t, func(l *lab) {
		for _, c := range cases {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(wstest.Hex(c.hex))
				s.expectFailed(wire.StatusProtocolError)
			})
		}
	})
}

// Messages before a violation are delivered, even if they came in the same segment.
//
// req: 6455-5.2-06
func TestMessagesBeforeAViolation(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("81 01 61, 83 00"))
		s.expectText("a")
		s.expectFailed(wire.StatusProtocolError)
	})
}

// The six opcodes mean what the RFC says.
//
// req: 6455-5.2-07
func TestOpcodes(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("01 01 61, 80 01 62, 82 01 63, 89 01 64, 8A 01 65, 88 02 03E8"))
		s.server.ExpectPong([]byte("d"))
		s.server.ExpectClose(wire.StatusNormal)
		s.server.Close()
		s.expectText("ab")
		s.expectBinary([]byte("c"))
		s.expectClosed(wire.StatusNormal, "")
	})
}

// Server frames have no key: the payload follows the length.
//
// req: 6455-5.2-08
func TestServerFramesHaveNoKey(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("82 04 00000000"))
		s.server.WriteRaw(wstest.Hex("81 01 61"))
		s.expectBinary(make([]byte, 4))
		s.expectText("a")
		s.closeFromServer()
	})
}

// Lengths are received in all three forms.
//
// req: 6455-5.2-09
func TestReceivedLengths(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{client: dandelion.Options{
			MaxMessage: 1 << 20,
		}})
		s.server.WriteRaw(wstest.Hex("81 00"))
		s.expectText("")
		for _, c := range []struct {
			header string
			size   int
		}{
			{"82 00", 0},
			{"82 01", 1},
			{"82 7D", 125},
			{"82 7E 007E", 126},
			{"82 7E 0100", 256},
			{"82 7E FFFF", 65535},
			{"82 7F 0000000000010000", 65536},
		} {
			payload := pattern(c.size)
			s.server.WriteRaw(append(wstest.Hex(c.header), payload...))
			s.expectBinary(payload)
		}
		s.closeFromServer()
	})
}

// Sent lengths are in the shortest form; key and payload follow.
//
// req: 6455-5.2-11 6455-5.3-05
func TestSentLengths(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for _, c := range []struct {
			size   int
			header string // without the mask bit
			total  int
		}{
			{0, "82 00", 6},
			{1, "82 01", 7},
			{5, "82 05", 11},
			{125, "82 7D", 131},
			{126, "82 7E 007E", 134},
			{65535, "82 7E FFFF", 65543},
			{65536, "82 7F 0000000000010000", 65550},
		} {
			payload := pattern(c.size)
			s.check(s.client.Send(dandelion.Binary(payload)))
			f := s.server.ExpectBinary(payload)
			header := wstest.Hex(c.header)
			header[1] |= 0x80
			if got := f.Raw[:len(header)]; !bytes.Equal(got, header) {
				s.Errorf("%d bytes: header is % X, want % X", c.size, got, header)
			}
			if len(f.Raw) != c.total {
				s.Errorf("%d bytes: the frame has %d bytes, want %d", c.size, len(f.Raw), c.total)
			}
		}
		// The next byte on the wire is that of the next frame.
		s.closeFromServer()
	})
}

// A message in one frame has FIN, its opcode and its data.
//
// req: 6455-5.2-01
func TestSingleFrames(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for _, c := range []struct {
			kind   messages.Kind
			data   []byte
			header string
		}{
			{messages.KindText, []byte("Hello"), "81 85"},
			{messages.KindBinary, []byte{1}, "82 81"},
		} {
			s.check(s.client.Write(s.ctx, dandelion.NewMessage(c.kind, c.data)))
			f := s.server.ReadFrame()
			want := wstest.Hex(c.header)
			if len(f.Raw) != 2+4+len(c.data) || !bytes.Equal(f.Raw[:2], want) {
				s.Errorf("got % X, want % X, a key and %d bytes", f.Raw, want, len(c.data))
			}
			for i, b := range f.Raw[6:] {
				if got := b ^ f.Raw[2+i%4]; got != c.data[i] {
					s.Errorf("byte %d unmasks to %02X, want %02X", i, got, c.data[i])
				}
			}
		}
	})
}

// The reserved bits are zero in every kind of frame sent.
//
// req: 6455-5.2-02
func TestSentReservedBits(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for _, f := range s.sendEveryKind() {
			if got := f.Raw[0] & 0x70; got != 0 {
				s.Errorf("%v: reserved bits are %02X, want 00", f, got)
			}
		}
	})
}

// sendEveryKind makes the client send text, binary, a fragmented message, a ping,
// a pong and a close, and returns these seven frames.
func (s *session) sendEveryKind() []wstest.Frame {
	s.Helper()
	s.check(s.client.Write(s.ctx, dandelion.Text("text")))
	s.check(s.client.Write(s.ctx, dandelion.Binary([]byte("binary"))))
	w := s.client.Writer(s.ctx, messages.KindText)
	for _, part := range []string{"first", "second"} {
		_, err := w.Write([]byte(part))
		s.check(err)
	}
	s.check(w.WriteFinal([]byte("final")))
	frames := s.readFrames("01text", "02binary", "01first", "00second", "80final")
	s.check(s.client.SendPing([]byte("ping")))
	frames = append(frames, s.readFrames("89ping")...)
	s.server.SendPing([]byte("for the pong"))
	frames = append(frames, s.readFrames("8Afor the pong")...)
	closed := s.startClose(wire.StatusNormal, "close")
	frames = append(frames, s.readFrames("88\x03\xE8close")...)
	s.server.SendClose(wire.StatusNormal, "")
	s.server.Close()
	s.check(<-closed)
	return frames
}

// readFrames reads one frame for each of want, which is the opcode in
// hexadecimal, FIN in its top bit, and the payload. Single data frames may
// leave FIN out.
func (s *session) readFrames(want ...string) []wstest.Frame {
	s.Helper()
	var frames []wstest.Frame
	for _, w := range want {
		f := s.server.ReadFrame()
		first := wstest.Hex(w[:2])[0]
		if f.Opcode != wire.Opcode(first&0x0F) || string(f.Payload) != w[2:] {
			s.Fatalf("got %v, want opcode %X and payload %q", f, first&0x0F, w[2:])
		}
		frames = append(frames, f)
	}
	return frames
}

// All of the payload is application data.
//
// The variant with permessage-deflate comes with that extension.
//
// req: 6455-5.2-13
func TestNoExtensionData(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		data := []byte{1, 2, 3, 4}
		s.server.WriteRaw(wstest.Hex("82 04 01020304"))
		s.expectBinary(data)
		s.check(s.client.Write(s.ctx, dandelion.Binary(data)))
		f := s.server.ExpectBinary(data)
		if len(f.Raw) != 10 || f.Raw[0] != 0x82 || f.Raw[1] != 0x84 {
			s.Errorf("got % X, want 82 84, a key and 4 bytes", f.Raw)
		}
		s.closeFromServer()
	})
}

// Sending does not wait for receiving.
//
// req: 6455-5.1-05
func TestFullDuplex(t *testing.T) {
	const size, pieces = 1 << 20, 64
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		message := pattern(size)
		p := frame(true, wire.OpBinary, message)
		pause := time.Second
		sending := s.server.Go(func(c *wstest.Conn) { c.Trickle(p, len(p)/pieces, pause) })
		var writing sync.WaitGroup
		writing.Go(func() {
			for i := range 100 {
				if err := s.client.Write(s.ctx, dandelion.Text(fmt.Sprint(i))); err != nil {
					s.Errorf("write %d: %v", i, err)
				}
			}
		})
		for i := range 100 {
			s.server.ExpectText(fmt.Sprint(i))
		}
		select {
		case <-sending.Done():
			s.Error("the server's message was complete before the client's had arrived")
		default:
		}
		s.server.Within(2 * pieces * pause).ExpectSilence(pieces / 2 * pause)
		s.expectBinary(message)
		sending.Wait()
		writing.Wait()
		s.closeFromServer()
	})
}

// Text and binary are distinguished in both directions.
//
// req: 6455-5.6-01
func TestKindsOfData(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.check(s.client.Write(s.ctx, dandelion.Text("Hello")))
		s.check(s.client.Write(s.ctx, dandelion.Binary([]byte("Hello"))))
		s.server.ExpectFrame(1, []byte("Hello"))
		s.server.ExpectFrame(2, []byte("Hello"))
		s.server.WriteRaw(wstest.Hex("81 01 61, 82 01 61"))
		s.expectMessage(messages.KindText, []byte("a"))
		s.expectMessage(messages.KindBinary, []byte("a"))
		s.closeFromServer()
	})
}

// Binary data passes unchanged, in any fragments.
//
// req: 6455-5.6-04
func TestBinaryPassesUnchanged(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for _, sizes := range [][]int{nil, {1}, {128, 1, 64}, {200, 0, 3, 50}} {
			parts := cut(all, sizes)
			s.server.SendFragments(wire.OpBinary, parts...)
			s.expectBinary(all)

			w := s.client.Writer(s.ctx, messages.KindBinary)
			for _, part := range parts[:len(parts)-1] {
				_, err := w.Write(part)
				s.check(err)
			}
			s.check(w.WriteFinal(parts[len(parts)-1]))
			s.server.ExpectMessage(wire.OpBinary, all)
		}
		s.closeFromServer()
	})
}

// Frames are found however the stream is cut.
//
// req: 6455-6.2-01
func TestAnyCut(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		long := pattern(300)
		five := slicesJoin(
			frame(true, wire.OpText, []byte("one")),
			frame(true, wire.OpBinary, long),
			frame(true, wire.OpPing, []byte("two")),
			frame(false, wire.OpText, []byte("thr")),
			frame(true, wire.OpContinuation, []byte("ee")),
		)
		trickle := s.server.Go(func(c *wstest.Conn) { c.Trickle(five, 1, 10*time.Millisecond) })
		s.expectText("one")
		s.expectBinary(long)
		s.server.ExpectPong([]byte("two"))
		s.expectText("three")
		trickle.Wait()

		var thousand []byte
		for i := range 1000 {
			thousand = append(thousand, frame(true, wire.OpText, fmt.Append(nil, i))...)
		}
		s.server.WriteRaw(thousand)
		for i := range 1000 {
			s.expectText(fmt.Sprint(i))
		}
		s.closeFromServer()
	})
}

// pattern returns size bytes in which no short sequence repeats soon.
func pattern(size int) []byte {
	const period = 65521 // a prime, so that no buffer size divides it
	p := make([]byte, min(size, period), size)
	x := uint32(1)
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return stretch(p, size)
}

// stretch repeats p up to size bytes.
func stretch(p []byte, size int) []byte {
	for len(p) < size {
		p = append(p, p[:min(len(p), size-len(p))]...)
	}
	return p
}

// cut cuts p into pieces of these sizes and the rest.
func cut(p []byte, sizes []int) [][]byte {
	var parts [][]byte
	for _, n := range sizes {
		parts = append(parts, p[:n])
		p = p[n:]
	}
	return append(parts, p)
}

func slicesJoin(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

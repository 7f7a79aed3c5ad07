package conformance_test

// This file tests families of cases: pings and pongs of every size, in every position.

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// maxControl is the largest payload of a control frame.
const maxControl = 125

// Pings of every size are answered with their data, alone, byte by byte, and between the
// fragments of a message; pongs of every size are not answered.
//
// req: 6455-5.5.2-02 6455-5.5.3-01 6455-5.5.3-04 6455-5.4-11
func TestPingFamily(t *testing.T) {
	bubble(t, func(l *lab) {
		l.Case("alone", func(l *lab) {
			s := l.open(setup{})
			for n := range maxControl + 1 {
				s.server.SendPing(pattern(n))
				s.server.ExpectPong(pattern(n))
			}
			s.stillOpen()
		})
		l.Case("byte by byte", func(l *lab) {
			s := l.open(setup{})
			for n := range maxControl + 1 {
				s.server.Trickle(frame(true, wire.OpPing, pattern(n)), 1, 0)
				s.server.ExpectPong(pattern(n))
			}
			s.stillOpen()
		})
		l.Case("all at once", func(l *lab) {
			s := l.open(setup{})
			var pings []byte
			for n := range maxControl + 1 {
				pings = append(pings, frame(true, wire.OpPing, pattern(n))...)
			}
			s.server.WriteRaw(pings)
			for n := range maxControl + 1 {
				s.server.ExpectPong(pattern(n))
			}
			s.stillOpen()
		})
		l.Case("between fragments", func(l *lab) {
			s := l.open(setup{})
			var want []byte
			op := wire.OpText
			for n := range maxControl + 1 {
				part := fmt.Appendf(nil, "part %d, ", n)
				s.server.WriteFrame(wire.Header{Opcode: op}, part)
				s.server.SendPing(pattern(n))
				s.server.ExpectPong(pattern(n))
				want = append(want, part...)
				op = wire.OpContinuation
			}
			s.expectNothing(time.Second)
			s.server.WriteFrame(wire.Header{Fin: true}, nil)
			s.expectText(string(want))
			s.stillOpen()
		})
		l.Case("unsolicited pongs", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("01 01 61"))
			for n := range maxControl + 1 {
				s.server.SendPong(pattern(n))
			}
			s.server.WriteRaw(wstest.Hex("80 01 62"))
			s.expectText("ab")
			s.stillOpen()
		})
		l.Case("sent by the user", func(l *lab) {
			s := l.open(setup{})
			for n := range maxControl + 1 {
				s.check(s.client.SendPing(pattern(n)))
				s.server.ExpectFrame(wire.OpPing, pattern(n))
				s.check(s.client.SendPong(pattern(n)))
				s.server.ExpectFrame(wire.OpPong, pattern(n))
			}
			s.stillOpen()
		})
	})
}

// Control frames of all kinds with more than 125 bytes, at the bounds of the length forms.
//
// req: 6455-5.5-02
func TestControlFramesTooLong(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	bubble(t, func(l *lab) {
		for _, op := range []wire.Opcode{wire.OpClose, wire.OpPing, wire.OpPong} {
			for _, n := range []int{126, 127, 128, 200, 255, 256, 300, 65535, 65536} {
				whole := random.IntN(2) == 0
				l.Case(fmt.Sprintf("%v of %d bytes", op, n), func(l *lab) {
					s := l.open(setup{server: []wstest.Option{wstest.WithBuffer(128 << 10)}})
					p := frame(true, op, pattern(n))
					if !whole {
						p = p[:len(p)-n] // the header decides
					}
					s.server.WriteRaw(p)
					s.expectFailed(wire.StatusProtocolError)
				})
			}
		}
	})
}

// A ping in the middle of an outgoing message of many fragments, at each position.
//
// req: 6455-5.4-04
func TestControlFramesWhileSending(t *testing.T) {
	const fragments = 10
	bubble(t, func(l *lab) {
		for at := range fragments + 1 {
			l.Case(fmt.Sprintf("after %d fragments", at), func(l *lab) {
				s := l.open(setup{})
				w := s.client.Writer(s.ctx, messages.KindBinary)
				for i := range fragments + 1 {
					if i == at {
						s.server.SendPing(pattern(at))
						s.server.ExpectPong(pattern(at))
					}
					if i < fragments {
						_, err := w.Write([]byte{byte(i)})
						s.check(err)
						s.readFrames(fmt.Sprintf("0%d%c", map[bool]int{true: 2, false: 0}[i == 0], i))
					}
				}
				s.check(w.Close())
				s.readFrames("80")
				s.stillOpen()
			})
		}
	})
}

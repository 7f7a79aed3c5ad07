package conformance_test

// This file tests families of cases: every close code, payloads of every kind, and frames
// after a Close.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// maxCode is the highest close code that the families try.
const maxCode = 5000

// mayBeSent follows RFC 6455 §7.4 and the registry of IANA.
func mayBeSent(code int) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return true
	}
	return false
}

// Every received code is answered, or fails the connection.
//
// req: 6455-7.4.1-03 6455-7.4.1-04 6455-7.4.2-01 6455-7.4.2-02 6455-7.4.2-03
func TestEveryCodeReceived(t *testing.T) {
	bubble(t, func(l *lab) {
		for n := range maxCode + 1 {
			l.Case(fmt.Sprint(n), func(l *lab) {
				code := wire.StatusCode(n)
				s := l.open(setup{bare: true})
				s.server.WriteRaw(frame(true, wire.OpClose, closing(code, "")))
				if !mayBeSent(n) {
					s.expectFailed(wire.StatusProtocolError)
					return
				}
				s.server.ExpectFrame(wire.OpClose, closing(code, ""))
				s.server.Close()
				s.expectClosed(code, "")
			})
		}
	})
}

// Every code is sent, or refused with nothing written. (Code 0 of the API is a Close
// without a code.)
//
// req: 6455-7.4.1-01 6455-7.4.1-02 6455-7.4.2-01 6455-7.4.2-02 6455-7.4.2-03
func TestEveryCodeSent(t *testing.T) {
	bubble(t, func(l *lab) {
		refusing := l.open(setup{bare: true})
		for n := 1; n <= maxCode; n++ {
			code := wire.StatusCode(n)
			if !mayBeSent(n) {
				refusing.wantError(refusing.client.Close(refusing.ctx, code, ""), messages.ErrInvalidCloseCode)
				continue
			}
			l.Case(fmt.Sprint(n), func(l *lab) {
				s := l.open(setup{bare: true})
				closed := s.startClose(code, "")
				s.server.ExpectFrame(wire.OpClose, closing(code, ""))
				s.server.SendClose(code, "")
				s.server.Close()
				s.check(<-closed)
				s.expectClosed(code, "")
			})
		}
		refusing.stillOpen()
	})
}

// Close payloads of every size, with good and bad reasons.
//
// req: 6455-5.5-02 6455-5.5.1-15 6455-7.1.5-02 6455-7.1.6-01 6455-8.1-05
func TestClosePayloads(t *testing.T) {
	type answer struct {
		code   wire.StatusCode // of the client's Close
		failed bool
	}
	closed, no := func(code wire.StatusCode) answer { return answer{code, false} }, func(code wire.StatusCode) answer { return answer{code, true} }
	type payload struct {
		name  string
		bytes []byte
		want  answer
	}
	cases := []payload{
		{"0 bytes", nil, closed(wire.StatusNoStatus)},
		{"1 byte", []byte{3}, no(1002)},
		{"1 byte of text", []byte("x"), no(1002)},
		{"2 bytes", closing(1000, ""), closed(1000)},
		{"3 bytes", closing(1000, "x"), closed(1000)},
		{"123 bytes", closing(1000, strings.Repeat("x", 121)), closed(1000)},
		{"125 bytes", closing(1000, strings.Repeat("x", 123)), closed(1000)},
		{"126 bytes", closing(1000, strings.Repeat("x", 124)), no(1002)},
		{"bad code and good reason", closing(1005, "reason"), no(1002)},
		{"bad code and bad reason", closing(1005, "\xFF"), no(1002)},
		{"125 bytes of two-byte characters", closing(1000, strings.Repeat("ü", 61)+"x"), closed(1000)},
		{"cut off at the limit", closing(1000, strings.Repeat("ü", 61)+"\xC3"), no(1007)},
		{"bad in its last byte", closing(1000, strings.Repeat("x", 122)+"\x80"), no(1007)},
	}
	for _, text := range decoderStress() {
		cases = append(cases, payload{fmt.Sprintf("reason % X", text), closing(1000, text), no(1007)})
	}
	for _, text := range decoderValid() {
		cases = append(cases, payload{fmt.Sprintf("reason % X", text), closing(1000, text), closed(1000)})
	}
	bubble(t, func(l *lab) {
		for _, c := range cases {
			if len(c.bytes) > 126 {
				c.bytes = c.bytes[:125]
			}
			for _, bytewise := range []bool{false, true} {
				l.Case(fmt.Sprintf("%s, byte by byte %v", c.name, bytewise), func(l *lab) {
					s := l.open(setup{bare: true})
					p := frame(true, wire.OpClose, c.bytes)
					if bytewise {
						// The client may have gone before the last byte.
						s.server.Try(func(c *wstest.Conn) { c.Trickle(p, 1, time.Millisecond) })
					} else {
						s.server.WriteRaw(p)
					}
					if c.want.failed {
						s.expectFailed(c.want.code)
						return
					}
					s.server.ExpectClose(c.want.code)
					s.server.Close()
					reason := ""
					if len(c.bytes) > 2 {
						reason = string(c.bytes[2:])
					}
					s.expectClosed(c.want.code, reason)
				})
			}
		}
	})
}

// Whatever the server sends after its Close is ignored: data, control frames, a second
// Close, violations, each in the same segment and later.
//
// req: 6455-5.5.1-14 6455-5.5.2-03
func TestAfterTheClose(t *testing.T) {
	type after struct {
		name  string
		bytes []byte
	}
	cases := []after{
		{"text", wstest.Hex("81 01 61")},
		{"binary", wstest.Hex("82 01 61")},
		{"fragments", wstest.Hex("01 01 61, 80 01 62")},
		{"half a frame", wstest.Hex("82 7E FFFF 00")},
		{"ping", wstest.Hex("89 01 61")},
		{"pong", wstest.Hex("8A 01 61")},
		{"the same close", wstest.Hex("88 02 03E8")},
		{"another close", wstest.Hex("88 02 03E9")},
		{"empty close", wstest.Hex("88 00")},
		{"256 KiB of zeros", make([]byte, 256<<10)},
	}
	for _, v := range violations() {
		cases = append(cases, after{v.name, v.bytes})
	}
	bubble(t, func(l *lab) {
		for _, c := range cases {
			for _, later := range []bool{false, true} {
				l.Case(fmt.Sprintf("%s, later %v", c.name, later), func(l *lab) {
					s := l.open(setup{bare: true, server: []wstest.Option{wstest.WithBuffer(512 << 10)}})
					p := wstest.Hex("01 01 61, 88 02 03E8") // inside a message
					if later {
						s.server.WriteRaw(p)
						s.server.ExpectClose(1000)
						s.server.WriteRaw(c.bytes)
					} else {
						s.server.WriteRaw(append(p, c.bytes...))
						s.server.ExpectClose(1000)
					}
					s.server.ExpectSilence(time.Second)
					s.server.Close()
					s.expectClosed(1000, "")
				})
			}
		}
	})
}

// Between the client's Close and the server's, frames are read and violations fail the
// connection; the client's Close is not repeated.
//
// req: 6455-5.5.1-17
func TestAfterTheClientsClose(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, v := range violations() {
			l.Case(v.name, func(l *lab) {
				s := l.open(setup{bare: true})
				closed := s.startClose(4000, "")
				s.server.ExpectClose(4000)
				s.server.WriteRaw(v.bytes)
				s.server.Within(time.Second).ExpectEOF() // no second Close
				err := <-closed
				end := s.expectEnd()
				if err == nil || end.Clean || end.Code != 1006 || end.SentCode != 4000 {
					s.Errorf("close returned %v, receive %v; want not clean, code 1006, sent 4000", err, end)
				}
			})
		}
	})
}

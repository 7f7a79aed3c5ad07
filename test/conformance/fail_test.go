package conformance_test

// This file tests failing the connection, losing it, and the limits: RFC 6455 §7.1.7, §7.2.1, §10.4.

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// limits returns the options of a client with these limits.
func limits(l wire.Limits) dandelion.Options {
	return dandelion.Options{MaxMessage: l.MaxMessage, MaxFrame: l.MaxFrame, MaxFragments: l.MaxFragments}
}

// A failure closes TCP without waiting for a Close from the server.
//
// req: 6455-7.1.7-01
func TestFailureClosesTCP(t *testing.T) {
	run := func(l *lab) {
		s := l.open(setup{})
		start := time.Now()
		s.server.WriteRaw(wstest.Hex("83 00"))
		s.server.ExpectClose(wire.StatusProtocolError)
		s.server.Within(time.Second).ExpectEOF()
		s.expectFailureReported(wire.StatusProtocolError) // after it nothing is open
		if took := time.Since(start); took > time.Second {
			s.Errorf("it took %v, want at most 1 s", took)
		}
	}
	t.Run("in memory", func(t *testing.T) { bubble(t, run) })
	t.Run("TCP", func(t *testing.T) { loopback(t, run) })
}

// Causes of failure differ in type and code, and their text names the rule.
//
// req: 6455-7.1.7-02
func TestCausesOfFailure(t *testing.T) {
	bubble(t, func(l *lab) {
		l.Case("bad opcode", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("83 00"))
			end := s.expectFailed(1002)
			var violation *wire.ProtocolError
			if !errors.As(end, &violation) || violation.Code != 1002 || violation.Section != "RFC 6455 §5.2" {
				s.Errorf("got %#v, want a protocol error of §5.2 with code 1002", violation)
			}
			s.wantText(end, "opcode 0x3", "§5.2")
		})
		l.Case("bad UTF-8", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("81 01 80"))
			end := s.expectFailed(1007)
			var violation *wire.ProtocolError
			if !errors.As(end, &violation) || violation.Code != 1007 || violation.Section != "RFC 6455 §8.1" {
				s.Errorf("got %#v, want a protocol error of §8.1 with code 1007", violation)
			}
			s.wantText(end, "UTF-8", "§8.1")
		})
		l.Case("too big", func(l *lab) {
			s := l.open(setup{client: limits(wire.Limits{MaxMessage: 1000})})
			s.server.SendBinary(make([]byte, 1001))
			end := s.expectFailed(1009)
			var limit *wire.LimitError
			if !errors.As(end, &limit) || limit.Limit != 1000 || limit.Got != 1001 {
				s.Errorf("got %#v, want a limit of 1000 that 1001 has passed", limit)
			}
			s.wantText(end, "message size", "1000")
		})
		l.Case("bad accept value", func(l *lab) {
			s, d := l.dial(setup{})
			d.srv.Accept(s.ctx).Upgrade(wstest.SetHeader("Sec-WebSocket-Accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="))
			err := d.wait()
			var refused *handshake.Error
			if !errors.As(err, &refused) || refused.Stage != handshake.StageValidate {
				l.Fatalf("got %v, want a handshake error of the validation", err)
			}
			s.wantText(err, "Sec-WebSocket-Accept")
		})
		l.Case("lost transport", func(l *lab) {
			s := l.open(setup{})
			s.server.Reset()
			end := s.expectEnd()
			var violation *wire.ProtocolError
			if errors.As(end, &violation) || !errors.Is(end, syscall.ECONNRESET) {
				s.Errorf("got %v, want the reset and no protocol error", end)
			}
			s.wantText(end, "connection lost", "reset")
		})
	})
}

// wantText fails unless err has these words in its text.
func (s *session) wantText(err error, words ...string) {
	s.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			s.Errorf("the error is %q, want one with %q", err, w)
		}
	}
}

// The Close that is sent first says what was wrong.
//
// req: 6455-7.1.7-03
func TestCodesOfFailure(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name  string
			bytes []byte
			code  wire.StatusCode
		}{
			{"reserved opcode", wstest.Hex("83 00"), 1002},
			{"bad UTF-8", wstest.Hex("81 01 80"), 1007},
			{"1001 bytes at a limit of 1000", frame(true, wire.OpBinary, make([]byte, 1001)), 1009},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{client: limits(wire.Limits{MaxMessage: 1000})})
				s.server.WriteRaw(c.bytes)
				s.expectFailed(c.code)
			})
		}
	})
}

// No Close is sent if the server can hardly read it: after a reset, or if it takes no bytes
// for a short time. Otherwise the client always tries.
//
// req: 6455-7.1.7-04
func TestCloseIsLeftOut(t *testing.T) {
	run := func(l *lab) {
		l.Case("server resets", func(l *lab) {
			s := l.open(setup{})
			start := time.Now()
			s.server.Reset()
			end := s.expectEnd()
			if end.SentCode != 0 || end.By != messages.Neither {
				s.Errorf("got %v, want no Close sent, by neither side", end)
			}
			if took := time.Since(start); took > time.Second {
				s.Errorf("it took %v, want at most 1 s", took)
			}
		})
		l.Case("server stops reading and breaks a rule", func(l *lab) {
			s := l.open(setup{})
			sent := make(chan error, 1)
			go func() { sent <- s.client.Write(s.ctx, dandelion.Binary(make([]byte, 16<<20))) }()
			s.server.Peek(100)
			start := time.Now()
			s.server.WriteRaw(wstest.Hex("83 00"))
			s.wantError(<-sent, messages.ErrClosed)
			s.expectFailureReported(1002)
			if took := time.Since(start); took > time.Second {
				s.Errorf("it took %v, want at most 1 s", took)
			}
			if _, how := s.server.Within(time.Second).ReadAll(); how == wstest.EndOpen {
				s.Error("TCP is still open")
			}
		})
		l.Case("server breaks a rule and goes on reading", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("83 00"))
			s.expectFailed(1002)
		})
	}
	t.Run("in memory", func(t *testing.T) { bubble(t, run) })
	t.Run("TCP", func(t *testing.T) { loopback(t, run) })
}

// After a failure nothing is processed, neither the rest of the segment nor later bytes,
// whoever has failed the connection.
//
// req: 6455-7.1.7-05
func TestNothingIsProcessedAfterAFailure(t *testing.T) {
	const after = "81 01 61, 89 01 62, 88 02 03E8"
	bubble(t, func(l *lab) {
		l.Case("in the same segment", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("83 00, " + after))
			s.expectFailed(1002) // reported as 1006
		})
		l.Case("later", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("83 00"))
			s.server.ExpectClose(1002)
			s.server.WriteRaw(wstest.Hex(after))
			s.server.Within(time.Second).ExpectEOF()
			s.expectFailureReported(1002)
		})
		l.Case("failed by the user", func(l *lab) {
			s := l.open(setup{})
			cause := errors.New("no more of this")
			l.system.Root.Send(s.client.PID(), &messages.FailConnection{Code: wire.StatusPolicyViolation, Cause: cause})
			s.server.ExpectClose(1008)
			s.server.WriteRaw(wstest.Hex(after))
			s.server.Within(time.Second).ExpectEOF()
			end := s.expectEnd()
			if end.Code != 1006 || end.Clean || end.SentCode != 1008 || !errors.Is(end, cause) {
				s.Errorf("got %v, want not clean, code 1006, sent 1008, with the cause", end)
			}
		})
	})
}

// Wherever the stream ends, the end is abnormal, and an incomplete message is not
// delivered.
//
// req: 6455-7.2.1-01
func TestLostTransport(t *testing.T) {
	run := func(l *lab) {
		for _, c := range []struct{ name, hex string }{
			{"between frames", ""},
			{"inside a header", "81"},
			{"inside a long header", "82 7F 00000000"},
			{"inside a payload", "81 05 4865"},
			{"inside a fragmented message", "01 02 4865, 00 01 6C"},
		} {
			for how, end := range map[string]func(*wstest.Conn){"EOF": (*wstest.Conn).Close, "reset": (*wstest.Conn).Reset} {
				l.Case(c.name+", "+how, func(l *lab) {
					s := l.open(setup{})
					s.server.WriteRaw(append(wstest.Hex("81 01 61"), wstest.Hex(c.hex)...))
					s.expectText("a")
					end(s.server)
					got := s.expectEnd()
					if got.Code != 1006 || got.Clean || got.Cause == nil {
						s.Errorf("got %v, want code 1006, not clean, with a cause", got)
					}
					s.wantError(s.client.Send(dandelion.Text("late")), messages.ErrClosed)
					s.wantError(s.client.Write(s.ctx, dandelion.Text("late")), messages.ErrClosed)
				})
			}
		}
	}
	t.Run("in memory", func(t *testing.T) { bubble(t, run) })
	t.Run("TCP", func(t *testing.T) { loopback(t, run) })
}

// A huge frame is refused because of its header.
//
// req: 6455-10.4-01
func TestHugeFrame(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		before := allocated()
		s.server.WriteRaw(wstest.Hex("82 7F 1000000000000000"))
		end := s.expectFailed(wire.StatusMessageTooBig)
		if grown := allocated() - before; grown >= 1<<20 {
			s.Errorf("%d bytes were allocated, want less than 1 MiB", grown)
		}
		var limit *wire.LimitError
		if !errors.As(end, &limit) || limit.What != "message size" || limit.Limit != wire.DefaultMaxMessage || limit.Got != 1<<60 {
			s.Errorf("got %#v, want the limit of the message size, %d, that 2^60 has passed", limit, wire.DefaultMaxMessage)
		}
	})
}

// allocated returns how many bytes were ever allocated, including freed ones.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// heap returns how many bytes are in use after a garbage collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Endless fragments are stopped by the limit for the message, and empty ones by that for
// the number of fragments; memory does not grow with the latter.
//
// req: 6455-10.4-02
func TestEndlessFragments(t *testing.T) {
	const readLimit = 1 << 20
	continuation := frame(false, wire.OpContinuation, make([]byte, 1<<10))
	empty := bytes.Repeat(frame(false, wire.OpContinuation, nil), 1<<10)
	bubble(t, func(l *lab) {
		l.Case("1 KiB", func(l *lab) {
			s := l.open(setup{client: limits(wire.Limits{MaxMessage: readLimit})})
			s.server.WriteRaw(wstest.Hex("02 00"))
			for range readLimit / (1 << 10) {
				s.server.WriteRaw(continuation)
			}
			s.server.ExpectSilence(time.Second)
			s.server.WriteRaw(continuation[:4]) // its header
			s.expectFailed(wire.StatusMessageTooBig)
		})
		l.Case("empty", func(l *lab) {
			s := l.open(setup{client: limits(wire.Limits{MaxMessage: readLimit})})
			s.server.WriteRaw(wstest.Hex("02 00"))
			for range wire.DefaultMaxFragments/(1<<10) - 1 {
				s.server.WriteRaw(empty)
			}
			s.server.WriteRaw(empty[:len(empty)-2])
			s.server.ExpectSilence(time.Second)
			s.server.WriteRaw(empty[:2])
			end := s.expectFailed(wire.StatusMessageTooBig)
			var limit *wire.LimitError
			if !errors.As(end, &limit) || limit.What != "number of fragments" || limit.Limit != wire.DefaultMaxFragments {
				s.Errorf("got %#v, want the limit of the number of fragments, %d", limit, wire.DefaultMaxFragments)
			}
		})
	})
	t.Run("memory", func(t *testing.T) {
		bubble(t, func(l *lab) {
			s := l.open(setup{client: limits(wire.Limits{MaxMessage: readLimit, MaxFragments: -1})})
			s.server.WriteRaw(wstest.Hex("02 00"))
			s.server.WriteRaw(empty)
			s.server.Stall(time.Second)
			before := heap()
			for range 256 {
				s.server.WriteRaw(empty)
			}
			s.server.Stall(time.Second)
			if after := heap(); after > before+100<<10 {
				s.Errorf("the heap has grown from %d to %d bytes by 256 Ki empty fragments", before, after)
			}
			s.server.WriteRaw(wstest.Hex("80 01 61"))
			s.expectBinary([]byte("a"))
		})
	})
}

// The limits of a message, of a frame and of the number of fragments: by default, as set,
// and switched off. A message at the limit is delivered; one more byte or fragment gives
// Close 1009 and an error that names the limit.
//
// req: 6455-10.4-03
func TestLimits(t *testing.T) {
	// fragments returns a message of that size in that many frames.
	fragments := func(size, frames int) []byte {
		var p []byte
		op := wire.OpBinary
		for i := range frames {
			n := size / frames
			if i == frames-1 {
				n = size - i*n
			}
			p = append(p, frame(i == frames-1, op, make([]byte, n))...)
			op = wire.OpContinuation
		}
		return p
	}
	header := func(size uint64) []byte {
		return wstest.AppendFrame(nil, wire.Header{Fin: true, Opcode: wire.OpBinary, Length: size}, nil)
	}
	type outcome struct {
		size int    // of the message that is delivered
		what string // the exceeded limit
		at   int64
	}
	good := func(size int) outcome { return outcome{size: size} }
	bad := func(what string, at int64) outcome { return outcome{what: what, at: at} }
	open := outcome{size: -1} // more is awaited
	bubble(t, func(l *lab) {
		for _, c := range []struct {
			name   string
			limits wire.Limits
			bytes  []byte
			want   outcome
		}{
			{"message at the limit, one frame", wire.Limits{MaxMessage: 1000}, fragments(1000, 1), good(1000)},
			{"message at the limit, fragments", wire.Limits{MaxMessage: 1000}, fragments(1000, 3), good(1000)},
			{"message over the limit, one frame", wire.Limits{MaxMessage: 1000}, fragments(1001, 1), bad("message size", 1000)},
			{"message over the limit, fragments", wire.Limits{MaxMessage: 1000}, fragments(1001, 3), bad("message size", 1000)},
			{"frame at the limit", wire.Limits{MaxFrame: 100}, fragments(300, 3), good(300)},
			{"frame over the limit", wire.Limits{MaxFrame: 100}, fragments(101, 1), bad("frame size", 100)},
			{"fragment over the limit", wire.Limits{MaxFrame: 100}, fragments(301, 3), bad("frame size", 100)},
			{"fragments at the limit", wire.Limits{MaxFragments: 10}, fragments(10, 10), good(10)},
			{"fragments over the limit", wire.Limits{MaxFragments: 10}, fragments(11, 11), bad("number of fragments", 10)},
			{"control frames do not count", wire.Limits{MaxMessage: 2, MaxFrame: 1, MaxFragments: 2},
				wstest.Hex("02 01 61, 89 03 616263, 8A 03 616263, 80 01 62"), good(2)},
			{"each message counts for itself", wire.Limits{MaxMessage: 2, MaxFragments: 2},
				wstest.Hex("02 01 61, 80 01 62, 02 01 61, 80 01 62"), good(2)},

			{"message at the default", wire.Limits{}, header(wire.DefaultMaxMessage), open},
			{"message over the default", wire.Limits{}, header(wire.DefaultMaxMessage + 1), bad("message size", 32<<20)},
			{"fragments at the default", wire.Limits{}, fragments(0, 64<<10), good(0)},
			{"fragments over the default", wire.Limits{}, fragments(0, 64<<10+1), bad("number of fragments", 64<<10)},
			{"message limit lifted", wire.Limits{MaxMessage: -1}, header(1 << 40), open},
			{"fragment limit lifted", wire.Limits{MaxFragments: -1}, fragments(0, 64<<10+1), good(0)},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{client: limits(c.limits), server: []wstest.Option{wstest.WithBuffer(1 << 20)}})
				s.server.WriteRaw(c.bytes)
				switch {
				case c.want == open:
					s.server.ExpectSilence(time.Second)
				case c.want.what == "":
					s.expectSize(c.want.size)
				default:
					end := s.expectFailed(wire.StatusMessageTooBig)
					var limit *wire.LimitError
					if !errors.As(end, &limit) || limit.What != c.want.what || limit.Limit != c.want.at || limit.Got <= c.want.at {
						s.Errorf("got %#v, want the limit of the %s, %d", limit, c.want.what, c.want.at)
					}
				}
			})
		}
	})
}

// expectSize waits for a binary message of that size.
func (s *session) expectSize(size int) {
	s.Helper()
	r := s.next(fmt.Sprintf("a message of %d bytes", size))
	if r.err != nil || r.Kind() != messages.KindBinary || len(r.Bytes()) != size {
		s.Fatalf("got a %v message of %d bytes, error %v; want binary, %d bytes", r.Kind(), len(r.Bytes()), r.err, size)
	}
}

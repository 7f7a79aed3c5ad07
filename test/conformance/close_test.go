package conformance_test

// This file tests the Close frame: RFC 6455 §5.5.1, §7.1.5, §7.1.6, §7.4.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// The Close frame has the user's code and reason.
//
// req: 6455-5.5.1-01 6455-5.5.1-02 6455-7.1.2-01 6455-7.4.1-01 6455-7.4.2-02
func TestClosesSent(t *testing.T) {
	type sent struct {
		code   wire.StatusCode
		reason string
		body   string
	}
	cases := []sent{
		{0, "", ""},
		{1000, "", "03E8"},
		{1000, "bye", "03E8 627965"},
		{1001, "", "03E9"},
		{4999, "", "1387"},
		{4001, "done", "0FA1 646F6E65"},
	}
	for _, code := range []wire.StatusCode{1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000} {
		cases = append(cases, sent{code, "", fmt.Sprintf("%04X", uint16(code))})
	}
	bubble(t, func(l *lab) {
		for _, c := range cases {
			l.Case(fmt.Sprintf("%d %q", uint16(c.code), c.reason), func(l *lab) {
				s := l.open(setup{})
				closed := s.startClose(c.code, c.reason)
				body := wstest.Hex(c.body)
				f := s.server.ReadFrame()
				head := []byte{0x88, 0x80 | byte(len(body))}
				if !bytes.Equal(f.Raw[:2], head) || len(f.Raw) != 2+4+len(body) || !bytes.Equal(f.Payload, body) {
					s.Errorf("got % X, want % X, a key and % X masked", f.Raw, head, body)
				}
				s.answerClose()
				s.check(<-closed)
				end := s.expectClosed(wire.StatusNormal, "")
				if want := max(c.code, 1000); end.By != messages.Local || c.code != 0 && end.SentCode != want || end.SentReason != c.reason {
					s.Errorf("got %+v, want by the local side, sent %d %q", end, want, c.reason)
				}
			})
		}
		l.Case("reason of the server", func(l *lab) {
			s := l.open(setup{})
			s.server.CloseHandshake(1000, "bye")
			s.expectClosed(1000, "bye")
		})
	})
}

// A code or reason that must not be in a Close frame is an error; nothing is written, and
// the connection still works.
func TestClosesRefused(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for _, c := range []struct {
			name   string
			code   wire.StatusCode
			reason string
			want   error
		}{
			// req: 6455-5.5.1-03
			{"reason FF FE", 1000, "\xFF\xFE", messages.ErrInvalidUTF8},
			// req: 6455-7.4.1-02
			{"1004", 1004, "", messages.ErrInvalidCloseCode},
			{"1005", 1005, "", messages.ErrInvalidCloseCode},
			{"1006", 1006, "", messages.ErrInvalidCloseCode},
			{"1015", 1015, "", messages.ErrInvalidCloseCode},
			// req: 6455-7.4.2-01
			{"reason without a code", 0, "reason", messages.ErrInvalidCloseCode},
			{"999", 999, "", messages.ErrInvalidCloseCode},
			{"1016", 1016, "", messages.ErrInvalidCloseCode},
			{"1100", 1100, "", messages.ErrInvalidCloseCode},
			{"2000", 2000, "", messages.ErrInvalidCloseCode},
			{"2999", 2999, "", messages.ErrInvalidCloseCode},
			// req: 6455-7.4.2-03
			{"5000", 5000, "", messages.ErrInvalidCloseCode},
		} {
			if err := s.client.Close(s.ctx, c.code, c.reason); !errors.Is(err, c.want) {
				s.Errorf("%s: got error %v, want %v", c.name, err, c.want)
			}
		}
		s.server.ExpectSilence(time.Second)
		closed := s.startClose(1000, "proper")
		s.server.ExpectFrame(wire.OpClose, closing(1000, "proper"))
		s.answerClose()
		s.check(<-closed)
	})
}

// The user closes with 1005, which was reported for a Close without a status.
//
// req: 6455-7.4.1-02
func TestReportedCodeIsNotSentBack(t *testing.T) {
	bubble(t, func(l *lab) {
		refused := make(chan error, 1)
		s := l.open(setup{client: dandelion.Options{Handler: &dandelion.Handler{
			OnClosing: func(c *dandelion.Client, e *messages.Closing) {
				if e.Code != wire.StatusNoStatus {
					l.Errorf("reported code is %d, want 1005", e.Code)
				}
				refused <- c.Close(context.Background(), e.Code, e.Reason)
			},
		}}})
		s.server.WriteRaw(wstest.Hex("88 00"))
		s.server.ExpectClose(wire.StatusNoStatus)
		s.wantError(<-refused, messages.ErrInvalidCloseCode)
		s.server.ExpectSilence(time.Second)
		s.server.Close()
		s.expectClosed(wire.StatusNoStatus, "")
	})
}

// Violations in a Close fail the connection with 1002, and their code is not reported.
func TestCloseViolations(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct{ name, hex string }{
			// req: 6455-5.5.1-15
			{"one byte", "88 01 03"},
			// req: 6455-7.4.1-03
			{"1004", "88 02 03EC"},
			{"1005", "88 02 03ED"},
			{"1006", "88 02 03EE"},
			{"1015", "88 02 03F7"},
			// req: 6455-7.4.2-01
			{"0", "88 02 0000"},
			{"999", "88 02 03E7"},
			{"1016", "88 02 03F8"},
			{"1100", "88 02 044C"},
			{"2000", "88 02 07D0"},
			{"2999", "88 02 0BB7"},
			// req: 6455-7.4.2-03
			{"5000", "88 02 1388"},
			{"65535", "88 02 FFFF"},
		} {
			l.Case(c.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(wstest.Hex(c.hex))
				s.expectFailed(wire.StatusProtocolError) // the reported code is 1006
			})
		}
	})
}

// A Close from the server is answered with the same status, without the reason, and
// reported as it came.
//
// req: 6455-5.5.1-07 6455-7.1.5-01 6455-7.1.5-02 6455-7.1.6-01 6455-7.4.1-04 6455-7.4.2-02
func TestClosesReceived(t *testing.T) {
	long := strings.Repeat("r", 122) + "!"
	type received struct {
		code   wire.StatusCode
		reason string
	}
	cases := []received{
		{wire.StatusNoStatus, ""},
		{1000, ""},
		{1000, "bye"},
		{1000, long},
	}
	for _, code := range []wire.StatusCode{
		1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
	} {
		cases = append(cases, received{code, "why"})
	}
	bubble(t, func(l *lab) {
		for _, c := range cases {
			l.Case(fmt.Sprintf("%d %q", uint16(c.code), c.reason), func(l *lab) {
				s := l.open(setup{})
				s.server.SendClose(c.code, c.reason)
				if f := s.server.ExpectClose(c.code); f.CloseReason() != "" {
					s.Errorf("the answer has the reason %q, want none", f.CloseReason())
				}
				s.server.CloseWrite()
				s.server.ExpectEOF()
				if end := s.expectClosed(c.code, c.reason); end.By != messages.Remote {
					s.Errorf("closed by the %v side, want remote", end.By)
				}
			})
		}
		l.Case("1001 and then 1002", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("88 02 03E9, 88 02 03EA"))
			s.expectOneClose(1001)
		})
		l.Case("4001 crosses the client's 4000", func(l *lab) {
			s := l.open(setup{})
			closed := s.startClose(4000, "")
			s.server.Peek(1) // it is on its way, but not read
			s.server.SendClose(4001, "")
			s.server.ExpectClose(4000)
			s.server.ExpectSilence(time.Second)
			s.server.Close()
			s.check(<-closed)
			s.expectClosed(4001, "")
		})
	})
}

// Only the caller gets the reason: the library writes it neither to stdout and stderr nor
// to the default loggers.
//
// req: 6455-5.5.1-04
func TestReasonIsShownToTheCallerOnly(t *testing.T) {
	const reason = "secret-6455"
	if !inChild(t) {
		c := startChild(t)
		c.wait()
		for name, out := range map[string]string{"stdout": c.stdout.String(), "stderr": c.stderr.String()} {
			if strings.Contains(out, reason) {
				t.Errorf("%s has the reason:\n%s", name, out)
			}
		}
		return
	}
	loopback(t, func(l *lab) { // with the library's actor system
		var log eventLog
		s := l.open(setup{client: dandelion.Options{Handler: &dandelion.Handler{
			OnClosing: func(_ *dandelion.Client, e *messages.Closing) { log.addf("closing %s", e.Reason) },
			OnClosed:  func(_ *dandelion.Client, e *messages.Closed) { log.addf("closed %s", e.Err.Reason) },
		}}})
		s.server.CloseHandshake(1000, reason)
		s.expectClosed(1000, reason)
		log.expect(s, "closing "+reason, "closed "+reason)
	})
}

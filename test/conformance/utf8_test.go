package conformance_test

// This file tests UTF-8 in texts and close reasons: RFC 6455 §5.6, §8.1.

import (
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// Invalid text is not sent, by any method.
//
// req: 6455-5.6-02
func TestInvalidTextIsNotSent(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for _, text := range []string{"\xFF", "\xED\xA0\x80", "\xE2\x82"} {
			for name, err := range map[string]error{
				"Write":        s.client.Write(s.ctx, dandelion.TextBytes([]byte(text))),
				"text written": s.client.Write(s.ctx, dandelion.Text(text)),
				"Send":         s.client.Send(dandelion.TextBytes([]byte(text))),
				"text sent":    s.client.Send(dandelion.Text(text)),
				"Writer":       s.client.Writer(s.ctx, messages.KindText).WriteFinal([]byte(text)),
			} {
				if err == nil {
					s.Errorf("%s of % X: no error", name, text)
				} else {
					s.wantError(err, messages.ErrInvalidUTF8)
				}
			}
		}
		s.server.ExpectSilence(time.Second)
		s.check(s.client.Write(s.ctx, dandelion.Text("valid: €😀")))
		s.server.ExpectText("valid: €😀")
		s.stillOpen()
	})
}

// A text is checked across its fragments, and a fragment that would make it invalid is
// refused.
//
// req: 6455-5.6-02
func TestInvalidFragmentsAreNotSent(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		w := s.client.Writer(s.ctx, messages.KindText)
		_, err := w.Write([]byte("\xE2"))
		s.check(err)
		_, err = w.Write([]byte("\x28"))
		s.wantError(err, messages.ErrInvalidUTF8)
		_, err = w.Write([]byte("\x82"))
		s.check(err)
		s.wantError(w.Close(), messages.ErrInvalidUTF8) // ends inside the character
		s.check(w.WriteFinal([]byte("\xAC")))
		s.server.ExpectMessage(wire.OpText, []byte("€"))
		s.stillOpen()
	})
}

// Fragments may end inside a character.
//
// req: 6455-5.6-03
func TestFragmentsMayEndInsideACharacter(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("01 01 E2, 00 01 82, 80 01 AC"))
		s.expectText("\u20AC")
		for n := 1; n < 4; n++ {
			s.server.SendFragments(wire.OpText, cut([]byte("\U0001F600"), []int{n})...)
			s.expectText("\U0001F600")
		}
		s.server.SendFragments(wire.OpText, cut([]byte("\U0001F600"), []int{1, 1, 1})...)
		s.expectText("\U0001F600")
		s.closeFromServer()
	})
}

// Invalid text fails the connection with 1007.
//
// req: 6455-8.1-01
func TestInvalidTextReceived(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, text := range []string{
			"80", "BF", "C0 AF", "C1 BF", "E0 80 AF", "F0 8F BF BF", "ED A0 80", "ED BF BF",
			"ED A0 80 ED B0 80", "F4 90 80 80", "F5 80 80 80", "F8 88 80 80 80", "FE", "FF",
			"CE BA E1 BD B9 ED A0 80 65", "E2 82", "F0 9F 98", "61 C3",
		} {
			l.Case(text, func(l *lab) {
				s := l.open(setup{})
				s.server.SendText(string(wstest.Hex(text)))
				s.expectFailed(wire.StatusInvalidPayload)
			})
		}
		l.Case("two fragments", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("01 01 E2, 80 01 82"))
			s.expectFailed(wire.StatusInvalidPayload)
		})
	})
}

// Valid text is delivered byte for byte.
//
// req: 6455-8.1-02
func TestValidTextReceived(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		for _, text := range []string{
			"00", "7F", "C2 80", "DF BF", "E0 A0 80", "ED 9F BF", "EE 80 80", "EF BB BF 61", "EF BF BD",
			"EF BF BE", "EF BF BF", "F0 90 80 80", "F4 8F BF BF", "F1 8F BF BE",
		} {
			s.server.SendText(string(wstest.Hex(text)))
			s.expectText(string(wstest.Hex(text)))
		}
		s.closeFromServer()
	})
}

// The connection is failed at the bad byte, without waiting for the rest of the frame or
// message.
//
// req: 6455-8.1-03
func TestInvalidTextIsFoundEarly(t *testing.T) {
	const good, bad, rest = "CEBAE1BDB9CF83CEBCCEB5", "F4908080", "656469746564"
	bubble(t, func(l *lab) {
		l.Case("in a fragment", func(l *lab) {
			s := l.open(setup{})
			s.server.WriteRaw(wstest.Hex("01 0B" + good))
			s.server.ExpectSilence(time.Second)
			s.server.WriteRaw(wstest.Hex("00 04" + bad))
			s.expectFailed(wire.StatusInvalidPayload) // 80 06 … is not needed
		})
		l.Case("in a part of a frame", func(l *lab) {
			s := l.open(setup{})
			whole := wstest.Hex("81 15" + good + bad + rest)
			s.server.WriteRaw(whole[:2+11+1]) // up to F4
			s.server.ExpectSilence(time.Second)
			s.server.WriteRaw(whole[2+11+1:][:1]) // 90
			s.expectFailed(wire.StatusInvalidPayload)
		})
	})
}

// The state of the check is kept from fragment to fragment, across control frames, and
// starts anew with each message.
//
// req: 6455-8.1-04
func TestTextStateAcrossFrames(t *testing.T) {
	bubble(t, func(l *lab) {
		s := l.open(setup{})
		s.server.WriteRaw(wstest.Hex("01 01 E2, 89 01 FF, 00 01 82, 80 01 AC, 81 01 61"))
		s.server.ExpectPong([]byte{0xFF})
		s.expectText("\u20AC")
		s.expectText("a")
		s.server.WriteRaw(wstest.Hex("01 01 E2, 80 00"))
		s.expectFailed(wire.StatusInvalidPayload)
	})
}

// An invalid reason fails the connection; the user does not get its bytes.
//
// req: 6455-8.1-05
func TestInvalidReasonReceived(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, c := range []struct{ name, hex string }{
			{"cut off", "88 05 03E8 CEBAED"},
			{"surrogate", "88 05 03E8 EDA080"},
		} {
			l.Case(c.name, func(l *lab) {
				var log eventLog
				s := l.open(setup{client: dandelion.Options{Handler: &dandelion.Handler{
					OnClosing: func(_ *dandelion.Client, e *messages.Closing) { log.addf("closing %d %q", e.Code, e.Reason) },
				}}})
				s.server.WriteRaw(wstest.Hex(c.hex))
				if end := s.expectFailed(wire.StatusInvalidPayload); end.Reason != "" {
					s.Errorf("got the reason %q, want none", end.Reason)
				}
				log.expect(s, `closing 1007 ""`)
			})
		}
	})
}

package conformance_test

// The ways in which a server can break the rules of RFC 6455 after the handshake,
// with the bytes to send and what the client owes.

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// TestViolations: each fails the connection with one Close that has the right code.
func TestViolations(t *testing.T) {
	bubble(t, func(l *lab) {
		for _, v := range violations() {
			l.Case(v.name, func(l *lab) {
				s := l.open(setup{})
				s.server.WriteRaw(v.bytes)
				s.server.ExpectFailure(v.codes...)
				if end := s.expectEnd(); !slices.Contains(v.codes, end.SentCode) {
					s.Errorf("%s: sent code %d, want one of %d", v.section, end.SentCode, v.codes)
				}
			})
		}
	})
}

// violation is something that no server may send on an open connection without
// extensions. A client delivers nothing of it, sends one Close with one of codes,
// and closes TCP.
type violation struct {
	name    string
	section string            // of the rule
	bytes   []byte            // sent behind complete messages
	codes   []wire.StatusCode // that conform, the usual one first
}

// violations returns all violations, in the order of the RFC's sections.
func violations() []violation {
	const (
		protocolError = wire.StatusProtocolError
		invalid       = wire.StatusInvalidPayload
		tooBig        = wire.StatusMessageTooBig
	)
	var all []violation
	add := func(section, name string, bytes []byte, codes ...wire.StatusCode) {
		all = append(all, violation{name, "RFC 6455 " + section, bytes, codes})
	}
	addHex := func(section, name, hex string, codes ...wire.StatusCode) {
		add(section, name, wstest.Hex(hex), codes...)
	}

	addHex("§5.1", "masked text", "81 85 37FA213D 7F9F4D5158", protocolError)
	addHex("§5.1", "masked ping", "89 80 00000000", protocolError)
	addHex("§5.1", "masked continuation", "01 01 61, 80 81 00000000 62", protocolError)

	addHex("§5.2", "RSV1 without an extension", "C1 05 48656C6C6F", protocolError)
	addHex("§5.2", "RSV2", "A1 01 61", protocolError)
	addHex("§5.2", "RSV3", "91 01 61", protocolError)
	addHex("§5.2", "RSV2 and RSV3", "B1 01 61", protocolError)
	addHex("§5.2", "RSV1 on a continuation", "01 01 61, C0 01 62", protocolError)
	addHex("§5.2", "RSV2 on a ping", "A9 00", protocolError)
	addHex("§5.2", "RSV3 on a pong", "9A 00", protocolError)
	addHex("§5.2", "all RSV bits on a close", "F8 00", protocolError)
	for _, op := range []byte{0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		add("§5.2", fmt.Sprintf("reserved opcode %X", op), []byte{0x80 | op, 0}, protocolError)
		add("§5.2", fmt.Sprintf("reserved opcode %X with a payload", op),
			append([]byte{0x80 | op, 5}, "Hello"...), protocolError)
	}
	addHex("§5.2", "length with the top bit set", "82 7F 80 00 00 00 00 00 00 00", protocolError)
	add("§5.2", "16-bit length of 124", withZeros("82 7E 00 7C", 124), protocolError)
	add("§5.2", "64-bit length of 5", withZeros("82 7F 00 00 00 00 00 00 00 05", 5), protocolError)

	addHex("§5.4", "continuation without a message", "80 01 61", protocolError)
	addHex("§5.4", "continuation without FIN or a message", "00 01 61", protocolError)
	addHex("§5.4", "text inside a fragmented message", "01 01 61, 81 01 62", protocolError)
	addHex("§5.4", "binary inside a fragmented message", "01 01 61, 02 01 62", protocolError)

	addHex("§5.5", "fragmented ping", "09 01 61", protocolError)
	addHex("§5.5", "fragmented pong", "0A 00", protocolError)
	addHex("§5.5", "fragmented close", "08 02 03E8", protocolError)
	add("§5.5", "ping of 126 bytes", withZeros("89 7E 00 7E", 126), protocolError)
	add("§5.5", "pong of 126 bytes", withZeros("8A 7E 00 7E", 126), protocolError)
	add("§5.5", "close of 126 bytes", withZeros("88 7E 00 7E 03E8", 124), protocolError)
	addHex("§5.5", "header of a ping of 126 bytes", "89 7E 00 7E", protocolError)
	addHex("§5.5", "header of a ping of 65536 bytes", "89 7F 00 00 00 00 00 01 00 00", protocolError)

	addHex("§5.5.1", "close of one byte", "88 01 03", protocolError)
	add("§5.5.1", "close reason not UTF-8", frame(true, wire.OpClose, closing(wire.StatusNormal, "\xED\xA0\x80")), invalid, protocolError)
	add("§5.5.1", "close reason cut off inside a character", frame(true, wire.OpClose, closing(wire.StatusNormal, "κ\xED")), invalid, protocolError)
	for _, code := range []wire.StatusCode{1004, 1005, 1006, 1015} {
		add("§7.4.1", fmt.Sprintf("close code %d", uint16(code)), frame(true, wire.OpClose, closing(code, "")), protocolError)
	}
	for _, code := range []wire.StatusCode{0, 999, 1016, 1100, 2000, 2999, 5000, 65535} {
		add("§7.4.2", fmt.Sprintf("close code %d", uint16(code)), frame(true, wire.OpClose, closing(code, "")), protocolError)
	}

	for _, text := range []string{
		"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xF0\x8F\xBF\xBF",
		"\xED\xA0\x80", "\xED\xBF\xBF", "\xED\xA0\x80\xED\xB0\x80", "\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF",
		"\u03BA\u1F79\xED\xA0\x80e", "\xE2\x82", "\xF0\x9F\x98", "a\xC3",
	} {
		add("§8.1", fmt.Sprintf("text % X", text),
			frame(true, wire.OpText, []byte(text)), invalid)
	}
	addHex("§8.1", "bad character over two fragments", "01 01 E2, 80 01 28", invalid)
	addHex("§8.1", "fragmented text cut off inside a character", "01 01 E2, 80 01 82", invalid)
	addHex("§8.1", "bad first fragment", "01 03 ED A0 80", invalid)

	addHex("§10.4", "frame of 2^60 bytes", "82 7F 10 00 00 00 00 00 00 00", tooBig)
	return all
}

func withZeros(hex string, n int) []byte {
	return append(wstest.Hex(hex), make([]byte, n)...)
}

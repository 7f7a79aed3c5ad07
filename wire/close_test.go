package wire

// This file tests the payload of the Close frame.

import (
	"bytes"
	"strings"
	"testing"
)

// req: 6455-5.5-01 6455-5.5.1-01 6455-5.5.1-02 6455-5.5.1-03 6455-7.4.1-01 6455-7.4.1-02 6455-7.4.2-01 6455-7.4.2-02 6455-7.4.2-03
func TestAppendClosePayload(t *testing.T) {
	long := strings.Repeat("é", 61) + "r" // 123 bytes
	for _, tc := range []struct {
		name   string
		code   StatusCode
		reason string
		want   string // hex
		err    error
	}{
		{"no status", 0, "", "", nil},
		{"reason without status", 0, "bye", "", ErrInvalidCloseCode},
		{"normal", StatusNormal, "", "03 E8", nil},
		{"with reason", StatusNormal, "bye", "03 E8 62 79 65", nil},
		{"going away", StatusGoingAway, "", "03 E9", nil},
		{"bad gateway", StatusBadGateway, "", "03 F6", nil},
		{"registered", 3000, "", "0B B8", nil},
		{"private", 4999, "", "13 87", nil},
		{"too small", 999, "", "", ErrInvalidCloseCode},
		{"1004", 1004, "", "", ErrInvalidCloseCode},
		{"no status received", StatusNoStatus, "", "", ErrInvalidCloseCode},
		{"abnormal", StatusAbnormal, "", "", ErrInvalidCloseCode},
		{"TLS handshake", StatusTLSHandshake, "", "", ErrInvalidCloseCode},
		{"not registered", 2999, "", "", ErrInvalidCloseCode},
		{"5000", 5000, "", "", ErrInvalidCloseCode},
		{"longest reason", StatusNormal, long, "03 E8 " + strings.Repeat("C3 A9 ", 61) + "72", nil},
		{"reason too long", StatusNormal, long + "r", "", ErrControlTooLong},
		{"reason not UTF-8", StatusNormal, "\xFF\xFE", "", ErrInvalidUTF8},
		{"truncated reason", StatusNormal, "\xE2\x82", "", ErrInvalidUTF8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := AppendClosePayload([]byte("before"), tc.code, tc.reason)
			want := append([]byte("before"), unhex(t, tc.want)...)
			if err != tc.err || !bytes.Equal(got, want) {
				t.Errorf("AppendClosePayload = % X, %v, want % X, %v", got, err, want, tc.err)
			}
		})
	}
}

// req: 6455-5.5.1-01 6455-5.5.1-15 6455-7.4.1-03 6455-7.4.1-04 6455-7.4.2-01 6455-7.4.2-02 6455-7.4.2-03 6455-8.1-05
func TestParseClosePayload(t *testing.T) {
	for _, tc := range []struct {
		name    string
		payload string // hex
		code    StatusCode
		reason  string
		fail    StatusCode
		section string
	}{
		{"empty", "", StatusNoStatus, "", 0, ""},
		{"normal", "03 E8", StatusNormal, "", 0, ""},
		{"with reason", "03 E8 62 79 65", StatusNormal, "bye", 0, ""},
		{"non-ASCII reason", "03 F4 C3 A9", StatusServiceRestart, "é", 0, ""},
		{"private", "13 87", 4999, "", 0, ""},
		{"one byte", "03", 0, "", StatusProtocolError, "RFC 6455 §5.5.1"},
		{"0", "00 00", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
		{"999", "03 E7", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
		{"1004", "03 EC", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
		{"1005", "03 ED", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
		{"1006", "03 EE", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
		{"1015", "03 F7", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
		{"1016", "03 F8", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
		{"5000", "13 88", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
		{"65535", "FF FF", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
		{"truncated reason", "03 E8 CE BA ED", 0, "", StatusInvalidPayload, "RFC 6455 §8.1"},
		{"surrogate in reason", "03 E8 ED A0 80", 0, "", StatusInvalidPayload, "RFC 6455 §8.1"},
		{"bad code before bad reason", "03 ED FF", 0, "", StatusProtocolError, "RFC 6455 §7.4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, reason, err := ParseClosePayload(unhex(t, tc.payload))
			if code != tc.code || reason != tc.reason {
				t.Errorf("ParseClosePayload = %d, %q, want %d, %q", code, reason, tc.code, tc.reason)
			}
			if got := codeOf(t, err); got != tc.fail || sectionOf(err) != tc.section {
				t.Errorf("error %v, want code %d of %q", err, tc.fail, tc.section)
			}
		})
	}
}

// A payload that was parsed and written again is the same.
func FuzzParseClosePayload(f *testing.F) {
	for _, seed := range []string{"", "\x03", "\x03\xE8", "\x03\xE8bye", "\x03\xED", "\x13\x87\xE2\x82\xAC", "\x03\xE8\xE2\x82"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		code, reason, err := ParseClosePayload(p)
		if err != nil {
			if c := codeOf(t, err); c != StatusProtocolError && c != StatusInvalidPayload {
				t.Fatalf("error %v has code %d", err, c)
			}
			if code != 0 || reason != "" {
				t.Fatalf("got %d, %q along with error %v", code, reason, err)
			}
			return
		}
		if code == StatusNoStatus {
			code = 0
		}
		if len(p) > MaxControl {
			return // no control frame can carry it
		}
		again, err := AppendClosePayload(nil, code, reason)
		if err != nil || !bytes.Equal(again, p) {
			t.Fatalf("written again: % X, %v, want % X", again, err, p)
		}
	})
}

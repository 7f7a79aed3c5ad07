package wire

// This file tests the status codes.

import "testing"

// req: 6455-7.4.1-01 6455-7.4.1-02 6455-7.4.1-03 6455-7.4.1-04 6455-7.4.2-01 6455-7.4.2-02 6455-7.4.2-03
func TestStatusCodeOnWire(t *testing.T) {
	allowed := map[StatusCode]bool{
		1000: true, 1001: true, 1002: true, 1003: true, 1007: true, 1008: true, 1009: true,
		1010: true, 1011: true, 1012: true, 1013: true, 1014: true,
	}
	for c := range 0x10000 {
		code := StatusCode(c)
		want := allowed[code] || c >= 3000 && c <= 4999
		if got := code.OnWire(); got != want {
			t.Errorf("StatusCode(%d).OnWire() = %v, want %v", c, got, want)
		}
	}
}

func TestStatusCodeString(t *testing.T) {
	for _, tc := range []struct {
		code StatusCode
		want string
	}{
		{StatusNormal, "normal closure"},
		{StatusGoingAway, "going away"},
		{StatusProtocolError, "protocol error"},
		{StatusUnsupportedData, "unsupported data"},
		{1004, "unassigned code"},
		{StatusNoStatus, "no status received"},
		{StatusAbnormal, "abnormal closure"},
		{StatusInvalidPayload, "invalid payload data"},
		{StatusPolicyViolation, "policy violation"},
		{StatusMessageTooBig, "message too big"},
		{StatusMandatoryExtension, "mandatory extension"},
		{StatusInternalError, "internal error"},
		{StatusServiceRestart, "service restart"},
		{StatusTryAgainLater, "try again later"},
		{StatusBadGateway, "bad gateway"},
		{StatusTLSHandshake, "TLS handshake"},
		{0, "unassigned code"},
		{2999, "unassigned code"},
		{3000, "registered code"},
		{3999, "registered code"},
		{4000, "private code"},
		{4999, "private code"},
		{5000, "unassigned code"},
	} {
		if got := tc.code.String(); got != tc.want {
			t.Errorf("StatusCode(%d).String() = %q, want %q", uint16(tc.code), got, tc.want)
		}
	}
}

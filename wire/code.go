package wire

// This file names the status codes of the Close frame: RFC 6455 §7.4.

// StatusCode is the number in a Close frame that says why the connection is closed
// (RFC 6455 §7.4).
type StatusCode uint16

// The codes of RFC 6455 §7.4.1 and those that IANA has registered since.
// StatusNoStatus, StatusAbnormal and StatusTLSHandshake are only reported to the
// program; they are never in a frame.
const (
	StatusNormal             StatusCode = 1000 // the connection has served its purpose
	StatusGoingAway          StatusCode = 1001 // the server shuts down, or the user leaves the page
	StatusProtocolError      StatusCode = 1002 // the peer violated the protocol
	StatusUnsupportedData    StatusCode = 1003 // this type of data is not accepted
	StatusNoStatus           StatusCode = 1005 // report only: the Close frame had no code
	StatusAbnormal           StatusCode = 1006 // report only: ended without a Close frame
	StatusInvalidPayload     StatusCode = 1007 // data does not match its type, such as text that is not UTF-8
	StatusPolicyViolation    StatusCode = 1008 // refused for a reason that no other code names
	StatusMessageTooBig      StatusCode = 1009 // a message is too big to process
	StatusMandatoryExtension StatusCode = 1010 // the server did not accept a required extension
	StatusInternalError      StatusCode = 1011 // the server met an unexpected condition
	StatusServiceRestart     StatusCode = 1012 // the service restarts: come back later
	StatusTryAgainLater      StatusCode = 1013 // the service is overloaded: come back later
	StatusBadGateway         StatusCode = 1014 // a gateway got a bad response from its upstream server
	StatusTLSHandshake       StatusCode = 1015 // report only: the TLS handshake failed
)

// OnWire reports whether c may be in a Close frame, sent or received: the defined
// codes that are not for reports only, 1000 to 1003 and 1007 to 1014 (RFC 6455
// §7.4.1), and the ranges of registered and private codes, 3000 to 4999 (§7.4.2).
func (c StatusCode) OnWire() bool {
	return c >= StatusNormal && c <= StatusUnsupportedData ||
		c >= StatusInvalidPayload && c <= StatusBadGateway ||
		c >= 3000 && c <= 4999
}

// String returns a short name in lower case, such as "normal closure"; for a code
// without a name, the name of its range (RFC 6455 §7.4.2).
func (c StatusCode) String() string {
	switch c {
	case StatusNormal:
		return "normal closure"
	case StatusGoingAway:
		return "going away"
	case StatusProtocolError:
		return "protocol error"
	case StatusUnsupportedData:
		return "unsupported data"
	case StatusNoStatus:
		return "no status received"
	case StatusAbnormal:
		return "abnormal closure"
	case StatusInvalidPayload:
		return "invalid payload data"
	case StatusPolicyViolation:
		return "policy violation"
	case StatusMessageTooBig:
		return "message too big"
	case StatusMandatoryExtension:
		return "mandatory extension"
	case StatusInternalError:
		return "internal error"
	case StatusServiceRestart:
		return "service restart"
	case StatusTryAgainLater:
		return "try again later"
	case StatusBadGateway:
		return "bad gateway"
	case StatusTLSHandshake:
		return "TLS handshake"
	}
	switch {
	case c >= 3000 && c <= 3999:
		return "registered code"
	case c >= 4000 && c <= 4999:
		return "private code"
	}
	return "unassigned code"
}

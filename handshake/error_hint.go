package handshake

// This file is the part of an error's text that says what to do about it.

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// hint returns what can be done about e, "" if nothing better than its text is known.
func hint(e *Error) string {
	if e.Status != 0 && e.Status != 101 {
		return statusHint(e)
	}
	var (
		plain     tls.RecordHeaderError
		authority x509.UnknownAuthorityError
	)
	switch {
	case errors.As(e.Err, &plain):
		return "does the server speak TLS on this port? if not, use the scheme ws"
	case errors.As(e.Err, &authority):
		return "to trust this server, add its authority to RootCAs of the TLS configuration"
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "nothing listens there: check host and port, and that the server is running"
	case e.Stage == StageResolve && !e.Timeout():
		return "check the host name"
	case e.Stage == StageValidate:
		return "the server, or something in between, violates RFC 6455"
	}
	return ""
}

// statusHint returns a hint for a response that is not a 101.
func statusHint(e *Error) string {
	switch {
	case e.Status == 407:
		return "put the proxy's user name and password into the URL of the proxy"
	case e.Stage == StageProxy:
		return "the proxy refuses to connect to this server"
	case len(e.Versions()) > 0:
		return fmt.Sprintf("the server speaks version %.100s of the protocol, this client version 13", strings.Join(e.Versions(), ", "))
	case e.Header.Get("Location") != "" && e.StatusClass() == 3:
		return fmt.Sprintf("it redirects to %.200s", redact(e.Header.Get("Location")))
	case e.Status == 401 || e.Status == 403:
		return "check credentials and origin"
	case e.Status == 404 || e.Status == 410:
		return "check the path"
	case e.Status == 426:
		return "the server wants another protocol"
	case e.StatusClass() == 2:
		return "this is an ordinary HTTP response: is it the address of a WebSocket server?"
	}
	return ""
}

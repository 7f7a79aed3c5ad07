package handshake

// What a person can do about a failed handshake, for the text of the error.

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// advice returns a hint for e, "" if there is none.
func advice(e *Error) string {
	if e.Status != 0 && e.Status != 101 {
		return statusAdvice(e)
	}
	var (
		plain     tls.RecordHeaderError
		authority x509.UnknownAuthorityError
	)
	switch {
	case errors.As(e.Err, &plain):
		return "does the server speak TLS on this port? if not, the scheme is ws"
	case errors.As(e.Err, &authority):
		return "if this server is to be trusted, add its authority to RootCAs of the TLS configuration"
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "nothing listens there: check host and port, and that the server runs"
	case e.Stage == StageResolve && !e.Timeout():
		return "check the host name"
	case e.Stage == StageValidate:
		return "the server, or something between, does not keep to RFC 6455"
	}
	return ""
}

// statusAdvice returns a hint for an answer that is not a 101.
func statusAdvice(e *Error) string {
	switch {
	case e.Status == 407:
		return "give the proxy's user name and password in the URL of the proxy"
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
		return "it is an ordinary HTTP answer: is this the address of a WebSocket server?"
	}
	return ""
}

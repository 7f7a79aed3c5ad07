package handshake

// What makes a 101 a valid answer to the opening handshake: RFC 6455 §4.1.

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// validate checks a 101 answer to a request with this key and these offers, and
// returns what was agreed.
func validate(a *Answer, key string, req *Request) (subprotocol string, extensions []Extension, err error) {
	// RFC 7230 §2.6, §6.7: Upgrade came with HTTP/1.1; a higher minor version
	// is read as 1.1.
	if a.Major != 1 || a.Minor < 1 {
		return "", nil, fmt.Errorf("the answer is HTTP/%d.%d, which has no upgrade (RFC 7230 §6.7)", a.Major, a.Minor)
	}
	// RFC 7230 §3.2.4: no blank between name and colon. Package net/http lets it pass.
	if !validNames(a.Header) {
		return "", nil, errMalformedHeader
	}
	// RFC 6455 §4.1: Upgrade is "websocket" and nothing else.
	if v := a.Header.Values("Upgrade"); len(v) != 1 || !equalFold(trim(v[0]), "websocket") {
		return "", nil, errors.New("the Upgrade field of the answer is not websocket (RFC 6455 §4.1)")
	}
	// RFC 6455 §4.1: one of the tokens of Connection is "upgrade".
	if !slices.ContainsFunc(listElements(a.Header.Values("Connection")), func(token string) bool {
		return equalFold(token, "upgrade")
	}) {
		return "", nil, errors.New("the Connection field of the answer does not list Upgrade (RFC 6455 §4.1)")
	}
	// RFC 6455 §4.1 and §11.3.3: Sec-WebSocket-Accept is there once and answers
	// our key.
	if v := a.Header.Values("Sec-WebSocket-Accept"); len(v) != 1 || trim(v[0]) != AcceptKey(key) {
		return "", nil, errors.New("Sec-WebSocket-Accept of the answer does not answer the key of the request (RFC 6455 §4.1)")
	}
	if extensions, err = validExtensions(a.Header.Values("Sec-WebSocket-Extensions"), req.Extensions); err != nil {
		return "", nil, err
	}
	if subprotocol, err = validSubprotocol(a.Header.Values("Sec-WebSocket-Protocol"), req.Subprotocols); err != nil {
		return "", nil, err
	}
	return subprotocol, extensions, nil
}

// validNames reports whether every name in the header is a token.
func validNames(header http.Header) bool {
	for name := range header {
		if !isToken(name) {
			return false
		}
	}
	return true
}

// validExtensions parses the extensions of the answer and checks them against
// the offers. Whether the parameters are acceptable is for the extension to
// say.
func validExtensions(lines []string, offered []Extension) ([]Extension, error) {
	accepted, err := parseExtensions(lines)
	if err != nil {
		return nil, err
	}
	for i, e := range accepted {
		same := func(o Extension) bool { return o.Name == e.Name }
		// RFC 6455 §4.1: only what was offered.
		if !slices.ContainsFunc(offered, same) {
			return nil, fmt.Errorf("the server uses extension %.100q, which was not offered (RFC 6455 §4.1)", e.Name)
		}
		// RFC 6455 §9.1: the list is the order of use, and nothing can be used
		// twice.
		if slices.ContainsFunc(accepted[:i], same) {
			return nil, fmt.Errorf("the server uses extension %.100q twice (RFC 6455 §9.1)", e.Name)
		}
	}
	return accepted, nil
}

// validSubprotocol returns the subprotocol of the answer. RFC 6455 §4.1 and
// §11.3.4: it is one of those asked for, letter case included, and stands there
// once.
func validSubprotocol(lines, asked []string) (string, error) {
	if len(lines) == 0 {
		return "", nil
	}
	if len(lines) > 1 {
		return "", errors.New("the answer has several Sec-WebSocket-Protocol (RFC 6455 §11.3.4)")
	}
	if p := trim(lines[0]); slices.Contains(asked, p) {
		return p, nil
	}
	return "", fmt.Errorf("the server chose subprotocol %.100q, which was not asked for (RFC 6455 §4.1)", lines[0])
}

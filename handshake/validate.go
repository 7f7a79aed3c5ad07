package handshake

// This file checks that a 101 is a valid response to the opening handshake: RFC
// 6455 §4.1.

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// validate checks the 101 for a request with this key and these offers, and
// returns what was agreed.
//
// The header has the spelling of package net/http, which Values would make again for
// each name.
func validate(resp *Response, key string, req *Request) (subprotocol string, extensions []Extension, err error) {
	// RFC 7230 §2.6, §6.7: Upgrade exists since HTTP/1.1; a higher minor version is
	// read as 1.1.
	if resp.Major != 1 || resp.Minor < 1 {
		return "", nil, fmt.Errorf("the response is HTTP/%d.%d, which has no upgrade (RFC 7230 §6.7)", resp.Major, resp.Minor)
	}
	// RFC 7230 §3.2.4: no blank between name and colon. Package net/http lets it pass.
	if !validNames(resp.Header) {
		return "", nil, errMalformedHeader
	}
	// RFC 6455 §4.1: Upgrade is "websocket" and nothing else.
	if v := resp.Header["Upgrade"]; len(v) != 1 || !equalFold(trim(v[0]), "websocket") {
		return "", nil, errors.New("the Upgrade field of the response is not websocket (RFC 6455 §4.1)")
	}
	// RFC 6455 §4.1: one of the tokens of Connection is "upgrade".
	if !slices.ContainsFunc(listElements(resp.Header["Connection"]), func(token string) bool {
		return equalFold(token, "upgrade")
	}) {
		return "", nil, errors.New("the Connection field of the response does not list Upgrade (RFC 6455 §4.1)")
	}
	// RFC 6455 §4.1 and §11.3.3: Sec-WebSocket-Accept occurs once and matches our
	// key.
	if v := resp.Header["Sec-Websocket-Accept"]; len(v) != 1 || trim(v[0]) != AcceptKey(key) {
		return "", nil, errors.New("the Sec-WebSocket-Accept field of the response does not match the key of the request (RFC 6455 §4.1)")
	}
	if extensions, err = validExtensions(resp.Header["Sec-Websocket-Extensions"], req.Extensions); err != nil {
		return "", nil, err
	}
	if subprotocol, err = validSubprotocol(resp.Header["Sec-Websocket-Protocol"], req.Subprotocols); err != nil {
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

// validExtensions parses the extensions of the response and checks them against
// the offers. Their parameters are for each extension to check.
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
		// RFC 6455 §9.1: the list is the order of use; no extension is used twice.
		if slices.ContainsFunc(accepted[:i], same) {
			return nil, fmt.Errorf("the server uses extension %.100q twice (RFC 6455 §9.1)", e.Name)
		}
	}
	return accepted, nil
}

// validSubprotocol returns the subprotocol of the response. RFC 6455 §4.1 and
// §11.3.4: it is one of those asked for, in the same letter case, and occurs once.
func validSubprotocol(lines, asked []string) (string, error) {
	if len(lines) == 0 {
		return "", nil
	}
	if len(lines) > 1 {
		return "", errors.New("the response has several Sec-WebSocket-Protocol fields (RFC 6455 §11.3.4)")
	}
	if p := trim(lines[0]); slices.Contains(asked, p) {
		return p, nil
	}
	return "", fmt.Errorf("the server chose subprotocol %.100q, which was not asked for (RFC 6455 §4.1)", lines[0])
}

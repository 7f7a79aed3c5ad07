package handshake

// This file follows redirects, if that was asked for: RFC 9110 §15.4.

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// isRedirect reports whether e is a redirect by the server that can be followed.
func isRedirect(e *Error) bool {
	if e.Stage != StageHTTP || e.Header.Get("Location") == "" {
		return false
	}
	switch e.Status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// redirect returns where a response with this Location redirects to, and the
// Request for it. The errors say why it cannot be followed; they do not quote
// Location, which may hold credentials.
func redirect(from *url.URL, req *Request, location string) (*url.URL, *Request, error) {
	// RFC 9110 §10.2.2: it is relative to the current URL.
	target, err := withoutUser(from).Parse(location)
	if err != nil {
		return nil, nil, errors.New("its Location is not a valid URL")
	}
	if target.User != nil {
		return nil, nil, errors.New("its Location has user information")
	}
	switch target.Scheme {
	case "http":
		target.Scheme = "ws"
	case "https":
		target.Scheme = "wss"
	}
	to, err := parseURL(target.String())
	if err != nil {
		return nil, nil, fmt.Errorf("its Location is not a WebSocket URL: %w", err)
	}
	if secure(from) && !secure(to) {
		return nil, nil, errors.New("it leads from wss to ws")
	}
	next := *req
	if address(from) == address(to) {
		to.User = from.User
		return to, &next, nil
	}
	// RFC 9110 §15.4: credentials for one host are not sent to another.
	next.Host, next.TLSConfig = "", nil
	next.Header = make(http.Header)
	for name, values := range req.Header {
		if !equalFold(name, "Authorization") && !equalFold(name, "Cookie") {
			next.Header[name] = values
		}
	}
	return to, &next, nil
}

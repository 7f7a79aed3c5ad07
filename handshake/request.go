package handshake

// This file checks a Request and makes the header section of the HTTP request.

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// check refuses what must not be sent, before any network is used. The errors
// quote no values of header fields: they may be credentials.
func (r *Request) check() error {
	// RFC 6455 §4.1: subprotocols are non-empty tokens, all different.
	seen := make(map[string]bool, len(r.Subprotocols))
	for _, p := range r.Subprotocols {
		if !isToken(p) {
			return fmt.Errorf("subprotocol %q is not a token (RFC 6455 §4.1)", p)
		}
		if seen[p] {
			return fmt.Errorf("subprotocol %q is asked for twice (RFC 6455 §4.1)", p)
		}
		seen[p] = true
	}
	for _, e := range r.Extensions {
		if !e.valid() {
			return fmt.Errorf("extension %q breaks the grammar of RFC 6455 §9.1", e)
		}
	}
	// RFC 9110 §5.5: no CR, LF, NUL or other control characters.
	switch {
	case !validHost(r.Host):
		return errors.New("the field Host has a character that is not allowed there")
	case !httpguts.ValidHeaderFieldValue(r.Origin):
		return errors.New("the field Origin has a character that is not allowed in a header")
	case !httpguts.ValidHeaderFieldValue(r.UserAgent):
		return errors.New("the field UserAgent has a character that is not allowed in a header")
	}
	single := make(map[string]int)
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("header name %q is not a token (RFC 9110 §5.1)", name)
		}
		if instead := owned(name); instead != "" {
			return fmt.Errorf("header %s must not be set: %s", name, instead)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("the value of header %s has a character that is not allowed in a header (RFC 9110 §5.5)", name)
			}
		}
		key := http.CanonicalHeaderKey(name)
		single[key] += len(values)
		switch key {
		case "Authorization", "Origin", "User-Agent":
			if single[key] > 1 {
				return fmt.Errorf("header %s is given more than once", key)
			}
		}
	}
	return nil
}

// owned returns, for a header that belongs to the handshake, what to do instead of
// setting it; "" for any other. RFC 6455 §11.3: the fields of the handshake occur
// once.
func owned(name string) string {
	switch key := http.CanonicalHeaderKey(name); key {
	case "Host":
		return "set the field Host of the Request"
	case "Upgrade", "Connection":
		return "the handshake sets it"
	case "Sec-Websocket-Protocol":
		return "set the field Subprotocols of the Request"
	case "Sec-Websocket-Extensions":
		return "set the field Extensions of the Request"
	case "Content-Length", "Transfer-Encoding", "Trailer", "Expect":
		return "the request has no body" // RFC 6455 §4.1: a GET
	case "Proxy-Authorization":
		return "put the credentials into the URL of the proxy" // it must not go through the tunnel
	default:
		if strings.HasPrefix(key, "Sec-Websocket-") {
			return "the handshake sets it"
		}
		return ""
	}
}

// validHost reports whether s is empty or may be sent as Host (RFC 7230 §5.4).
func validHost(s string) bool {
	return httpguts.ValidHostHeader(s) && !strings.ContainsAny(s, "@/?# ")
}

// head makes the header section (RFC 6455 §4.1) of a Request that has been checked.
func (r *Request) head(u *url.URL, key string) *RequestHead {
	const usual = 8 // the most that the handshake has itself
	h := &RequestHead{Host: r.Host, Fields: make([]Field, 0, usual+len(r.Header)), TLSConfig: r.TLSConfig}
	if h.Host == "" {
		h.Host = withoutZone(u.Host)
	}
	add := func(name, value string) {
		h.Fields = append(h.Fields, Field{name, value})
	}
	add("Upgrade", "websocket")
	add("Connection", "Upgrade")
	add("Sec-WebSocket-Key", key)
	add("Sec-WebSocket-Version", "13")
	if len(r.Subprotocols) > 0 {
		add("Sec-WebSocket-Protocol", strings.Join(r.Subprotocols, ", "))
	}
	if len(r.Extensions) > 0 {
		var offers []string
		for _, e := range r.Extensions {
			offers = append(offers, e.String())
		}
		add("Sec-WebSocket-Extensions", strings.Join(offers, ", ")) // RFC 6455 §9.1: one line
	}
	if r.Origin != "" && !r.has("Origin") {
		add("Origin", r.Origin)
	}
	if !r.has("User-Agent") {
		agent := r.UserAgent
		if agent == "" {
			agent = DefaultUserAgent
		}
		add("User-Agent", agent)
	}
	if u.User != nil && !r.has("Authorization") {
		add("Authorization", basicAuth(u.User))
	}
	// Sorted, so that the same Request always gives the same bytes.
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range r.Header[name] {
			if v == "" && equalFold(name, "User-Agent") {
				continue // RFC 9110 §10.1.5: the user asked for no User-Agent
			}
			add(name, v)
		}
	}
	return h
}

// has reports whether the user set this header, in any letter case.
func (r *Request) has(name string) bool {
	for n, values := range r.Header {
		if equalFold(n, name) && len(values) > 0 {
			return true
		}
	}
	return false
}

// basicAuth returns the value of a Basic authorization (RFC 7617 §2).
func basicAuth(user *url.Userinfo) string {
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

// appendHead appends a request without a body (RFC 7230 §3), with Host as its
// first header (RFC 9110 §7.2).
func appendHead(b []byte, method, target string, h *RequestHead) []byte {
	for _, part := range [...]string{method, " ", target, " HTTP/1.1\r\nHost: ", h.Host, "\r\n"} {
		b = append(b, part...)
	}
	for _, f := range h.Fields {
		for _, part := range [...]string{f.Name, ": ", f.Value, "\r\n"} {
			b = append(b, part...)
		}
	}
	return append(b, "\r\n"...)
}

// This file names the ways in which a server can spoil its answer to the opening
// handshake.

package wstest

import (
	"encoding/base64"
	"strings"
)

// BadResponse is an answer that must not open a connection: the dial fails, the
// client closes TCP and writes no WebSocket frame.
type BadResponse struct {
	// Name says what is wrong, in words that fit the name of a subtest.
	Name string

	// Section is where the rule is, as in "RFC 6455 §4.1".
	Section string

	// Edits spoil the right answer; see Conn.Accept101 and Conn.Upgrade.
	Edits []Edit
}

// BadResponses returns answers that are wrong for a client which asked for no
// subprotocol and no extension. Each call makes new ones.
func BadResponses() []BadResponse {
	var all []BadResponse
	add := func(section, name string, edits ...Edit) {
		all = append(all, BadResponse{Name: name, Section: section, Edits: edits})
	}

	const handshake = "RFC 6455 §4.1"
	for _, status := range []string{
		"200 OK", "400 Bad Request", "403 Forbidden", "404 Not Found",
		"500 Internal Server Error", "503 Service Unavailable",
	} {
		add(handshake, "status "+status, StatusLine("HTTP/1.1 "+status), AddHeader("Content-Length", "0"))
	}

	add(handshake, "no Upgrade", RemoveHeader("Upgrade"))
	for _, value := range []string{"h2c", "websockets", "web socket", "", "foo, websocket"} {
		add(handshake, "Upgrade: "+value, SetHeader("Upgrade", value))
	}
	add("RFC 6455 §2.1", "Upgrade with a Kelvin sign for its k", SetHeader("Upgrade", "websoc\u212Aet"))

	add(handshake, "no Connection", RemoveHeader("Connection"))
	for _, value := range []string{"keep-alive", "close", "upgraded", "Upgrade-x", "keep-alive Upgrade"} {
		add(handshake, "Connection: "+value, SetHeader("Connection", value))
	}

	add(handshake, "no Sec-WebSocket-Accept", RemoveHeader("Sec-WebSocket-Accept"))
	editAccept := func(name string, edit func(right string) string) {
		add(handshake, name, func(r *Response) {
			for i, line := range r.Lines {
				if hasName("Sec-WebSocket-Accept")(line) {
					_, right, _ := strings.Cut(line, ": ")
					r.Lines[i] = "Sec-WebSocket-Accept: " + edit(right)
				}
			}
		})
	}
	editAccept("empty Sec-WebSocket-Accept", func(string) string { return "" })
	editAccept("Sec-WebSocket-Accept for another key", func(string) string {
		return AcceptKey(base64.StdEncoding.EncodeToString(make([]byte, 16)))
	})
	editAccept("Sec-WebSocket-Accept in other letter case", swapCase)
	editAccept("Sec-WebSocket-Accept without its =", func(right string) string {
		return strings.TrimSuffix(right, "=")
	})
	add("RFC 6455 §11.3.3", "two Sec-WebSocket-Accept", func(r *Response) {
		for _, line := range r.Lines {
			if hasName("Sec-WebSocket-Accept")(line) {
				r.Lines = append(r.Lines, line)
				return
			}
		}
	})
	add("RFC 6455 §11.3.3", "a right and a wrong Sec-WebSocket-Accept", AddHeader("Sec-WebSocket-Accept", AcceptKey("")))

	add(handshake, "subprotocol that was not requested", Subprotocol("chat"))
	add(handshake, "extension that was not requested", Extensions("permessage-deflate"))

	const http = "RFC 7230 §2.6"
	for _, version := range []string{"HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTP/1.1"} {
		add(http, "version "+version, StatusLine(version+" 101 Switching Protocols"))
	}
	const status = "RFC 7230 §3.1.2"
	add(status, "no status", StatusLine("HTTP/1.1"))
	for _, code := range []string{"1010", "10", "1o1", "+101", "0101"} {
		add(status, "status code "+code, StatusLine("HTTP/1.1 "+code+" X"))
	}
	add("RFC 7230 §3.2", "header line without a colon", AddLine("X-Nonsense"))
	add("RFC 7230 §3.2.4", "space before a colon", RemoveHeader("Upgrade"), AddLine("Upgrade : websocket"))
	add("RFC 6455 §4.2.2", "not HTTP", StatusLine("SSH-2.0-x"))
	add("RFC 6455 §4.2.2", "empty first line", StatusLine(""))
	add("RFC 6455 §4.2.2", "a request", StatusLine("GET / HTTP/1.1"))
	return all
}

// swapCase makes small ASCII letters large and large ones small.
func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

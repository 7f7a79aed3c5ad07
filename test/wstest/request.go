// This file reads the head of an HTTP request as it is on the wire: the
// client's opening handshake, or its CONNECT to a proxy.

package wstest

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// maxRequestHead is how long a request's head may be: 1 MiB.
const maxRequestHead = 1 << 20

// Request is the head of an HTTP request.
type Request struct {
	// Raw is the head byte for byte, with the empty line at its end.
	Raw []byte

	// Method, Target and Proto are the parts of the request line.
	Method, Target, Proto string

	// Lines are the header lines, in order.
	Lines []HeaderLine

	// HTTP is what package net/http makes of the head.
	HTTP *http.Request
}

// HeaderLine is one header line, its name as written and its value without
// white space around it.
type HeaderLine struct {
	Name, Value string
}

// Values returns the values of all lines with that name, in any letter case, in
// order.
func (r *Request) Values(name string) []string {
	var values []string
	for _, line := range r.Lines {
		if strings.EqualFold(line.Name, name) {
			values = append(values, line.Value)
		}
	}
	return values
}

// Value returns the value of the first line with that name, "" if there is none.
func (r *Request) Value(name string) string {
	if values := r.Values(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Key is the value of Sec-WebSocket-Key.
func (r *Request) Key() string { return r.Value("Sec-WebSocket-Key") }

// Subprotocols are the elements of Sec-WebSocket-Protocol, in order.
func (r *Request) Subprotocols() []string { return r.list("Sec-WebSocket-Protocol") }

// Extensions are the elements of Sec-WebSocket-Extensions with their
// parameters, in order. A comma in a quoted parameter is not expected.
func (r *Request) Extensions() []string { return r.list("Sec-WebSocket-Extensions") }

// list splits all lines with that name at their commas.
func (r *Request) list(name string) []string {
	var elements []string
	for _, value := range r.Values(name) {
		for element := range strings.SplitSeq(value, ",") {
			if element = strings.TrimSpace(element); element != "" {
				elements = append(elements, element)
			}
		}
	}
	return elements
}

// ReadRequest reads one request head, up to and with its empty line, and fails if
// none comes or net/http cannot parse it. It is remembered for Response. What
// the client has sent behind it stays on the stream.
func (c *Conn) ReadRequest() *Request {
	c.tb().Helper()
	defer c.link.lockRead()()
	l := c.link
	deadline := time.Now().Add(c.timeout)
	for {
		got := l.unread()
		if end := headEnd(got); end > 0 {
			req, err := parseRequest(got[:end])
			if err != nil {
				c.failf(err, "not an HTTP request: %v", err)
			}
			l.take(end, "%s %s, a head of %d bytes", req.Method, req.Target, end)
			l.mu.Lock()
			l.req = req
			l.mu.Unlock()
			return req
		}
		if len(got) > maxRequestHead {
			c.failf(nil, "a request's head of more than %d bytes", maxRequestHead)
		}
		if err := l.fill(0, deadline); err != nil {
			c.failf(err, "waiting for an HTTP request: %s", c.reason(err))
		}
	}
}

// headEnd is where the head at the beginning of p ends, 0 if it does not.
func headEnd(p []byte) int {
	const emptyLine = "\r\n\r\n"
	if i := bytes.Index(p, []byte(emptyLine)); i >= 0 {
		return i + len(emptyLine)
	}
	return 0
}

// parseRequest parses a whole head.
func parseRequest(head []byte) (*Request, error) {
	parsed, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return nil, err
	}
	r := &Request{Raw: bytes.Clone(head), HTTP: parsed}
	lines := strings.Split(strings.TrimSuffix(string(head), "\r\n\r\n"), "\r\n")
	parts := strings.Split(lines[0], " ")
	if len(parts) != 3 {
		return nil, fmt.Errorf("request line %q has not three parts", lines[0])
	}
	r.Method, r.Target, r.Proto = parts[0], parts[1], parts[2]
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("header line %q has no colon", line)
		}
		r.Lines = append(r.Lines, HeaderLine{name, strings.Trim(value, " \t")})
	}
	return r, nil
}

// This file answers the opening handshake: rightly, with single things changed,
// or with anything else.

package wstest

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Response is the head of an answer, in parts that an Edit may change.
type Response struct {
	// StatusLine is the first line, without its line end.
	StatusLine string

	// Lines are the header lines, without line ends.
	Lines []string

	// After are bytes that are written together with the head, after its
	// empty line.
	After []byte
}

// Bytes are the bytes of the answer on the wire.
func (r *Response) Bytes() []byte {
	var b []byte
	for _, line := range append([]string{r.StatusLine}, r.Lines...) {
		b = append(b, line...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	return append(b, r.After...)
}

// Edit changes an answer. Any function can be one.
type Edit func(*Response)

// StatusLine replaces the first line.
func StatusLine(line string) Edit {
	return func(r *Response) { r.StatusLine = line }
}

// AddHeader adds a header line at the end.
func AddHeader(name, value string) Edit {
	return AddLine(name + ": " + value)
}

// SetHeader replaces the value of the lines with that name, in place, or adds a
// line.
func SetHeader(name, value string) Edit {
	return func(r *Response) {
		line := name + ": " + value
		at := slices.IndexFunc(r.Lines, hasName(name))
		RemoveHeader(name)(r)
		if at < 0 {
			at = len(r.Lines)
		}
		r.Lines = slices.Insert(r.Lines, at, line)
	}
}

// RemoveHeader removes all lines with that name.
func RemoveHeader(name string) Edit {
	return func(r *Response) { r.Lines = slices.DeleteFunc(r.Lines, hasName(name)) }
}

// AddLine adds a line as it is, at the end.
func AddLine(line string) Edit {
	return func(r *Response) { r.Lines = append(r.Lines, line) }
}

// Subprotocol answers with that subprotocol.
func Subprotocol(name string) Edit { return SetHeader("Sec-WebSocket-Protocol", name) }

// Extensions answers with that value of Sec-WebSocket-Extensions.
func Extensions(value string) Edit { return SetHeader("Sec-WebSocket-Extensions", value) }

// After writes p in the same segment as the head, right after it.
func After(p []byte) Edit {
	return func(r *Response) { r.After = append(r.After, p...) }
}

func hasName(name string) func(line string) bool {
	return func(line string) bool {
		lineName, _, _ := strings.Cut(line, ":")
		return strings.EqualFold(lineName, name)
	}
}

// AcceptKey computes Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455
// §4.2.2).
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// newResponse is the right answer to a request with that key.
func newResponse(key string) *Response {
	return &Response{
		StatusLine: "HTTP/1.1 101 Switching Protocols",
		Lines: []string{
			"Upgrade: websocket",
			"Connection: Upgrade",
			"Sec-WebSocket-Accept: " + AcceptKey(key),
		},
	}
}

// Request is the request that ReadRequest read last, nil before.
func (c *Conn) Request() *Request {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.link.req
}

// Response makes the right 101 answer to the request that was read last, with
// edits, for scripts that write it in their own way. It fails if no request
// was read.
func (c *Conn) Response(edits ...Edit) *Response {
	c.tb().Helper()
	req := c.Request()
	if req == nil {
		c.failf(nil, "Response before ReadRequest")
	}
	r := newResponse(req.Key())
	for _, edit := range edits {
		edit(r)
	}
	return r
}

// Accept101 writes the right 101 answer to the request that was read last, with
// edits, in one write.
func (c *Conn) Accept101(edits ...Edit) {
	c.tb().Helper()
	c.WriteRaw(c.Response(edits...).Bytes())
}

// Upgrade reads the request and answers it with Accept101.
func (c *Conn) Upgrade(edits ...Edit) *Request {
	c.tb().Helper()
	req := c.ReadRequest()
	c.Accept101(edits...)
	return req
}

// Respond writes an answer with any status, in one write: header lines as given,
// then Content-Length and the body, unless a line names Content-Length or
// Transfer-Encoding. A status below 200 has no Content-Length.
func (c *Conn) Respond(status int, body string, lines ...string) {
	c.tb().Helper()
	c.WriteRaw(plainResponse(status, body, lines...).Bytes())
}

// plainResponse is a whole answer that opens no connection.
func plainResponse(status int, body string, lines ...string) *Response {
	r := &Response{
		StatusLine: fmt.Sprintf("HTTP/1.1 %d %s", status, http.StatusText(status)),
		Lines:      slices.Clone(lines),
	}
	framed := slices.ContainsFunc(lines, hasName("Content-Length")) ||
		slices.ContainsFunc(lines, hasName("Transfer-Encoding"))
	if status >= 200 && !framed {
		AddHeader("Content-Length", fmt.Sprint(len(body)))(r)
	}
	After([]byte(body))(r)
	return r
}

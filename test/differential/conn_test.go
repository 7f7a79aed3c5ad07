package differential

// This file is the server for implementations that need a connection: it answers the
// opening handshake and then sends the stream.

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// conn is a client's connection in memory. Read returns the response to the opening
// handshake, then the stream, then io.EOF.
type conn struct {
	stream []byte
	input  bytes.Reader
	open   bool   // the handshake was answered
	output []byte // the bytes written since then
}

// newConn returns a conn before the handshake.
func newConn(stream []byte) *conn { return &conn{stream: stream} }

// newOpenConn returns a conn after the handshake.
func newOpenConn(stream []byte) *conn {
	c := &conn{open: true}
	c.input.Reset(stream)
	return c
}

func (c *conn) Read(p []byte) (int, error) { return c.input.Read(p) }

func (c *conn) Write(p []byte) (int, error) {
	c.output = append(c.output, p...)
	if !c.open && bytes.HasSuffix(c.output, []byte("\r\n\r\n")) {
		return len(p), c.shakeHands()
	}
	return len(p), nil
}

// shakeHands answers the request (RFC 6455 §4.2.2).
func (c *conn) shakeHands() error {
	_, rest, ok := strings.Cut(string(c.output), "\r\nSec-WebSocket-Key: ")
	if !ok {
		return errors.New("request without a key")
	}
	key, _, _ := strings.Cut(rest, "\r\n")
	c.input.Reset(append([]byte("HTTP/1.1 101 Switching Protocols\r\n"+
		"Upgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "+accept(key)+"\r\n\r\n"), c.stream...))
	c.open, c.output = true, nil
	return nil
}

// accept returns the value of Sec-WebSocket-Accept for a key.
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// sentClose returns the code of the Close frame that was written last, 0 if
// there is none.
func (c *conn) sentClose() int {
	frames, _ := split(c.output)
	if len(frames) == 0 {
		return 0
	}
	f := frames[len(frames)-1]
	if f.opcode() != opClose || len(f.payload) < 2 {
		return 0
	}
	key := binary.BigEndian.Uint16(f.key[:])
	return int(binary.BigEndian.Uint16(f.payload) ^ key)
}

func (c *conn) Close() error                     { return nil }
func (c *conn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *conn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// RoundTrip answers the handshake of an implementation that leaves it to an http.Client: c
// is the body of the response.
func (c *conn) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusSwitchingProtocols,
		Header: http.Header{
			"Upgrade":              {"websocket"},
			"Connection":           {"Upgrade"},
			"Sec-Websocket-Accept": {accept(req.Header.Get("Sec-WebSocket-Key"))},
		},
		Body: io.ReadCloser(c),
	}, nil
}

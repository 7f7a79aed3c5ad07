package server

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
)

const (
	keyHeader = "sec-websocket-key"
	keyGUID   = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455 §1.3
)

var errRequest = errors.New("not an upgrade request")

// upgrade answers the opening handshake and returns what was asked for. The
// client has nothing to say before it has the answer, so nothing else is read.
func upgrade(rw io.ReadWriter) (*url.URL, error) {
	var buf [4096]byte
	head := buf[:0]
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		n, err := rw.Read(buf[len(head):])
		if err != nil {
			return nil, err
		}
		head = buf[:len(head)+n]
	}

	line, head, _ := bytes.Cut(head, []byte("\r\n"))
	fields := bytes.Fields(line)
	if len(fields) != 3 {
		return nil, errRequest
	}
	uri, err := url.ParseRequestURI(string(fields[1]))
	if err != nil {
		return nil, err
	}
	for len(head) > 0 {
		line, head, _ = bytes.Cut(head, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if len(name) == len(keyHeader) && bytes.EqualFold(name, []byte(keyHeader)) {
			_, err := rw.Write(accept(bytes.TrimSpace(value)))
			return uri, err
		}
	}
	return nil, errRequest
}

func accept(key []byte) []byte {
	sum := sha1.Sum(append(key[:len(key):len(key)], keyGUID...))
	answer := make([]byte, 0, 160)
	answer = append(answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	answer = base64.StdEncoding.AppendEncode(answer, sum[:])
	return append(answer, "\r\n\r\n"...)
}

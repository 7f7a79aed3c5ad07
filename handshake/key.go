package handshake

// This file is the key of the request and the value that must come back for it.

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
)

// acceptGUID is from RFC 6455 §1.3.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// newKey returns a Sec-WebSocket-Key: 16 random bytes in base64 (RFC 6455 §4.1).
func newKey() string {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	return base64.StdEncoding.EncodeToString(nonce[:])
}

// AcceptKey returns the Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455
// §4.2.2): the base64 of the SHA-1 of key and a fixed GUID. key is taken as text;
// it is not decoded. A server needs it.
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

package handshake

// This file is the HTTP under the handshake: the interface that lets its
// implementations be exchanged.

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
)

// Adapter makes one HTTP exchange: it sends a GET request and returns the final
// response. It knows nothing about WebSocket; Client checks the response.
//
// u is a URL as ParseURL returns it, without user information: the scheme is ws
// or wss (wss asks for TLS), u.RequestURI() is the request target. The request
// has the fields of head and no body.
//
// Exchange blocks until there is a final response (interim 1xx responses are
// skipped, but 101 is final), an error, or the end of ctx. It follows no redirect
// and retries nothing. An error should be an *Error that names its stage; any
// other is reported under StageHTTP. After an error, and after a response other
// than 101, nothing that this exchange opened stays open.
type Adapter interface {
	Exchange(ctx context.Context, u *url.URL, head *RequestHead) (*Response, error)
}

// RequestHead is the header section of a request.
type RequestHead struct {
	// Host is the value of the Host field, which is sent first.
	Host string
	// Fields are all other fields, in the order in which they are sent.
	Fields []Field

	// TLSConfig, if set, replaces the adapter's own for the TLS handshake with
	// the server. An adapter that cannot do that must fail.
	TLSConfig *tls.Config
}

// Field is one line of a header section.
type Field struct {
	Name, Value string
}

// value returns the value of the first field of that name, "" if there is none.
func (h *RequestHead) value(name string) string {
	for _, f := range h.Fields {
		if equalFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Response is the server's final response.
type Response struct {
	// Major and Minor are the HTTP version.
	Major, Minor int
	Status       int
	Header       http.Header

	// Stream is the connection after a 101; it belongs to whoever receives the
	// Response. It is nil with any other status.
	Stream io.ReadWriteCloser
	// Buffered holds bytes after the head of a 101 that have already been read.
	Buffered []byte

	// Body is the beginning of the body of any other response, at most 1 KiB.
	Body []byte

	// LocalAddr and RemoteAddr are the ends of the connection; nil if unknown.
	LocalAddr, RemoteAddr net.Addr
}

// maxBody is how many bytes of the body of a refusal are kept.
const maxBody = 1 << 10

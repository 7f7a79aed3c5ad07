package handshake

// The HTTP under the handshake: the interface by which implementations of it
// are exchanged.

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
)

// Adapter makes one HTTP exchange: it sends a GET request and returns the
// final answer. It knows nothing about WebSocket; Client checks the answer.
//
// u is as ParseURL returns it, without user information: the scheme is ws or
// wss (wss asks for TLS), u.RequestURI() is the request target. The request has
// the fields of head and no body.
//
// Exchange blocks until there is a final answer (interim 1xx answers are passed
// over, but 101 is final), an error, or the end of ctx. It follows no redirect
// and repeats nothing. An error should be an *Error that names its stage; any
// other is reported under StageHTTP. After an error, and after an answer other
// than 101, nothing that this exchange opened stays open.
type Adapter interface {
	Exchange(ctx context.Context, u *url.URL, head *Head) (*Answer, error)
}

// Head is the header section of the request.
type Head struct {
	// Host is the value of Host, which is sent first.
	Host string
	// Fields are all other lines, in the order in which they are sent.
	Fields []Field

	// TLSConfig, if set, takes the place of the adapter's own for the TLS
	// handshake with the server. An adapter that cannot do that has to fail.
	TLSConfig *tls.Config
}

// Field is one line of a header section.
type Field struct {
	Name, Value string
}

// value returns the value of the first field of that name, "" if there is none.
func (h *Head) value(name string) string {
	for _, f := range h.Fields {
		if equalFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Answer is what the server answered.
type Answer struct {
	// Major and Minor are the version of HTTP.
	Major, Minor int
	Status       int
	Header       http.Header

	// Stream is the connection behind a 101; it belongs to the receiver of the
	// answer. It is nil with any other status.
	Stream io.ReadWriteCloser
	// Buffered are bytes behind the head of a 101 that have been read already.
	Buffered []byte

	// Body is the beginning of the body of any other answer, at most 1 KiB.
	Body []byte

	// LocalAddr and RemoteAddr are the ends of the connection; nil if unknown.
	LocalAddr, RemoteAddr net.Addr
}

// maxBody is how much of the body of a refusal is kept.
const maxBody = 1 << 10

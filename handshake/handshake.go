package handshake

// What a handshake is given and what comes out of it.

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
)

// Handshaker is a way to get from a URL to an open WebSocket connection.
//
// Handshake blocks until the connection is open, the attempt failed or ctx
// ended. It does not change req. A failure is an *Error and leaves nothing
// open. ctx governs the handshake only, not the stream that results.
type Handshaker interface {
	Handshake(ctx context.Context, req *Request) (*Result, error)
}

// Request says where to connect to and with what.
type Request struct {
	// URL is the address, with the scheme ws or wss; see ParseURL for what is
	// accepted. User information in it (ws://user:password@host/) is sent as
	// Basic authorization (RFC 7617) and appears nowhere else.
	URL string

	// Header has further header fields, sent as given: cookies, authorization
	// and the like. Where it has Authorization, Origin or User-Agent (one value
	// each), it wins over the other source of that field. The fields that the
	// handshake owns are refused: Host, Upgrade, Connection, those that begin
	// with Sec-WebSocket-, those that announce a body, and Proxy-Authorization.
	Header http.Header

	// Host is sent as Host instead of the host and port of the URL. "" for
	// those of the URL.
	Host string

	// Origin is sent as Origin (RFC 6454), e.g. "https://app.example". "" for
	// none.
	Origin string

	// UserAgent is sent as User-Agent. "" for DefaultUserAgent. To send
	// no User-Agent at all, set that field to an empty value in Header.
	UserAgent string

	// Subprotocols are the subprotocols asked for, best first: non-empty HTTP
	// tokens, all different (RFC 6455 §4.1).
	Subprotocols []string

	// Extensions are the extensions offered, best first; one name may be
	// offered several times with different parameters (RFC 6455 §9.1). None by
	// default. The caller has to be able to run what it offers.
	Extensions []Extension

	// TLSConfig is used for wss in place of the TLSConfig of the adapter, e.g.
	// with a client certificate that changes from one attempt to the next. It is
	// not carried to another host or port by a redirect, and a RoundTripAdapter
	// refuses it. nil: that of the adapter.
	TLSConfig *tls.Config
}

// DefaultUserAgent is the product token that is sent as User-Agent unless the
// Request says otherwise (RFC 9110 §10.1.5).
const DefaultUserAgent = "dandelion"

// Result is an open connection.
type Result struct {
	// Stream carries the frames. It belongs to the caller, who has to close it;
	// no deadline is set on it. From a NetAdapter it is the net.Conn itself:
	// the TCP connection, the *tls.Conn, or what DialContext returned.
	Stream io.ReadWriteCloser

	// Buffered are bytes of the server's first frames that arrived together
	// with its answer. They come before everything that is read from Stream.
	Buffered []byte

	// URL is where the connection was made to, without user information: the
	// URL of the Request as ParseURL returns it, or the last one redirected to.
	URL *url.URL

	// Subprotocol is the one that the server chose, "" if it chose none.
	Subprotocol string

	// Extensions are those of the server's answer, in its order, which is the
	// order of their use (RFC 6455 §9.1). Only offered ones occur.
	Extensions []Extension

	// Status and Header are of the server's answer. Header has every Set-Cookie
	// apart.
	Status int
	Header http.Header

	// LocalAddr and RemoteAddr are the ends of the network connection (with a
	// proxy, RemoteAddr is that of the proxy). They are nil if an adapter does
	// not know them.
	LocalAddr, RemoteAddr net.Addr
}

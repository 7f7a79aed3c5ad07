package handshake

// This file is what a handshake is given and what it returns.

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
)

// Handshaker gets from a URL to an open WebSocket connection.
//
// Handshake blocks until the connection is open, the attempt has failed or ctx
// has ended. It does not change req. A failure is an *Error and leaves nothing
// open. ctx governs the handshake only, not the resulting stream.
type Handshaker interface {
	Handshake(ctx context.Context, req *Request) (*Result, error)
}

// Request says where to connect and what to ask for.
type Request struct {
	// URL is the address, with the scheme ws or wss; see ParseURL for what is
	// accepted. Its user information (ws://user:password@host/) is sent as Basic
	// authorization (RFC 7617) and appears nowhere else.
	URL string

	// Header holds further header fields, sent as given: cookies, authorization
	// and the like. If it has Authorization, Origin or User-Agent (one value
	// each), that wins over the other source of the field. Fields that the
	// handshake owns are refused: Host, Upgrade, Connection, those that begin
	// with Sec-WebSocket-, those that announce a body, and Proxy-Authorization.
	Header http.Header

	// Host is sent as Host. "" means host and port of the URL.
	Host string

	// Origin is sent as Origin (RFC 6454), e.g. "https://app.example". "" means
	// none.
	Origin string

	// UserAgent is sent as User-Agent. "" means DefaultUserAgent. To send no
	// User-Agent at all, set that field to an empty value in Header.
	UserAgent string

	// Subprotocols are the subprotocols to ask for, preferred first: non-empty
	// HTTP tokens, all different (RFC 6455 §4.1).
	Subprotocols []string

	// Extensions are the extensions to offer, preferred first; one name may be
	// offered several times with different parameters (RFC 6455 §9.1). The
	// default is none. The caller must be able to run what it offers.
	Extensions []Extension

	// TLSConfig is used for wss instead of the TLSConfig of the adapter, e.g. with
	// a client certificate that changes from one attempt to the next. A redirect
	// does not carry it to another host or port, and a RoundTripAdapter refuses
	// it. nil means that of the adapter.
	TLSConfig *tls.Config
}

// DefaultUserAgent is the product token that is sent as User-Agent unless the
// Request says otherwise (RFC 9110 §10.1.5).
const DefaultUserAgent = "dandelion"

// Result is an open connection.
type Result struct {
	// Stream carries the frames. It belongs to the caller, who must close it; no
	// deadline is set on it. From a NetAdapter it is the net.Conn itself: the TCP
	// connection, the *tls.Conn, or what DialContext returned.
	Stream io.ReadWriteCloser

	// Buffered holds bytes of the server's first frames that arrived together
	// with its response. They come before everything that is read from Stream.
	Buffered []byte

	// URL is the address connected to, without user information: the URL of the
	// Request as ParseURL returns it, or the target of the last redirect.
	URL *url.URL

	// Subprotocol is the one that the server chose, "" if it chose none.
	Subprotocol string

	// Extensions are those that the server accepted, in its order, which is the
	// order of their use (RFC 6455 §9.1). Only offered ones occur.
	Extensions []Extension

	// Status and Header are those of the server's response. Header has a value
	// for every Set-Cookie line.
	Status int
	Header http.Header

	// LocalAddr and RemoteAddr are the ends of the network connection (with a
	// proxy, RemoteAddr is that of the proxy). They are nil if the adapter does
	// not know them.
	LocalAddr, RemoteAddr net.Addr
}

// Package handshake gets from a WebSocket URL to an open byte stream and to what
// was negotiated on the way: the opening handshake of RFC 6455 §4.
//
// A [Handshaker] is any way to get there. [Client] is the one for HTTP/1.1: it
// builds the request, has an [Adapter] make the HTTP exchange, and checks the
// response; the checks are the same for every adapter. [NetAdapter] makes the
// exchange itself over a net.Conn (name resolution, TCP, proxy, TLS);
// [RoundTripAdapter] leaves it to an *http.Client.
//
// Everything here honours its context: when that ends, the call returns, the
// network connection is closed and no goroutine stays behind. Every failure is
// an [*Error] that names its [Stage]. Nothing is retried unless that was asked
// for, and no error text contains credentials.
package handshake

// Package differential holds no code but tests: our decoder against three other
// implementations of RFC 6455 in Go, on the same random streams.
//
// A stream is what a server sends behind the opening handshake. A third of the
// generated ones are messages, fragments and control frames without errors. The
// others have one or two things wrong: bits, opcodes, masks, lengths and their
// forms, text, Close frames, frames lost, doubled or in another place. Some of
// all of them are cut off. wire.Receiver gets a stream as a client: whole, in
// parts, byte by byte and streaming, which has to come to the same. So do these,
// each as a client too and with the same limit for a message:
//
//   - github.com/gorilla/websocket, with Conn.ReadMessage
//   - github.com/gobwas/ws, with wsutil.Reader and its UTF-8 check
//   - github.com/coder/websocket, with Conn.Read
//
// What each makes of the stream is brought into one form: messages, Pings and
// Pongs in order and then how it ended, by a Close frame with its code and
// reason, by a failure with the code for it, or with the stream. All has to be
// equal up to the first difference. That one is either in the table of
// tolerances, with the rule it is about, who differs and in what way, and only if
// the bytes of the stream show that it is this one; or the test fails. What the
// peer does behind a tolerated difference is not looked at: for us the connection
// has ended, or for the peer.
//
// That lengths come in their shortest form is checked by none of the peers, so
// there the stream itself is asked.
//
//	go test ./...                                       200,000 streams
//	go test -run TestRandomStreams -v -streams 5000000  more, with the count of each difference
//	go test -run TestRandomStreams -first 99 -streams 1 the stream of seed 99
//	go test -run '^$' -fuzz FuzzDifferential            streams from the fuzzer
//
// A failure names the seed and shows the stream in hex. The stream may go into
// the table of TestAgreement when the bug is gone.
package differential

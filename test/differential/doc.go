// Package differential holds only tests: our decoder against three other implementations
// of RFC 6455 in Go, on the same random streams.
//
// A stream is what a server sends after the opening handshake. A third of the generated
// ones are messages, fragments and control frames without errors. The others have one or
// two faults: in bits, opcodes, masks, lengths and their forms, text or Close frames, or
// frames that are lost, doubled or moved. Some of all of them are truncated. wire.Receiver
// gets a stream as a client: whole, in parts, byte by byte and streaming, all with the same
// outcome. So do these, each as a client too and with the same limit for a message:
//
//   - github.com/gorilla/websocket, with Conn.ReadMessage
//   - github.com/gobwas/ws, with wsutil.Reader and its UTF-8 check
//   - github.com/coder/websocket, with Conn.Read
//
// The outcomes are brought into one form: messages, Pings and Pongs in order and then how
// it ended: by a Close frame with its code and reason, by a failure with its code, or with
// the stream. They must be equal up to the first difference. That difference must be in the
// table of tolerances, which names the rule, who differs and how, and the bytes of the
// stream must show that it is this one; otherwise the test fails. What the peer does after
// a tolerated difference does not matter: for us or for the peer the connection has ended.
//
// None of the peers checks that lengths are in their shortest form; a test of the stream
// itself replaces the comparison there.
//
//	go test ./...                                       200,000 streams
//	go test -run TestRandomStreams -v -streams 5000000  more, with the count of each difference
//	go test -run TestRandomStreams -first 99 -streams 1 the stream of seed 99
//	go test -run '^$' -fuzz FuzzDifferential            streams from the fuzzer
//
// A failure names the seed and shows the stream in hex. The stream may be added to the
// table of TestAgreement when the bug is fixed.
package differential

package differential

// This file has the form into which everything is brought that an
// implementation makes of a stream.

import "fmt"

// kind says what came of some frames, or how the stream ended.
type kind string

const (
	textMessage   kind = "text"
	binaryMessage kind = "binary"
	ping          kind = "ping"
	pong          kind = "pong"

	closed kind = "close" // a Close frame
	failed kind = "fail"  // the implementation fails the connection: RFC 6455 §7.1.7
	ended  kind = "end"   // the stream is over, at the end of a frame or inside of one
	broken kind = "broken"
)

// outcome is one of the things that came out of a stream. A list of them ends
// with the first that is closed, failed or ended; broken never is in a good one.
type outcome struct {
	kind kind
	// code of a Close frame, 1005 if it has none; or with which the connection
	// is failed, 0 if without a Close frame.
	code int
	// data is the payload or the close reason. It is the error behind failed
	// without a code, and broken.
	data string
}

// String shows o in one line.
func (o outcome) String() string {
	data := fmt.Sprintf("%q", o.data)
	if len(o.data) > 200 {
		data = fmt.Sprintf("%q and %d bytes more", o.data[:200], len(o.data)-200)
	}
	switch o.kind {
	case ended:
		return string(o.kind)
	case closed, failed:
		return fmt.Sprintf("%s %d %s", o.kind, o.code, data)
	}
	return string(o.kind) + " " + data
}

// kindOf returns the kind for an opcode, by which all implementations name
// messages and control frames.
func kindOf[T ~int | ~uint8](opcode T) kind {
	switch opcode {
	case opText:
		return textMessage
	case opBinary:
		return binaryMessage
	case opPing:
		return ping
	case opPong:
		return pong
	}
	return broken
}

// firstDifference returns the first place where two lists differ, -1 if they are
// equal. It may be the end of one of them.
func firstDifference(a, b []outcome) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) == len(b) {
		return -1
	}
	return min(len(a), len(b))
}

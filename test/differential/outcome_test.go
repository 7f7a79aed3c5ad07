package differential

// This file is the common form of what every implementation finds in a stream.

import "fmt"

// kind is the kind of an outcome: what some frames were, or how the stream ended.
type kind string

const (
	textMessage   kind = "text"
	binaryMessage kind = "binary"
	ping          kind = "ping"
	pong          kind = "pong"

	closed kind = "close" // a Close frame
	failed kind = "fail"  // the implementation fails the connection: RFC 6455 §7.1.7
	ended  kind = "end"   // the stream is over, at the end of a frame or inside one
	broken kind = "broken"
)

// outcome is one of the things that a stream gives. A list of them ends with the first that
// is closed, failed or ended; a good one never has broken.
type outcome struct {
	kind kind
	// code is that of a Close frame, 1005 if it has none; or the one with which the
	// connection is failed, 0 if that is without a Close frame.
	code int
	// data is the payload or the close reason. It is the error in failed without a
	// code, and in broken.
	data string
}

// String returns o in one line.
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

// kindOf returns the kind for an opcode, which all implementations use for messages and
// control frames.
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

// firstDifference returns the first index at which two lists differ, -1 if they are equal.
// It may be the end of one of them.
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

package messages

// This file is the states of a connection.

// State is the state of a connection.
//
// CONNECTING, OPEN, CLOSING and CLOSED are the states of RFC 6455 §4.1 and §7.1 and
// belong to one network connection. WAITING and STOPPED exist only for a managed
// connection: between two network connections, and after the last one.
type State uint8

const (
	// StateConnecting means that the opening handshake is under way.
	StateConnecting State = iota + 1
	// StateOpen means that data can be sent and received.
	StateOpen
	// StateClosing means that a Close frame was sent or received, or that the
	// connection is being failed. No new data messages are accepted.
	StateClosing
	// StateClosed means that the network connection has ended.
	StateClosed
	// StateWaiting means that the supervisor waits before it connects again: for a
	// backoff delay, or for the end of a pause.
	StateWaiting
	// StateStopped means that the supervisor has ended.
	StateStopped
)

var stateNames = [...]string{"UNKNOWN", "CONNECTING", "OPEN", "CLOSING", "CLOSED", "WAITING", "STOPPED"}

// String returns the name in capitals, as the RFC writes it: "OPEN".
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return stateNames[0]
}

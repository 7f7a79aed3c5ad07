package messages

// State is where a connection stands in its life.
//
// CONNECTING, OPEN, CLOSING and CLOSED are the states of RFC 6455 §4.1 and §7.1
// and belong to one network connection. WAITING and STOPPED exist only for a
// managed connection: what its supervisor does between two network connections,
// and after the last one.
type State uint8

const (
	// StateConnecting: the opening handshake is under way.
	StateConnecting State = iota + 1
	// StateOpen: data can be sent and received.
	StateOpen
	// StateClosing: a Close frame was sent or received, or the connection is being
	// failed. No new data messages are accepted.
	StateClosing
	// StateClosed: the network connection has ended.
	StateClosed
	// StateWaiting: the supervisor lets a backoff delay pass before it connects again.
	StateWaiting
	// StateStopped: the supervisor has ended; nothing will be connected any more.
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

// Package family is one live connection: the actors that read from it, write to it, know
// the protocol and call the user's code. Package actors shows who sends what to whom, and
// places.go where each message is handled.
//
// A supervisor makes a Conn and spawns its protocol actor, whose children are reader and
// writer. Other goroutines send through Conn.Out and look at the rest. The callback is
// spawned once, as it outlives connections, and gives to a Sink what comes in.
package family

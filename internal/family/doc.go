// Package family is how the actors of a connection (package actors) and those who use them
// (the supervisor and the root package) know each other: what a connection and a callback are
// made of, what is seen of them, and the messages between them. No actor is here.
//
// A supervisor has actors.NewConn make a Conn and spawns its protocol actor. Other goroutines
// send through Conn.Out and look at the rest. The callback is spawned once, as it outlives
// connections, and gives to a Sink what comes in.
package family

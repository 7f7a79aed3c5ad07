// Package actors is one live WebSocket connection as a family of actors: reader,
// protocol, writer and callback. Nothing here outlives the network connection
// but the callback, which the supervisor owns.
//
//	        bytes                                        frames
//	socket ───────▶ reader ──Batch──▶ protocol ──Batch──▶ callback ──▶ user
//	                  ▲                  │                   │
//	                  └─────credit───────┼───────────────────┘
//	socket ◀─────── writer ◀───flush──── Outbound ◀── commands, pongs, Close
//
// The reader decodes whatever one read brought and hands it on as one Batch. The
// protocol actor runs the state machine of RFC 6455 (protocol.Machine) and carries out
// what that decides. What is to be sent is encoded into the protocol.Outbound, and the writer takes all of it at once. No actor
// blocks but the callback, whose user may: reading and blocking writes have goroutines of
// their own, and when the callback, which works beside the reader, takes long, another
// goroutine reads on.
package actors

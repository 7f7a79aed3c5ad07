// Package actors is one live WebSocket connection as a family of actors: reader, protocol,
// writer and callback. Programs watch them: Role names the actors, an Observer sees what they
// get, Describe puts that into words. Package supervisor makes them (NewConn, SpawnCallback).
//
// One live connection is a family of four actors below a supervisor. Only the callback
// outlives the network connection; it belongs to the supervisor. So does the epoch, the
// number of the connection, which messages carry.
//
//	        bytes                                        frames
//	socket ───────▶ reader ──Batch──▶ protocol ──Batch──▶ callback ──▶ user
//	                  ▲                  │                   │
//	                  └─────credit───────┼───────────────────┘
//	socket ◀─────── writer ◀───flush──── Outbound ◀── commands, pongs, Close
//
// The reader decodes whatever one read brought and hands it on as one Batch. The protocol
// actor runs the state machine of RFC 6455 (protocol.Machine) and carries out what that
// decides. What is to be sent is encoded into the protocol.Outbound, and the writer takes
// all of it at once. No actor blocks, except the callback while the user's code does:
// reading and blocking writes have their own goroutines, and if the callback, which works
// where the reader does, takes long, another goroutine continues the reading.
//
// # Messages and places
//
// These are the messages between the actors, besides the commands and events of package
// messages. The column "where" says on which goroutine an actor handles a message that finds
// it idle: that of the sender; that of the sender, but only this message (one); that of the
// reader, after what it is doing; or its own (lane).
//
//	from         to          message            where       what it is
//	reader     → protocol    Batch              sender      what one read brought, or the end
//	                         events             sender      the handler is behind, or has caught up
//	protocol   → callback    Batch              reader      the part that is for the user
//	                         events             lane        those that the user ignores: one
//	callback   → reader      credit             sender      a batch was handled
//	protocol   → reader      discard            sender      read on, but throw away what comes
//	                         unthrottle         sender      read on without credit
//	Outbound   → writer      flush              sender      something urgent is queued
//	                                            lane        something else is queued
//	protocol   → writer      halfClose          lane        when everything is written, send FIN
//	writer     → writer      writeDone          sender      a blocking write has ended
//	writer     → protocol    written            sender      the Close is written, or nothing more can be
//	timer      → protocol    timeout            sender
//	protocol   → supervisor  Ended, events      lane        the latter a second time, past a busy handler
//	supervisor → protocol    commands           sender
//	supervisor → callback    events             lane        those that the user ignores: one
//	                         Finish             one         no event follows
//	callback   → supervisor  CallbackFailed     lane        the user's code has panicked, or terminated
//	                         CallbackDone       lane        every event was handled
//	attempt    → supervisor  dialed             sender      its outcome
//	pool       → supervisor  commands, Later    lane        the latter to do something after a delay
//	outbox     → supervisor  flushed,           lane        it is empty, or has had its time; it has
//	                         outboxClosed                   nothing more to do
//	outbox     → callback    events             lane        those that the user ignores: one
//	user       → supervisor  commands           lane
//	user       → pool        commands           lane
//
// System messages are handled on the goroutine of the sender (one, for supervisor and
// writer); by the callback like the event Stopped, which a stop causes; by a pool on its
// lane.
package actors

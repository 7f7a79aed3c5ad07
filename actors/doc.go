// Package actors is for those who watch the actors of the library: it names them (Role),
// shows what they get (Observer) and puts that into words (Describe). They live in packages
// supervisor, supervisor/pool and internal/family.
//
// One live connection is a family of four actors, and its supervisor keeps a fifth.
// Nothing of it outlives the network connection but the callback, which the supervisor
// owns, as it owns the epoch: the number of the connection, found in all that is sent.
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
// all of it at once. No actor blocks but the callback, whose user may: reading and blocking
// writes have goroutines of their own, and when the callback, which works where the reader
// does, takes long, another goroutine reads on.
//
// # Messages and places
//
// These they send each other, besides the commands and events of package messages. Where
// says on which goroutine an actor handles a message that finds it idle: on that of the
// sender, on that of the sender but no other message that waits (one), on that of the
// reader after what it is doing, or on one of its own (lane).
//
//	from         to          message            where       what it is
//	reader     → protocol    Batch              sender      what one read brought, or the end
//	                         events             sender      the handler is behind, or is not any more
//	protocol   → callback    Batch              reader      what is left of it for the user
//	                         events             lane        those that the user ignores: one
//	callback   → reader      credit             sender      a batch was handled
//	protocol   → reader      discard            sender      read on, but only to throw away
//	                         unthrottle         sender      read on without credit
//	Outbound   → writer      flush              sender      something is queued that is not to wait
//	                                            lane        something else is queued
//	protocol   → writer      halfClose          lane        when everything is written, send FIN
//	writer     → writer      writeDone          sender      a blocking write has ended
//	writer     → protocol    written            sender      the Close is written, or nothing more can be
//	timer      → protocol    timeout            sender
//	protocol   → supervisor  Ended, events      lane        the latter once more, past a busy handler
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
// System messages are handled on the goroutine of the sender, by supervisor and writer none
// but them there, by the callback like the event Stopped, which a stop makes, and by a pool
// on its lane.
package actors

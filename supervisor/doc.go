// Package supervisor keeps one WebSocket connection up across failures of the network. It is
// the entry point for code that is built from actors:
//
//	pid := ctx.Spawn(supervisor.Props(supervisor.Config{
//		URL:    "wss://example.org/feed",
//		Target: ctx.Self(),
//	}))
//	ctx.Request(pid, &messages.SendText{Text: "hello"})
//
// The PID stays the same for the whole life of the managed connection. It takes the commands
// of package messages; the events go to Target.
//
//	            ┌────────────── delay over ───────────────┐
//	            ▼                                         │
//	spawn → CONNECTING ──101──▶ OPEN ──▶ CLOSING ──▶ CLOSED ──retry──▶ WAITING
//	            │                                         │               ▲
//	            └────────────── failed ───────────────────┼───── retry ───┘
//	                                                      └─ stop ──▶ STOPPED
//
// A retry.Policy says what follows a failure: it has a table of Verdicts by cause, a Backoff
// for the delays, and limits. The address comes from retry.Endpoints, a list with a memory
// for failures, and from the Provider, if there is one, which is asked before every attempt.
// If an outbox is configured, it holds messages while no connection is open; see package
// outbox. Package pool keeps many such connections under one actor.
//
// All decisions are made in the supervisor actor, and each is an event. Code of the user runs
// elsewhere: the Handshaker on the goroutine of the attempt, Provider and Subscribe on new
// goroutines, an outbox.Store on a goroutine of the outbox, handlers and Acked in the callback
// actor. Only Policy.Decide, Backoff and the sources of randomness run in the supervisor;
// they must not block.
//
// Every attempt to connect has an epoch, a number that the messages of its connection carry.
// Messages of an older epoch are dropped.
package supervisor

// Package supervisor keeps one WebSocket connection alive across failures of the
// network. It is the door for code that is built from actors:
//
//	pid := ctx.Spawn(supervisor.Props(supervisor.Config{
//		URL: "wss://example.org/feed",
//		Target:  ctx.Self(),
//	}))
//	ctx.Request(pid, &messages.SendText{Text: "hello"})
//
// The PID stays the same for the whole life of the managed connection. It takes
// the commands of package messages; the events go to Target.
//
//	            ┌────────────── delay over ───────────────┐
//	            ▼                                         │
//	spawn → CONNECTING ──101──▶ OPEN ──▶ CLOSING ──▶ CLOSED ──retry──▶ WAITING
//	            │                                         │               ▲
//	            └────────────── failed ───────────────────┼───── retry ───┘
//	                                                      └─ stop ──▶ STOPPED
//
// What happens after a failure is in a retry.Policy: a table of Verdicts by cause, a
// Backoff for the delays, limits. Where to connect to is in retry.Endpoints (a list, with
// a memory for failures) and comes from a Provider, who is asked before every attempt.
// What is sent while no connection is open is in an outbox, if one is configured; see
// package outbox. Package pool keeps many such connections under one actor.
//
// All decisions are made in the supervisor actor, and each is an event. Code of
// the user runs elsewhere: the Handshaker on the goroutine of the attempt, Provider
// and Subscribe on goroutines of their own, an outbox.Store on one of the outbox,
// handlers and Acked in the callback actor. Only Policy.Decide, Backoff and the
// sources of randomness run in the supervisor; they must not block.
//
// Every network connection, and every attempt at one, has an epoch, a number
// that its messages carry; what comes from an older epoch is dropped.
package supervisor

// Package supervisor keeps one WebSocket connection alive across failures of the
// network. It is the door for code that is built from actors:
//
//	pid := ctx.Spawn(supervisor.Props(supervisor.Config{
//		Request: handshake.Request{URL: "wss://example.org/feed"},
//		Target:  ctx.Self(),
//	}))
//	ctx.Request(pid, &messages.SendText{Text: "hello"})
//
// The PID stays the same for the whole life of the managed connection. It takes
// the commands of package messages; the events go to Target or Sink.
//
//	            ┌────────────── delay over ───────────────┐
//	            ▼                                         │
//	spawn → CONNECTING ──101──▶ OPEN ──▶ CLOSING ──▶ CLOSED ──retry──▶ WAITING
//	            │                                         │               ▲
//	            └────────────── failed ───────────────────┼───── retry ───┘
//	                                                      └─ stop ──▶ STOPPED
//
// What happens after a failure is in a RetryPolicy: a table of Verdicts by cause,
// a Backoff for the delays, limits. Where to connect to is in Endpoints (a list,
// with a memory for failures) and comes from a Provider, who is asked before
// every attempt. What is sent while no connection is open is in an Outbox, if one
// is configured:
//
//	Send ──▶ held ──▶ with the writer ──▶ written ──▶ (acknowledged) ──▶ Sent
//	          ▲ │              │                              │
//	          │ └─ TTL, full   ├─ connection ended, not begun │
//	          │    = dropped   ▼                              ▼
//	          └────────────────┴───── Resend, not acknowledged┘
//
// Many connections are a pool: PoolProps are of an actor whose members are such
// supervisors, and which lets them connect spread over a time, adds and stops some,
// sums up their status and hands sends to one after the other.
//
//	pool := ctx.Spawn(supervisor.PoolProps(supervisor.PoolConfig{
//		Size: 100,
//		Member: func(i int) supervisor.Config {
//			return supervisor.Config{Request: handshake.Request{URL: url(i)}, Target: self}
//		},
//	}))
//
// All decisions are made in the supervisor actor, and each is an event. Code of
// the user runs elsewhere: the Handshaker on the goroutine of the attempt, Provider
// and Subscribe on goroutines of their own, OutboxStore on one of the outbox,
// handlers and Acked in the callback actor. Only RetryPolicy.Decide, Backoff and the
// sources of randomness run in the supervisor; they must not block.
//
// Every network connection, and every attempt at one, has an epoch, a number
// that its messages carry; what comes from an older epoch is dropped.
package supervisor

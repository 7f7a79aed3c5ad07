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
// Every network connection, and every attempt at one, has an epoch, a number
// that its messages carry; what comes from an older epoch is dropped.
package supervisor

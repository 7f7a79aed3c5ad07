// Package outbox holds what is sent while no connection is open, and what was sent and is
// not confirmed yet. A Config switches it on for a managed connection; a Store keeps its
// messages across the end of the program (the module bboltstore has one that writes a
// file). The Queue does the work; it belongs to the supervisor.
//
//	Send ──▶ held ──▶ with the writer ──▶ written ──▶ (acknowledged) ──▶ Sent
//	          ▲ │              │                              │
//	          │ └─ TTL, full   ├─ connection ended, not begun │
//	          │    = dropped   ▼                              ▼
//	          └────────────────┴───── Resend, not acknowledged┘
package outbox

// Package outbox holds messages that are sent while no connection is open, and those that are
// not confirmed yet. A Config switches it on for a managed connection. A Store keeps the
// messages across the end of the program; module bboltstore has one that writes a file. The
// Queue does the work; it belongs to the supervisor.
//
//	Send ──▶ held ──▶ with the writer ──▶ written ──▶ (acknowledged) ──▶ Sent
//	          ▲ │              │                              │
//	          │ └─ TTL, full   ├─ connection ended, not begun │
//	          │    = dropped   ▼                              ▼
//	          └────────────────┴───── Resend, not acknowledged┘
package outbox

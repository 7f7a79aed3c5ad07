// Package pool keeps many managed connections under one actor. It spreads their first
// attempts over a time, adds and stops members, replaces those that have given up, sums up
// their status, and hands sends to one member after the other.
//
//	members := ctx.Spawn(pool.Props(pool.Config{
//		Size: 100,
//		Member: func(i int) supervisor.Config {
//			return supervisor.Config{URL: url(i), Target: self}
//		},
//	}))
//
// The members are ordinary supervisors. File messages/pool.go has the messages that a pool
// takes and sends.
package pool

// Package pool keeps many managed connections under one actor: it lets them connect
// spread over a time, adds and stops some, replaces those that have given up, sums up
// their status and hands sends to one after the other.
//
//	members := ctx.Spawn(pool.Props(pool.Config{
//		Size: 100,
//		Member: func(i int) supervisor.Config {
//			return supervisor.Config{URL: url(i), Target: self}
//		},
//	}))
//
// Its members are ordinary supervisors. The messages that a pool takes and sends are in
// messages/pool.go.
package pool

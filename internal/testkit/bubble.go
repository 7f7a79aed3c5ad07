// Package testkit has what the tests of several packages share.
package testkit

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/test/wstest"
)

// Bubble runs f in a synctest bubble with a server that is reached over
// in-memory pipes, and with the Options for that. The actor system and the Gate
// are those of the bubble: whatever clients share would belong to the bubble of
// the first test that uses it. The bubble fails if a goroutine is left behind.
func Bubble(t *testing.T, f func(t *testing.T, srv *wstest.Server, opts *dandelion.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts := &dandelion.Options{System: wstest.NewSystem(t)}
		srv := wstest.NewPipe(t, wstest.WithTimeout(time.Hour))
		opts.DialContext, opts.Gate = srv.DialContext, new(handshake.Gate)
		f(t, srv, opts)
	})
}

package mailbox

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The watch looks after a goroutine as long as it visits, and then has no timer: a
// connection without traffic wakes nobody.
func TestWatchLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watch{}
		busy, idle := &Loop{}, &Loop{}
		visit := func(l *Loop) {
			l.visits.Add(1)
			if !l.watched.Load() {
				w.add(l)
			}
		}
		watched := func() int {
			synctest.Wait()
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.loops)
		}
		visit(idle)
		time.Sleep(watchEvery / 2) // so that nothing happens at the time of a look
		for range 10 {
			visit(busy)
			visit(busy)
			time.Sleep(watchEvery)
		}
		require.Equal(t, 1, watched())
		require.True(t, busy.watched.Load())
		require.False(t, idle.watched.Load())

		time.Sleep(2 * watchEvery)
		require.Zero(t, watched())
		require.False(t, w.timer.Stop(), "the timer runs on")

		visit(idle)
		require.Equal(t, 1, watched())
		time.Sleep(3 * watchEvery)
		require.Zero(t, watched())
	})
}

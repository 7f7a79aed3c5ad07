package protocol

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/messages"
)

// A message that is larger than the queue is accepted as soon as nothing is before
// it that the writer has not taken: it is encoded while that is being written.
func TestOversizeMessageBehindWhatIsWritten(t *testing.T) {
	const limit = 100 << 10
	o := NewOutbound(10, limit)
	large := make([]byte, limit+1)
	require.NoError(t, o.Send(messages.KindBinary, large, Reply{}), "nothing is queued")
	require.ErrorIs(t, o.Send(messages.KindBinary, large, Reply{}), messages.ErrQueueFull)
	require.ErrorIs(t, o.SendText("small", Reply{}), messages.ErrQueueFull)
	space := o.Space()

	require.Len(t, o.Take(nil), 1)
	select {
	case <-space:
	default:
		require.Fail(t, "whoever waits for room is not told")
	}
	require.NoError(t, o.Send(messages.KindBinary, large, Reply{}))
	require.ErrorIs(t, o.Send(messages.KindBinary, large, Reply{}), messages.ErrQueueFull)
	msgs, bytes := o.Queued()
	require.Equal(t, 2, msgs)
	require.Equal(t, 2*len(large), bytes)

	o.Wrote(nil)
	require.Len(t, o.Take(nil), 1)
	o.Wrote(nil)
	require.Equal(t, Counts{Messages: 2, Bytes: 2 * uint64(len(large))}, o.Written())
}

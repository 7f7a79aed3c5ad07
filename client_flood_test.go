package dandelion_test

// Servers that send more than anybody needs.

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// Of a server that sends Pings and does not read the answers only as many are kept as
// control frames may wait, and the last one (RFC 6455 §5.5.3).
func TestPingFloodWithoutReading(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		const (
			pings  = 10_000
			answer = 2 + 4 + 8 // bytes of a masked Pong with a number
			kept   = (16<<10 + answer - 1) / answer
		)
		seen := 0
		opts.Handler = &dandelion.Handler{OnPing: func(*dandelion.Client, []byte) { seen++ }}
		c, conn := open(t, s, opts)
		stalled := dandelion.Binary(make([]byte, 2*wstest.DefaultPipeBuffer))
		require.NoError(t, c.Send(stalled)) // the writer can do no more
		synctest.Wait()
		var frames []byte
		for n := range uint64(pings) {
			frames = wire.AppendServerFrame(frames, true, 0, wire.OpPing, binary.BigEndian.AppendUint64(nil, n))
		}
		conn.WriteRaw(frames)
		synctest.Wait()
		require.Equal(t, pings, seen)

		conn.ExpectBinary(stalled.Bytes())
		for n := range uint64(kept) {
			conn.ExpectPong(binary.BigEndian.AppendUint64(nil, n))
		}
		conn.ExpectPong(binary.BigEndian.AppendUint64(nil, pings-1))
		finish(t, c, conn)
	})
}

// What follows a Close or a violation is thrown away, but not without end.
func TestFloodBehindTheEnd(t *testing.T) {
	const (
		documented = 4 << 20
		slack      = wstest.DefaultPipeBuffer + 256<<10 // the pipe and one read
	)
	for _, test := range []struct {
		name  string
		begin []byte
		code  wire.StatusCode
	}{
		{"Close", wire.AppendServerFrame(nil, true, 0, wire.OpClose, []byte{0x03, 0xe8}), wire.StatusNormal},
		{"violation", wire.AppendServerFrame(nil, true, 0, wire.OpPing, make([]byte, 126)), wire.StatusAbnormal},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				c, conn := open(t, s, opts)
				conn.WriteRaw(test.begin)
				start, junk, taken := time.Now(), make([]byte, 4<<10), 0
				for err := error(nil); err == nil && taken < 2*documented; {
					var n int
					n, err = conn.Stream().Write(junk)
					taken += n
				}
				<-c.Done()
				require.Less(t, time.Since(start), 100*time.Millisecond, "it was not ended by a timer")
				require.InDelta(t, documented, taken, slack)
				var closed *messages.CloseError
				require.ErrorAs(t, c.Err(), &closed)
				require.Equal(t, test.code, closed.Code)
				conn.Close()
			})
		})
	}
}

package dandelion_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// OnBorrowed gets every message in order, and each is whole as long as the callback runs,
// also when that takes so long that another goroutine reads on.
func TestBorrowed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
		type message struct {
			kind dandelion.Kind
			data string
		}
		var got []message
		handled := make(chan struct{}, 100)
		opts.Handler = &dandelion.Handler{
			OnBorrowed: func(_ *dandelion.Client, kind dandelion.Kind, data []byte) {
				time.Sleep(100 * time.Millisecond)
				got = append(got, message{kind, string(data)})
				handled <- struct{}{}
			},
			OnText:   func(_ *dandelion.Client, text string) { t.Errorf("OnText got %d B", len(text)) },
			OnBinary: func(_ *dandelion.Client, data []byte) { t.Errorf("OnBinary got %d B", len(data)) },
		}
		c, conn := open(t, s, opts)
		for round := range 3 { // in the later ones memory is used again
			var want []message
			got = nil
			for i, size := range []int{0, 1, 100, 5 << 10, 100 << 10, 300 << 10, 100 << 10, 0, 7} {
				data := bytes.Repeat([]byte{byte('a' + 10*round + i)}, size)
				conn.SendText(string(data))
				conn.SendBinary(data)
				conn.SendFragments(wire.OpBinary, data[:size/3], data[size/3:size/2], data[size/2:])
				want = append(want, message{dandelion.KindText, string(data)}, message{dandelion.KindBinary, string(data)}, message{dandelion.KindBinary, string(data)})
			}
			for range want {
				<-handled
			}
			for i := range want {
				require.Equal(t, want[i].kind, got[i].kind, "message %d", i)
				require.True(t, want[i].data == got[i].data, "message %d of %d B: got %d B that differ", i, len(want[i].data), len(got[i].data))
			}
		}
		finish(t, c, conn)
	})
}

// The memory of large messages is used again, but only if nobody may keep it.
func TestOnlyBorrowedMemoryIsUsedAgain(t *testing.T) {
	const size = 100 << 10
	note := func(seen map[*byte]int) func([]byte) {
		return func(data []byte) {
			if len(data) > 0 {
				seen[unsafe.SliceData(data)]++
			}
		}
	}
	for _, test := range []struct {
		name      string
		handler   func(kept *[][]byte, see func([]byte)) *dandelion.Handler
		streaming bool
		again     bool
	}{
		{"borrowed", func(_ *[][]byte, see func([]byte)) *dandelion.Handler {
			return &dandelion.Handler{OnBorrowed: func(_ *dandelion.Client, _ dandelion.Kind, data []byte) { see(data) }}
		}, false, true},
		{"owned", func(kept *[][]byte, see func([]byte)) *dandelion.Handler {
			return &dandelion.Handler{OnBinary: func(_ *dandelion.Client, data []byte) { see(data); *kept = append(*kept, data) }}
		}, false, false},
		{"parts", func(kept *[][]byte, see func([]byte)) *dandelion.Handler {
			return &dandelion.Handler{
				OnBorrowed: func(*dandelion.Client, dandelion.Kind, []byte) {},
				OnFragment: func(_ *dandelion.Client, e *messages.FragmentReceived) { see(e.Data); *kept = append(*kept, e.Data) },
			}
		}, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *wstest.Server, opts *dandelion.Options) {
				seen := map[*byte]int{}
				var kept [][]byte
				opts.Handler, opts.Streaming = test.handler(&kept, note(seen)), test.streaming
				c, conn := open(t, s, opts)
				for i := range 20 {
					conn.SendBinary(bytes.Repeat([]byte{byte(i)}, size))
					synctest.Wait()
				}
				finish(t, c, conn)
				most := 0
				for _, n := range seen {
					most = max(most, n)
				}
				require.Equal(t, test.again, most > 1, "the same memory was seen %d times", most)
				var all []byte
				for _, p := range kept {
					all = append(all, p...)
				}
				for i, b := range all {
					if b != byte(i/size) {
						t.Fatalf("byte %d of message %d is %d", i%size, i/size, b)
					}
				}
			})
		})
	}
}

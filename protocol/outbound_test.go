package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// send sends messages of so many bytes.
func (c *scenario) send(sizes ...int) (err error) {
	for _, size := range sizes {
		err = c.out.Send(messages.KindBinary, make([]byte, size), Reply{})
	}
	return err
}

func (c *scenario) fragment(stream uint64, first, final bool, size int) error {
	return c.out.SendFragment(Sender{}, &messages.SendFragment{
		Stream: stream, Kind: messages.KindBinary, First: first, Final: final, Data: make([]byte, size),
	}, Reply{})
}

func wantFull(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, messages.ErrQueueFull)
}

// The queue has room for 10 messages and 1000 bytes.
func TestLimits(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(t *testing.T, c *scenario)
	}{
		{"messages", func(t *testing.T, c *scenario) {
			require.NoError(t, c.send(1, 1, 1, 1, 1, 1, 1, 1, 1, 1))
			wantFull(t, c.send(0))
			wantFull(t, c.fragment(1, true, true, 0))
		}},
		{"bytes, to the last one", func(t *testing.T, c *scenario) {
			require.NoError(t, c.send(400, 600))
			wantFull(t, c.send(1))
			require.NoError(t, c.send(0))
		}},
		{"one byte too many", func(t *testing.T, c *scenario) {
			require.NoError(t, c.send(400))
			wantFull(t, c.send(601))
			require.NoError(t, c.send(600))
		}},
		{"a message that is larger than the queue is accepted by an empty one", func(t *testing.T, c *scenario) {
			require.NoError(t, c.send(5000))
			wantFull(t, c.send(0))
		}},
		{"a message that is larger than the queue, as soon as all before it are being written", func(t *testing.T, c *scenario) {
			require.NoError(t, c.send(5000))
			c.out.Take(nil)
			require.NoError(t, c.send(5000))
			wantFull(t, c.send(5000))
		}},
		{"a large message in the same way", func(t *testing.T, c *scenario) {
			require.NoError(t, c.send(largeMessage))
			wantFull(t, c.send(largeMessage))
			c.out.Take(nil)
			require.NoError(t, c.send(largeMessage))
			wantFull(t, c.send(largeMessage))
			msgs, bytes := c.out.Queued()
			require.Equal(t, []int{2, 2 * largeMessage}, []int{msgs, bytes})
			c.out.Wrote(nil)
			c.out.Take(nil)
			c.out.Wrote(nil)
			require.Equal(t, Counts{Messages: 2, Bytes: 2 * largeMessage}, c.out.Written())
		}},
		{"what waits for a message in fragments counts, as a message and in bytes", func(t *testing.T, c *scenario) {
			require.NoError(t, c.fragment(1, true, false, 100))
			require.NoError(t, c.send(900))
			wantFull(t, c.send(1))
			msgs, bytes := c.out.Queued()
			require.Equal(t, []int{2, 1000}, []int{msgs, bytes})
			require.NoError(t, c.send(0, 0, 0, 0, 0, 0, 0, 0))
			wantFull(t, c.send(0))
		}},
		{"what waits for a message in fragments does not keep that from going on", func(t *testing.T, c *scenario) {
			require.NoError(t, c.fragment(1, true, false, 100))
			require.NoError(t, c.send(900, 0, 0, 0, 0, 0, 0, 0, 0))
			require.NoError(t, c.fragment(1, false, false, 900))
			wantFull(t, c.fragment(1, false, false, 1))
			require.NoError(t, c.fragment(1, false, true, 0))
			msgs, bytes := c.out.Queued()
			require.Equal(t, []int{12, 1900}, []int{msgs, bytes})
			wantFull(t, c.fragment(2, true, true, 0))
		}},
		{"nor do the messages that wait", func(t *testing.T, c *scenario) {
			require.NoError(t, c.fragment(1, true, false, 0))
			require.NoError(t, c.send(0, 0, 0, 0, 0, 0, 0, 0, 0))
			for range 9 {
				require.NoError(t, c.fragment(1, false, false, 0))
			}
			wantFull(t, c.fragment(1, false, true, 0))
		}},
		{"a fragment that is refused leaves its stream as it was", func(t *testing.T, c *scenario) {
			require.NoError(t, c.fragment(1, true, false, 1000))
			wantFull(t, c.fragment(1, false, true, 1))
			c.write()
			require.NoError(t, c.fragment(1, false, true, 1))
		}},
		{"control frames", func(t *testing.T, c *scenario) {
			data := make([]byte, 125)
			queued := 0
			for ; queued < 1000; queued++ {
				if err := c.out.Ping(data, Reply{}); err != nil {
					wantFull(t, err)
					break
				}
			}
			require.Equal(t, (controlMax+130)/131, queued)
			wantFull(t, c.out.Pong(nil, Reply{}))
			require.NoError(t, c.send(1), "they do not take the room of messages")
			c.out.Take(nil)
			require.NoError(t, c.out.Pong(nil, Reply{}))
		}},
		{"control frames, to the last byte", func(t *testing.T, c *scenario) {
			for range controlMax / 131 {
				require.NoError(t, c.out.Ping(make([]byte, 125), Reply{}))
			}
			require.NoError(t, c.out.Ping(make([]byte, controlMax%131-6), Reply{}))
			wantFull(t, c.out.Ping(nil, Reply{}))
		}},
		{"a large message finds a message in fragments begun, and then the queue full, after it was encoded", func(t *testing.T, c *scenario) {
			data := make([]byte, 900)
			require.NoError(t, c.fragment(1, true, false, 100))
			require.NoError(t, c.out.queueFrame(nil, wire.OpBinary, data, Reply{}))
			wantFull(t, c.out.queueFrame(nil, wire.OpBinary, data, Reply{}))
			require.NoError(t, c.fragment(1, false, true, 0))
			got := c.write()
			require.Len(t, got, 3)
			require.Equal(t, frame{wire.OpBinary, true, data}.String(), got[2])
		}},
	} {
		t.Run(test.name, func(t *testing.T) { test.do(t, open(t, Config{})) })
	}
}

// RFC 6455 §5.5.3: an endpoint that has not answered earlier Pings may answer the latest only.
func TestOnlyTheLatestPingIsAnsweredByAFullQueue(t *testing.T) {
	c := open(t, Config{})
	flood := func(n int) *Read {
		r := &Read{Control: true}
		for i := range n {
			r.Items = append(r.Items, wire.Item{Opcode: wire.OpPing, Payload: fmt.Appendf(nil, "%0125d", i)})
		}
		return r
	}
	full := (controlMax + 130) / 131
	c.m.Step(flood(full+100), c.now)
	var got []string
	for {
		bufs := c.out.Take(nil)
		if len(bufs) == 0 {
			break
		}
		for _, p := range bufs {
			for len(p) > 0 {
				f, rest, ok, err := cut(p)
				require.True(t, ok && err == nil)
				got, p = append(got, strings.TrimLeft(string(f.payload), "0")), rest
			}
		}
		c.out.Wrote(nil)
	}
	require.Len(t, got, full+1)
	require.Equal(t, []string{"", "1", "2"}, got[:3])
	require.Equal(t, fmt.Sprint(full+99), got[full])
	queued, written := c.out.controls()
	require.Equal(t, []uint64{uint64(full + 1), uint64(full + 1)}, []uint64{queued, written})

	// After the Close nothing follows that was not queued.
	c = open(t, Config{})
	c.m.Step(flood(full+100), c.now)
	c.m.Step(Fail{Code: 1008}, c.now)
	c.out.Take(nil)
	c.out.Wrote(nil)
	require.True(t, c.out.CloseWritten())
	require.Empty(t, c.out.Take(nil))
}

// The writer is woken when something is queued and it has not been since it found nothing
// the last time. It is told what was queued.
func TestWake(t *testing.T) {
	awaited := Reply{To: "sender", Awaited: true}
	later := Reply{To: "sender"}
	data := []byte("a")
	fragment := &messages.SendFragment{Kind: messages.KindText, First: true, Final: true, Data: data}
	for _, test := range []struct {
		name string
		send func(c *scenario) error
		want []Wake
	}{
		{"a text", func(c *scenario) error { return c.out.SendText("a", later) }, []Wake{WakeMessage}},
		{"a message", func(c *scenario) error { return c.out.Send(messages.KindText, data, later) }, []Wake{WakeMessage}},
		{"a fragment", func(c *scenario) error { return c.out.SendFragment(Sender{}, fragment, later) }, []Wake{WakeMessage}},
		{"a Ping", func(c *scenario) error { return c.out.Ping(data, later) }, []Wake{WakeMessage}},
		{"a Pong", func(c *scenario) error { return c.out.Pong(data, later) }, []Wake{WakeMessage}},
		{"a text that is awaited", func(c *scenario) error { return c.out.SendText("a", awaited) }, []Wake{WakeAwaited}},
		{"a message that is awaited", func(c *scenario) error { return c.out.Send(messages.KindText, data, awaited) }, []Wake{WakeAwaited}},
		{"a fragment that is awaited", func(c *scenario) error { return c.out.SendFragment(Sender{}, fragment, awaited) }, []Wake{WakeAwaited}},
		{"a Ping that is awaited", func(c *scenario) error { return c.out.Ping(data, awaited) }, []Wake{WakeAwaited}},
		{"a large message", func(c *scenario) error { return c.send(largeMessage) }, []Wake{WakeLarge}},
		{"the largest small message", func(c *scenario) error { return c.send(largeMessage - 1) }, []Wake{WakeMessage}},
		{"the answer to a Ping", func(c *scenario) error { c.play("read ping a"); return nil }, []Wake{WakeControl}},
		{"a Close", func(c *scenario) error { c.play("close 1000"); return nil }, []Wake{WakeControl}},
		{"the answer to a Close", func(c *scenario) error { c.play("read close"); return nil }, []Wake{WakeControl}},
		{"two", func(c *scenario) error { return c.send(1, 1) }, []Wake{WakeMessage}},
		{"two, one while the first is written", func(c *scenario) error {
			c.send(1)
			c.out.Take(nil)
			c.send(1)
			c.out.Wrote(nil)
			return c.send(1)
		}, []Wake{WakeMessage}},
		{"two, one after the writer has found nothing", func(c *scenario) error {
			c.send(1)
			c.write()
			return c.send(1)
		}, []Wake{WakeMessage, WakeMessage}},
		{"what waits for its turn", func(c *scenario) error {
			c.fragment(1, true, false, 1)
			c.write()
			c.send(1)
			c.fragment(2, true, true, 1)
			c.out.SendText("a", awaited)
			return c.send(largeMessage)
		}, []Wake{WakeMessage}},
		{"what is refused", func(c *scenario) error {
			c.out.SendText("\xff", awaited)
			c.out.Ping(make([]byte, 126), awaited)
			c.fragment(1, false, false, 1)
			return nil
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := open(t, Config{})
			if err := test.send(c); err != nil && !errors.Is(err, messages.ErrQueueFull) {
				t.Fatal(err)
			}
			require.Equal(t, test.want, c.wakes)
		})
	}

	t.Run("before there is a writer", func(t *testing.T) {
		o := NewOutbound(10, 1000)
		var wakes []Wake
		wake := func(why Wake) { wakes = append(wakes, why) }
		o.Attach(wake)
		require.Empty(t, wakes)
		o = NewOutbound(10, 1000)
		require.NoError(t, o.SendText("a", later))
		o.Attach(wake)
		require.Equal(t, []Wake{WakeMessage}, wakes)
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Who waits for room is told when there is some, and when there never will be.
func TestSpace(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(c *scenario)
		want bool
	}{
		{"nothing", func(*scenario) {}, false},
		{"a further message", func(c *scenario) { c.send(1) }, false},
		{"all are taken: a message of any size has room", func(c *scenario) { c.out.Take(nil) }, true},
		{"written", func(c *scenario) { c.write() }, true},
		{"a Close", func(c *scenario) { c.play("close 1000") }, false}, // what is queued is written first
		{"the server's Close", func(c *scenario) { c.play("read close") }, true},
		{"a failed write", func(c *scenario) { c.play("write-failed") }, true},
		{"the end", func(c *scenario) { c.play("eof") }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := open(t, Config{})
			require.NoError(t, c.send(1))
			space := c.out.Space()
			require.False(t, isClosed(space))
			require.False(t, isClosed(c.out.Space()), "for a second one who waits")
			test.do(c)
			require.Equal(t, test.want, isClosed(space))
		})
	}
	t.Run("nothing is queued", func(t *testing.T) {
		require.True(t, isClosed(open(t, Config{}).out.Space()))
	})
	t.Run("nothing is accepted any more", func(t *testing.T) {
		c := open(t, Config{})
		c.send(1)
		c.play("close 1000")
		require.True(t, isClosed(c.out.Space()))
	})
	t.Run("control frames are taken", func(t *testing.T) {
		c := open(t, Config{})
		require.NoError(t, c.send(1))
		c.out.Take(nil)
		space := c.out.Space()
		require.NoError(t, c.out.Ping(nil, Reply{}))
		c.out.Take(nil)
		require.False(t, isClosed(space), "the message is not written")
	})
	t.Run("what a write leaves in the queue", func(t *testing.T) {
		c := open(t, Config{})
		c.out = NewOutbound(10, 1<<20)
		require.NoError(t, c.send(200<<10, 200<<10))
		space := c.out.Space()
		c.out.Take(nil)
		require.False(t, isClosed(space), "one is not taken")
		c.out.Wrote(nil)
		require.True(t, isClosed(space))
	})
}

// A write takes control frames first, and no more than takeMax bytes unless one frame is larger.
func TestTake(t *testing.T) {
	o := NewOutbound(100, 10<<20)
	send := func(sizes ...int) {
		for _, size := range sizes {
			require.NoError(t, o.Send(messages.KindBinary, make([]byte, size), Reply{}))
		}
	}
	take := func() (sizes []int) {
		for _, buf := range o.Take(nil) {
			sizes = append(sizes, len(buf))
		}
		o.Wrote(nil)
		return sizes
	}
	const header = 2 + 8 + 4 // of what is 64 KiB or larger
	require.Empty(t, take())
	send(takeMax-2*header-100<<10, 100<<10)
	send(1) // goes into the second chunk, which makes the two too large by 7 bytes
	require.Equal(t, []int{takeMax - 100<<10 - header}, take())
	require.Equal(t, []int{100<<10 + header + 7}, take())
	send(takeMax-2*header-100<<10, 100<<10)
	require.Equal(t, []int{takeMax - 100<<10 - header, 100<<10 + header}, take())
	send(takeMax, 10)
	require.Equal(t, []int{takeMax + header + 16}, take()) // the small one fits behind it
	send(2*takeMax, 2*takeMax)
	require.NoError(t, o.Ping(nil, Reply{}))
	require.NoError(t, o.Pong(nil, Reply{}))
	require.Equal(t, []int{12}, take())
	require.Equal(t, []int{2*takeMax + header}, take())
	require.Equal(t, []int{2*takeMax + header}, take())
	require.Empty(t, take())
	require.Nil(t, o.keys, "an idle connection keeps its generator of keys, which others may use as well")
	bufs := make([][]byte, 3)
	require.Equal(t, bufs, o.Take(bufs))

	// Small messages share a chunk as long as they fit; the header counts as the longest.
	const chunk = 32<<10 + chunkSlack
	send(20000, 20000, 20000)
	require.Equal(t, []int{20008, 20008, 20008}, take())
	send(12000, chunk-12008-wire.MaxHeader)
	require.Equal(t, []int{chunk - wire.MaxHeader + 8}, take())
	send(12000, chunk-12008-wire.MaxHeader+1)
	require.Equal(t, []int{12008, chunk - 12008 - wire.MaxHeader + 9}, take())

	// A Close that goes first leaves nothing else.
	send(100, 40000, 100)
	require.Empty(t, o.queueCloseFirst(nil, errors.New("for the test")), "nobody is to be told")
	require.Equal(t, []int{6}, take())
	require.Empty(t, take())
	require.Equal(t, 3, o.GivenUp())
}

// What is refused for what it is.
func TestRefused(t *testing.T) {
	c := open(t, Config{})
	require.ErrorIs(t, c.out.Send(3, nil, Reply{}), messages.ErrInvalidKind)
	require.ErrorIs(t, c.out.Send(messages.KindText, []byte("\xff"), Reply{}), messages.ErrInvalidUTF8)
	require.NoError(t, c.out.Send(messages.KindBinary, []byte("\xff"), Reply{}))
	require.ErrorIs(t, c.out.SendFragment(Sender{}, &messages.SendFragment{First: true, Kind: 3}, Reply{}), messages.ErrInvalidKind)
	require.NoError(t, c.out.SendFragment(Sender{}, &messages.SendFragment{First: true, Final: true, Kind: messages.KindBinary, Data: []byte("\xff")}, Reply{}))
	require.ErrorIs(t, CheckPing(make([]byte, 126)), messages.ErrControlTooLong)
	require.NoError(t, CheckPing(make([]byte, 125)))
	require.ErrorIs(t, CheckClose(1006, ""), messages.ErrInvalidCloseCode)
	require.NoError(t, CheckClose(1000, strings.Repeat("x", 123)))
}

// The streams of two senders have nothing to do with each other.
func TestStreamsOfTwoSenders(t *testing.T) {
	c := open(t, Config{})
	send := func(from Sender, first, final bool, data string) error {
		return c.out.SendFragment(from, &messages.SendFragment{Stream: 1, Kind: messages.KindText, First: first, Final: final, Data: []byte(data)}, Reply{})
	}
	one, two, three := Sender{"a", "x"}, Sender{"a", "y"}, Sender{"b", "x"}
	require.NoError(t, send(one, true, false, "1"))
	require.NoError(t, send(two, true, false, "2"))
	require.ErrorIs(t, send(three, false, true, "3"), messages.ErrFinalFragmentSent)
	require.ErrorIs(t, send(two, true, false, "2"), messages.ErrFragmentOrder)
	require.NoError(t, send(two, false, true, "2"))
	require.NoError(t, send(one, false, true, "1"))
	require.Equal(t, []string{
		`text frame "1", more to come`, `continuation frame "1"`,
		`text frame "2", more to come`, `continuation frame "2"`,
	}, c.write())
}

// A message is no fragment of the stream 0 of a sender without a name.
func TestStreamZero(t *testing.T) {
	c := open(t, Config{})
	require.NoError(t, c.fragment(0, true, false, 1))
	require.NoError(t, c.out.SendText("a", Reply{}))
	require.NoError(t, c.fragment(0, false, false, 2))
	require.NoError(t, c.fragment(0, false, true, 3))
	require.Equal(t, []string{
		`binary frame "\x00", more to come`, `continuation frame "\x00\x00", more to come`, `continuation frame "\x00\x00\x00"`,
		`text frame "a"`,
	}, c.write())
}

// Who does not want to be told is not.
func TestNobodyIsTold(t *testing.T) {
	for _, end := range []string{"write", "eof", "read close", "violation"} {
		c := open(t, Config{})
		require.NoError(t, c.send(1))
		require.NoError(t, c.fragment(1, true, false, 1))
		require.NoError(t, c.send(1))
		require.NoError(t, c.out.Ping(nil, Reply{}))
		c.m.Step(Close{Code: 1000}, c.now)
		for _, e := range c.m.Effects() {
			require.NotEqual(t, EffectReply, e.Kind)
		}
		for _, line := range c.play(end) {
			for _, answer := range []string{"sent ", "unsent ", "unconfirmed ", "failed ", "reply "} {
				require.False(t, strings.HasPrefix(line, answer), "%q after %q", line, end)
			}
		}
	}
}

// RFC 6455 §10.3: what was accepted is not changed by the application, whose own the
// data is again, and not by this package either.
func TestPayloadIsCopied(t *testing.T) {
	for _, size := range []int{1, 125, 126, 65535, 65536, largeMessage, largeMessage - 1, 300 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := open(t, Config{})
			want := bytes.Repeat([]byte{'x'}, size)
			data := bytes.Clone(want)
			require.NoError(t, c.out.Send(messages.KindBinary, data, Reply{}))
			require.Equal(t, want, data)
			clear(data)
			f, rest, ok, err := cut(bytes.Join(c.out.Take(nil), nil))
			require.True(t, ok && err == nil && len(rest) == 0)
			require.True(t, f.fin && f.op == wire.OpBinary)
			require.True(t, bytes.Equal(want, f.payload), "another payload arrives")
		})
	}
}

// A message whose size is a power of two has its own buffer, with the header; a small one
// shares it. What is larger than the largest class is not kept.
func TestChunkBuffers(t *testing.T) {
	for size, want := range map[int]int{
		0: 32<<10 + 64, 1: 32<<10 + 64, 32<<10 + 64: 32<<10 + 64, 32<<10 + 65: 64<<10 + 64,
		64<<10 + wire.MaxHeader: 64<<10 + 64, 32<<20 + 64: 32<<20 + 64, 32<<20 + 65: 32<<20 + 65,
	} {
		b := newChunkBuffer(size)
		require.Equal(t, []int{0, want}, []int{len(b), cap(b)}, "for %d bytes", size)
		freeChunkBuffer(b)
	}
	b := newChunkBuffer(100 << 10)[:10]
	freeChunkBuffer(b)
	require.Empty(t, newChunkBuffer(100<<10))
}

// Senders, the writer and the machine work at the same time; every send that is accepted
// is written or given up, and answered once.
func TestConcurrentSenders(t *testing.T) {
	o := NewOutbound(50, 200<<10)
	work := make(chan bool, 1)
	o.Attach(func(Wake) {
		select {
		case work <- true:
		default:
		}
	})
	m := New(Config{}, o, time.Unix(0, 0))
	var accepted, answered atomic.Int64
	var senders, writer sync.WaitGroup
	for id := range 4 {
		senders.Go(func() {
			for i := range 500 {
				size := i % 100
				if i%20 == id {
					size = largeMessage + i
				}
				err := o.Send(messages.KindBinary, make([]byte, size), Reply{To: o})
				for ; errors.Is(err, messages.ErrQueueFull); err = o.Send(messages.KindBinary, make([]byte, size), Reply{To: o}) {
					<-o.Space()
				}
				if err == nil {
					accepted.Add(1)
				}
				o.answerPing(nil)
			}
		})
	}
	writer.Go(func() {
		for range work {
			for len(o.Take(nil)) > 0 {
				answered.Add(int64(len(o.Wrote(nil))))
			}
		}
	})
	for o.Written().Messages < 1000 {
		runtime.Gosched()
	}
	m.Step(Fail{}, time.Unix(1, 0))
	for _, e := range m.Effects() {
		answered.Add(int64(len(e.Outcomes)))
	}
	senders.Wait()
	close(work)
	writer.Wait()
	require.Equal(t, accepted.Load(), answered.Load())
	require.Equal(t, uint64(accepted.Load()), o.Written().Messages+uint64(o.GivenUp()))
	msgs, bytes := o.Queued()
	require.Equal(t, []int{0, 0}, []int{msgs, bytes})
}

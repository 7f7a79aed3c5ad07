package dandelion

// This file holds what a Message promises: what is copied and what is not.

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/supervisor/outbox"
)

func TestMessageOfAString(t *testing.T) {
	text := strings.Clone("hello")
	m := Text(text)
	require.Equal(t, KindText, m.Kind())
	require.Equal(t, 5, m.Len())
	require.Same(t, unsafe.StringData(text), unsafe.StringData(m.Text()), "Text returns the string itself")
	b := m.Bytes()
	require.Equal(t, "hello", string(b))
	clear(b)
	require.Equal(t, "hello", m.Text(), "Bytes is a copy")
	require.Equal(t, "hello", text)
}

func TestMessageOfBytes(t *testing.T) {
	for name, test := range map[string]struct {
		make func([]byte) Message
		kind Kind
	}{
		"text":            {TextBytes, KindText},
		"binary":          {Binary, KindBinary},
		"of a given kind": {func(p []byte) Message { return NewMessage(KindText, p) }, KindText},
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte("hello")
			m := test.make(data)
			require.Equal(t, test.kind, m.Kind())
			require.Equal(t, 5, m.Len())
			require.Same(t, &data[0], &m.Bytes()[0], "Bytes is no copy")
			text := m.Text()
			data[0] = 'j'
			require.Equal(t, "hello", text, "Text is a copy")
			require.Equal(t, "jello", m.Text())
			require.Equal(t, 5, cap(m.Bytes()), "what is appended does not get into other memory")
		})
	}
}

func TestEmptyMessages(t *testing.T) {
	for name, m := range map[string]Message{
		"text": Text(""), "binary": Binary([]byte{}), "nil": Binary(nil), "none": {},
	} {
		t.Run(name, func(t *testing.T) {
			require.Zero(t, m.Len())
			require.Empty(t, m.Text())
			require.NotNil(t, m.Bytes())
			require.Empty(t, m.Bytes())
		})
	}
}

func TestMessageParts(t *testing.T) {
	m := Text("hello")
	require.True(t, m.First() && m.Final())
	first := m.Part(true, false)
	require.True(t, first.First() && !first.Final())
	last := m.Part(false, true)
	require.True(t, !last.First() && last.Final())
	require.True(t, m.First() && m.Final(), "the message itself is not changed")
	for name, part := range map[string]Message{"first": first, "last": last, "middle": m.Part(false, false)} {
		require.ErrorIs(t, part.check(), ErrPartialMessage, name)
	}
	require.NoError(t, m.check())
	require.NoError(t, last.Part(true, true).check())
}

func TestMessageDelivery(t *testing.T) {
	d := Delivery{ID: "7", TTL: time.Second, Resend: true}
	m := Text("hello")
	require.Equal(t, d, m.With(d).Delivery())
	require.Equal(t, Delivery{}, m.Delivery(), "the message itself is not changed")

	data := []byte("hello")
	out := Binary(data).With(d).outgoing()
	clear(data)
	require.Equal(t, messages.Outgoing{Kind: KindBinary, Data: []byte("hello"), Delivery: d}, out)
}

func TestMessageString(t *testing.T) {
	require.Equal(t, "text, 5 bytes", Text("hello").String())
	require.Equal(t, "binary, 0 bytes", Binary(nil).String())
}

// A message is neither copied nor moved to the heap on its way to the connection: what a
// caller has put together on its stack costs no allocation.
func TestSendingAllocatesNothing(t *testing.T) {
	h := handle.New()
	conn := &family.Conn{Out: protocol.NewOutbound(1<<30, 1<<40)}
	h.Opens(conn, &Opened{})
	c := &Client{view: h}
	ctx := context.Background()
	number := int64(0)
	for name, send := range map[string]func() error{
		"Send, text": func() error {
			var buf [16]byte
			return c.Send(Text(string(strconv.AppendInt(buf[:0], number, 10))))
		},
		"Send, concatenated": func() error {
			var buf [16]byte
			return c.Send(Text("no. " + string(strconv.AppendInt(buf[:0], number, 10))))
		},
		"Send, text bytes": func() error {
			var buf [16]byte
			return c.Send(TextBytes(strconv.AppendInt(buf[:0], number, 10)))
		},
		"Send, binary": func() error {
			var buf [16]byte
			return c.Send(Binary(strconv.AppendInt(buf[:0], number, 10)))
		},
		"Send, with an ID": func() error {
			var buf [16]byte
			id := strconv.AppendInt(buf[:0], number, 10)
			return c.Send(Binary(id).With(Delivery{ID: string(id)}))
		},
		"Queue, text": func() error {
			var buf [16]byte
			return c.Queue(ctx, Text(string(strconv.AppendInt(buf[:0], number, 10))))
		},
		"Queue, binary": func() error {
			var buf [16]byte
			return c.Queue(ctx, Binary(strconv.AppendInt(buf[:0], number, 10)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Outbound makes a new buffer now and then, far less than once for a message.
			if n := testing.AllocsPerRun(1000, func() {
				number++
				if err := send(); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%v allocations for each message, want 0", n)
			}
		})
	}
	large := strings.Repeat("x", 1<<20)
	t.Run("large text", func(t *testing.T) {
		// One buffer for the frame, as large as the message, and nothing else of that size.
		out := protocol.NewOutbound(1<<30, 1<<40)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 10 {
			require.NoError(t, Text(large).sendOn(out, protocol.Reply{}))
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(15<<20))
	})
}

// Whatever an outbox holds is a copy.
func TestOutboxHoldsACopy(t *testing.T) {
	h := handle.New()
	box := outbox.New(outbox.Config{}, nil)
	box.Start(func(any) {}, func(uint64, protocol.Reply, error) {})
	h.Uses(box)
	c := &Client{view: h}
	data := []byte("hello")
	require.NoError(t, c.Send(Binary(data)))
	require.NoError(t, c.Queue(t.Context(), TextBytes(data)))
	clear(data)
	var got []string
	box.Attach(1, sendFunc(func(_ Kind, p []byte) { got = append(got, string(p)) }))
	require.Equal(t, []string{"hello", "hello"}, got)
}

// sendFunc is a connection that takes everything.
type sendFunc func(kind Kind, data []byte)

func (f sendFunc) Send(kind Kind, data []byte, _ protocol.Reply) error {
	f(kind, data)
	return nil
}

func (sendFunc) Space() <-chan struct{} { return nil }

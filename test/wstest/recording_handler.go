// This file makes Handlers whose callbacks record what they are called with.

package wstest

import (
	"bytes"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
)

// Handler returns a Handler with all callbacks set but OnBorrowed, which would
// take the place of OnText and OnBinary. They record the event of package
// messages; OnText, OnBinary and OnPing a *messages.TextReceived, BinaryReceived
// and PingReceived without an epoch.
func (r *Recorder) Handler() *dandelion.Handler {
	return r.Wrap(&dandelion.Handler{
		OnText:     func(*dandelion.Client, string) {},
		OnBinary:   func(*dandelion.Client, []byte) {},
		OnFragment: func(*dandelion.Client, *messages.FragmentReceived) {},
	})
}

// Wrap returns a Handler that calls the callbacks of h and then records the event
// as [Recorder.Handler] does, so that a test can wait until it was handled. If h
// takes no data (it has none of OnText, OnBinary, OnBorrowed and OnFragment), the
// result takes none either, and data is still to be read from the client.
func (r *Recorder) Wrap(h *dandelion.Handler) *dandelion.Handler {
	w := &dandelion.Handler{
		OnConnecting:   recording(r, h.OnConnecting, same),
		OnOpen:         recording(r, h.OnOpen, same),
		OnPing:         recording(r, h.OnPing, func(data []byte) any { return &messages.PingReceived{Data: data} }),
		OnPong:         recording(r, h.OnPong, same),
		OnClosing:      recording(r, h.OnClosing, same),
		OnClosed:       recording(r, h.OnClosed, same),
		OnBehind:       recording(r, h.OnBehind, same),
		OnCaughtUp:     recording(r, h.OnCaughtUp, same),
		OnReconnecting: recording(r, h.OnReconnecting, same),
		OnGaveUp:       recording(r, h.OnGaveUp, same),
		OnPanic:        recording(r, h.OnPanic, same),
		OnStopped:      recording(r, h.OnStopped, same),
	}
	if takesData(h) {
		w.OnText = recording(r, h.OnText, func(text string) any { return &messages.TextReceived{Text: text} })
		w.OnBinary = recording(r, h.OnBinary, func(data []byte) any { return &messages.BinaryReceived{Data: data} })
		w.OnFragment = recording(r, h.OnFragment, same)
	}
	if h.OnBorrowed != nil {
		w.OnBorrowed = func(c *dandelion.Client, kind messages.Kind, data []byte) {
			h.OnBorrowed(c, kind, data)
			if kind == messages.KindText {
				r.Record(&messages.TextReceived{Text: string(data)})
			} else {
				r.Record(&messages.BinaryReceived{Data: bytes.Clone(data)})
			}
		}
	}
	return w
}

// recording makes a callback that calls f, if there is one, and records what
// event makes of its argument.
func recording[T any](r *Recorder, f func(*dandelion.Client, T), event func(T) any) func(*dandelion.Client, T) {
	return func(c *dandelion.Client, v T) {
		call(c, f, v)
		r.Record(event(v))
	}
}

func same[T any](event T) any { return event }

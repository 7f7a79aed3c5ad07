// This file makes Handlers whose callbacks record what they are called with.

package wstest

import (
	"bytes"
	"reflect"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
)

// Handler returns a Handler with all callbacks set but OnBorrowed, which would
// take the place of OnText and OnBinary. They record the event of package
// messages; OnText, OnBinary and OnPing a *messages.TextReceived, BinaryReceived
// and PingReceived without an epoch.
func (r *Recorder) Handler() *dandelion.Handler {
	return r.Wrap(&dandelion.Handler{OnText: func(*dandelion.Client, string) {}})
}

// Wrap returns a Handler that calls the callbacks of h and then records the event
// as [Recorder.Handler] does, so that a test can wait until it was handled. If h
// takes no data (it has none of OnText, OnBinary, OnBorrowed and OnFragment), the
// result takes none either, and data is still to be read from the client.
func (r *Recorder) Wrap(h *dandelion.Handler) *dandelion.Handler {
	takesData := h.OnText != nil || h.OnBinary != nil || h.OnBorrowed != nil || h.OnFragment != nil
	w := &dandelion.Handler{}
	from, to := reflect.ValueOf(h).Elem(), reflect.ValueOf(w).Elem()
	for i := range from.NumField() {
		name, callback := from.Type().Field(i).Name, from.Field(i)
		switch name {
		case "OnBorrowed":
			if callback.IsNil() {
				continue
			}
		case "OnText", "OnBinary", "OnFragment":
			if !takesData {
				continue
			}
		}
		to.Field(i).Set(reflect.MakeFunc(callback.Type(), func(args []reflect.Value) []reflect.Value {
			if !callback.IsNil() {
				callback.Call(args)
			}
			r.Record(eventOf(name, args[1:]))
			return nil
		}))
	}
	return w
}

// eventOf is the event for which the callback with that name gets args.
func eventOf(name string, args []reflect.Value) any {
	switch name {
	case "OnText":
		return &messages.TextReceived{Text: args[0].String()}
	case "OnBinary":
		return &messages.BinaryReceived{Data: args[0].Bytes()}
	case "OnPing":
		return &messages.PingReceived{Data: args[0].Bytes()}
	case "OnBorrowed":
		data := args[1].Bytes()
		if args[0].Interface() == messages.KindText {
			return &messages.TextReceived{Text: string(data)}
		}
		return &messages.BinaryReceived{Data: bytes.Clone(data)}
	}
	return args[0].Interface()
}

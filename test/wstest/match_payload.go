// This file has the Matchers for what a message carries, and finds it in
// everything that carries something.

package wstest

import (
	"fmt"
	"reflect"
	"regexp"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Text matches a whole text message whose text matches want: a command or an
// event of package messages, a dandelion.Message, a [Frame], a string. Bytes by
// themselves have no kind and match too.
//
//	wstest.Text("hello")
//	wstest.Text(wstest.JSON(`{"op": "subscribe"}`))
func Text(want any) Matcher {
	m := toMatcher(want)
	return &matcher{"text " + m.String(), func(got any) string {
		p, mismatch := message(got, messages.KindText)
		if mismatch != "" {
			return mismatch
		}
		return m.Mismatch(string(p.data))
	}}
}

// Binary matches a whole binary message whose data matches want: a command or an
// event of package messages, a dandelion.Message, a [Frame]. Bytes by themselves
// have no kind and match too.
func Binary(want any) Matcher {
	m := toMatcher(want)
	return &matcher{"binary " + m.String(), func(got any) string {
		p, mismatch := message(got, messages.KindBinary)
		if mismatch != "" {
			return mismatch
		}
		return m.Mismatch(p.data)
	}}
}

// Regexp matches a payload (see [Text]; also of a Ping or Pong, or a part of a
// message) or the text of an error in which the regular expression is found. It
// panics if expr is none, since expr is meant to be a constant.
func Regexp(expr string) Matcher {
	re := regexp.MustCompile(expr)
	return &matcher{fmt.Sprintf("a match of %s", showText(expr)), func(got any) string {
		p, ok := payloadOf(got)
		if err, is := got.(error); is && !ok {
			p, ok = payload{data: []byte(err.Error())}, true
		}
		switch {
		case !ok:
			return fmt.Sprintf("got %s, which has no payload", show(got))
		case !re.Match(p.data):
			return fmt.Sprintf("got %s, want a match of %s", showBytes(p.data), showText(expr))
		}
		return ""
	}}
}

// message takes the payload out of got if it is a whole message of that kind.
func message(got any, kind messages.Kind) (p payload, mismatch string) {
	p, ok := payloadOf(got)
	switch {
	case !ok || p.control:
		return p, fmt.Sprintf("got %s, want a %s message", show(got), kind)
	case p.part:
		return p, fmt.Sprintf("got %s, which is a part of a message", show(got))
	case p.kind != kind && p.kind != 0:
		return p, fmt.Sprintf("got %s, which is %s, want %s", show(got), p.kind, kind)
	}
	return p, ""
}

// payload is what a message, an event, a frame or a plain value carries.
type payload struct {
	data    []byte
	kind    messages.Kind // 0 if it is not known
	control bool          // of a Ping or Pong
	part    bool          // not the whole message
}

// payloadOf finds the payload of v.
func payloadOf(v any) (payload, bool) {
	switch v := v.(type) {
	case *messages.SendText:
		return payload{data: []byte(v.Text), kind: messages.KindText}, true
	case *messages.TextReceived:
		return payload{data: []byte(v.Text), kind: messages.KindText}, true
	case *messages.SendBinary:
		return payload{data: v.Data, kind: messages.KindBinary}, true
	case *messages.BinaryReceived:
		return payload{data: v.Data, kind: messages.KindBinary}, true
	case *messages.SendFragment:
		return payload{data: v.Data, kind: v.Kind, part: !v.First || !v.Final}, true
	case *messages.FragmentReceived:
		return payload{data: v.Data, kind: v.Kind, part: !v.First || !v.Final}, true
	case *messages.Ping:
		return payload{data: v.Data, control: true}, true
	case *messages.Pong:
		return payload{data: v.Data, control: true}, true
	case *messages.PingReceived:
		return payload{data: v.Data, control: true}, true
	case *messages.PongReceived:
		return payload{data: v.Data, control: true}, true
	case dandelion.Message:
		return payload{data: v.Bytes(), kind: v.Kind(), part: !v.First() || !v.Final()}, true
	case Frame:
		return framePayload(v)
	case string:
		return payload{data: []byte(v), kind: messages.KindText}, true
	}
	r := reflect.ValueOf(v)
	switch {
	case r.Kind() == reflect.String:
		return payload{data: []byte(r.String()), kind: messages.KindText}, true
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		return payload{data: r.Bytes()}, true
	}
	return payload{}, false
}

func framePayload(f Frame) (payload, bool) {
	p := payload{data: f.Payload, part: !f.Fin}
	switch f.Opcode {
	case wire.OpText:
		p.kind = messages.KindText
	case wire.OpBinary:
		p.kind = messages.KindBinary
	case wire.OpContinuation:
		p.part = true
	case wire.OpPing, wire.OpPong:
		p.control = true
	default:
		return payload{}, false
	}
	return p, true
}

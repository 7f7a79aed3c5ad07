package actors

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
)

// ignorant is a Sink that ignores every event but those that it knows.
type ignorant struct{ knows any }

func (ignorant) Batch(*family.Batch) {}
func (ignorant) Event(any)           {}
func (s ignorant) Ignores(event any) bool {
	_, closed := event.(*messages.Closed)
	_, stopped := event.(*messages.Stopped)
	switch s.knows.(type) {
	case *messages.Closed:
		return !closed
	case *messages.Stopped:
		return !stopped
	}
	return true
}

// The table at the beginning of places.go.
func TestPlaces(t *testing.T) {
	c := &conn{loop: &mailbox.Loop{}}
	callback := func(knows any) func(any) mailbox.Place { return placeInCallback(ignorant{knows}) }
	for _, test := range []struct {
		name    string
		place   func(any) mailbox.Place
		message any
		want    mailbox.Place
	}{
		{"reader", placeInReader, &credit{}, mailbox.OnSender},
		{"reader, system message", placeInReader, &actor.Stop{}, mailbox.OnSender},
		{"protocol", placeInProtocol, &batch{}, mailbox.OnSender},
		{"protocol, system message", placeInProtocol, &actor.Stop{}, mailbox.OnSender},
		{"writer, nobody waits", placeInWriter, &flushes[protocol.WakeMessage], mailbox.OnLane},
		{"writer, somebody waits", placeInWriter, &flushes[protocol.WakeAwaited], mailbox.OnSender},
		{"writer, large", placeInWriter, &flushes[protocol.WakeLarge], mailbox.OnSender},
		{"writer, control", placeInWriter, &flushes[protocol.WakeControl], mailbox.OnSender},
		{"writer, reply", placeInWriter, flushReply, mailbox.OnSender},
		{"writer, writeDone", placeInWriter, &writeDone{}, mailbox.OnSender},
		{"writer, halfClose", placeInWriter, &halfClose{}, mailbox.OnLane},
		{"writer, system message", placeInWriter, &actor.Stop{}, mailbox.OneOnSender},
		{"callback, batch", callback(nil), &batch{conn: c}, c.loop.After()},
		{"callback, ignored event", callback(&messages.Stopped{}), &messages.Closed{}, mailbox.OneOnSender},
		{"callback, other event", callback(&messages.Closed{}), &messages.Closed{}, mailbox.OnLane},
		{"callback, end", callback(&messages.Stopped{}), &family.Finish{}, mailbox.OneOnSender},
		{"callback, stop with an ignored event", callback(&messages.Closed{}), &actor.Stop{}, mailbox.OneOnSender},
		{"callback, stop with another event", callback(&messages.Stopped{}), &actor.Stop{}, mailbox.OnLane},
		{"callback of an actor, batch", placeInCallback(nil), &batch{conn: c}, c.loop.After()},
		{"callback of an actor, event", placeInCallback(nil), &messages.Closed{}, mailbox.OnLane},
		{"callback of an actor, end", placeInCallback(nil), &family.Finish{}, mailbox.OneOnSender},
		{"callback of an actor, stop", placeInCallback(nil), &actor.Stop{}, mailbox.OnLane},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.place(test.message); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

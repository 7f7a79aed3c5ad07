// This file holds what a mocked client has received until it is read.

package wstest

import (
	"sync"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
)

type mockInbox struct {
	mu      sync.Mutex
	waiting []dandelion.Message
	ended   bool
	arrived chan struct{} // closed and replaced when something arrives
}

// put takes the data out of an event; Stopped is the end.
func (in *mockInbox) put(event any) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch e := event.(type) {
	case *messages.TextReceived:
		in.waiting = append(in.waiting, dandelion.TextBytes([]byte(e.Text)))
	case *messages.BinaryReceived:
		in.waiting = append(in.waiting, dandelion.Binary(e.Data))
	case *messages.FragmentReceived:
		in.waiting = append(in.waiting, dandelion.NewMessage(e.Kind, e.Data).Part(e.First, e.Final))
	case *messages.Stopped:
		in.ended = true
	default:
		return
	}
	close(in.arrived)
	in.arrived = make(chan struct{})
}

func (in *mockInbox) take() (msg dandelion.Message, ok, ended bool, arrived <-chan struct{}) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.waiting) == 0 {
		return msg, false, in.ended, in.arrived
	}
	msg = in.waiting[0]
	in.waiting = in.waiting[1:]
	return msg, true, false, nil
}

package mailbox

// This file is the places: where an actor can handle a message.

// Place is where an actor handles a message that finds it idle. A message for a busy actor
// waits, and is handled where those before it are.
//
// Every actor handles its Started within Spawn, whatever the place.
type Place struct {
	kind kind
	loop *Loop // of afterLoop
}

type kind uint8

const (
	onLane kind = iota
	onSender
	oneOnSender
	afterLoop
)

var (
	// OnLane is a goroutine of the actor (see Lane). It may block there, as code of the user
	// does.
	OnLane = Place{kind: onLane}
	// OnSender is the goroutine of the sender, which stays until the actor has nothing left
	// to do. It saves waking another goroutine. The actor must not block there.
	OnSender = Place{kind: onSender}
	// OneOnSender is OnSender for this message only. Those after it go to the lane, as they
	// may take longer. Of system messages, all that wait are handled.
	OneOnSender = Place{kind: oneOnSender}
)

// here reports whether p is the goroutine of the sender.
func (p Place) here() bool { return p.kind == onSender || p.kind == oneOnSender }

// After is the goroutine of the loop, once it has posted its message (see Loop.Post); the lane
// if it is not posting any.
func (l *Loop) After() Place { return Place{afterLoop, l} }

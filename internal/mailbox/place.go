package mailbox

// Place is where an actor handles a message that finds it idle. A message for a busy
// actor waits, and is handled where the ones before it are.
//
// Every actor handles its Started within Spawn, whatever its place.
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
	// OnLane is a goroutine of the actor's own (see Lane). There it may block, as code of the
	// user does.
	OnLane = Place{kind: onLane}
	// OnSender is the goroutine of the sender, which stays until the actor has nothing left
	// to do. It saves the way to another goroutine, and must not block there.
	OnSender = Place{kind: onSender}
	// OneOnSender is OnSender for this message only. What is behind it goes to the lane: it
	// may take longer. Of system messages all that wait are handled.
	OneOnSender = Place{kind: oneOnSender}
)

// After is the goroutine of the loop, after what that is doing (see Loop.Post); the lane if
// it is not doing anything.
func (l *Loop) After() Place { return Place{afterLoop, l} }

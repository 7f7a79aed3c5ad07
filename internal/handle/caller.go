package handle

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/mailbox"
)

// Caller makes the first attempt to connect on the goroutine that spawns the supervisor:
// where that would wait for it anyway this saves the way to another goroutine and back.
// The zero value makes every attempt on a goroutine of its own.
type Caller struct {
	mu      sync.Mutex
	waits   bool   // between the beginning of Spawn and its end
	attempt func() // nil again when it is made, as the Handle lives as long as the client
}

// Run sees to it that attempt, which blocks for as long as an attempt takes, is run, but
// not within Run.
func (c *Caller) Run(attempt func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits {
		c.attempt = attempt
	} else {
		mailbox.Go(attempt)
	}
}

// Spawn spawns a supervisor and, if that begins with an attempt, makes it. It returns
// when that attempt has ended. Later ones have goroutines of their own.
func (c *Caller) Spawn(spawn func() *actor.PID) *actor.PID {
	c.mu.Lock()
	c.waits = true
	c.mu.Unlock()
	pid := spawn()
	c.mu.Lock()
	attempt := c.attempt
	c.waits, c.attempt = false, nil
	c.mu.Unlock()
	if attempt != nil {
		attempt()
	}
	return pid
}

package handle

// This file makes the first attempt to connect where somebody waits for it.

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/internal/mailbox"
)

// Caller makes the first attempt to connect on the goroutine that spawns the supervisor. Where
// that would wait for it anyway, this saves the way to another goroutine and back. The zero
// value makes every attempt on a new goroutine.
type Caller struct {
	mu      sync.Mutex
	waits   bool   // between the beginning of Spawn and its end
	attempt func() // nil again when it is made, as the Handle lives as long as the client
}

// Run has attempt run, but does not wait for it. attempt blocks for as long as an attempt to
// connect takes.
func (c *Caller) Run(attempt func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits {
		c.attempt = attempt
	} else {
		mailbox.Go(attempt)
	}
}

// Spawn spawns a supervisor. If that begins with an attempt, Spawn makes it and returns when
// it has ended. Later attempts get new goroutines.
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

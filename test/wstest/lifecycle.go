// This file is what can happen to a whole Server: it goes away, comes back,
// refuses, hangs, loses its connections.

package wstest

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"syscall"
	"time"
)

// relistenEvery is how often Resume tries to get its old port back.
const relistenEvery = 10 * time.Millisecond

// Refuse makes the server refuse new connections, as if nothing listened at its
// address: on TCP the listener is closed, and DialContext returns
// syscall.ECONNREFUSED. Connections that are there live on.
func (s *Server) Refuse() {
	s.core.setState(refusing)
}

// Hang makes DialContext wait until its context ends or the server resumes, like
// a host that does not answer. Who connects to the TCP address without
// DialContext is refused, because loopback cannot be made to hang.
func (s *Server) Hang() {
	s.core.setState(hanging)
}

// Resume accepts connections again, at the same address, after Refuse or Hang.
// It fails if another process took the port meanwhile and does not give it
// back within the timeout.
func (s *Server) Resume() {
	s.core.t.Helper()
	if err := s.core.resume(); err != nil {
		s.core.fail(s.mode, &failure{message: "resume: " + err.Error(), cause: err})
	}
}

// Restart is what clients see when the server's process is replaced: nothing
// listens, all connections are dropped, and the same address is there again.
func (s *Server) Restart() {
	s.core.t.Helper()
	s.Refuse()
	s.DropAll()
	s.Resume()
}

// DropAll ends all connections that are open, also those that no script has
// accepted yet, as Conn.Drop does.
func (s *Server) DropAll() {
	s.core.mu.Lock()
	links := slices.Collect(maps.Keys(s.core.open))
	s.core.queue = nil
	s.core.mu.Unlock()
	for _, l := range links {
		l.drop()
	}
}

// Close stops listening, drops all connections and waits until the goroutines
// of the server are gone. Scripts that wait for something are cut off; that
// does not fail the test. A script that goes on nevertheless makes the test fail
// after the timeout. Close is called when the test ends; calling it again does
// nothing. Called inside a script it does not wait.
func (s *Server) Close() {
	s.core.t.Helper()
	c := s.core
	c.mu.Lock()
	if !c.isClosed() {
		close(c.closed)
	}
	c.mu.Unlock()
	s.Refuse()
	s.DropAll()
	if s.mode == failScript {
		return
	}

	gone := make(chan struct{})
	go func() {
		c.workers.Wait()
		close(gone)
	}()
	timer := time.NewTimer(c.cfg.timeout)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
		c.t.Errorf("wstest: a script still runs %v after Close", c.cfg.timeout)
	}
}

func (c *core) setState(state listenState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = state
	if c.listener != nil {
		c.listener.Close()
		c.listener = nil
	}
	c.notify()
}

func (c *core) resume() error {
	c.mu.Lock()
	state := c.state
	if c.isClosed() {
		c.mu.Unlock()
		return errServerClosed
	}
	if c.inPipe {
		c.state = listening
		c.notify()
	}
	c.mu.Unlock()
	if c.inPipe || state == listening {
		return nil
	}
	return c.listenAgain()
}

// listenAgain listens at an address that was the server's before.
func (c *core) listenAgain() error {
	giveUp := time.Now().Add(c.cfg.timeout)
	for {
		err := c.listen()
		if !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
		if time.Now().After(giveUp) {
			return fmt.Errorf("after %v: %w", c.cfg.timeout, err)
		}
		select {
		case <-time.After(relistenEvery):
		case <-c.closed:
			return net.ErrClosed
		}
	}
}

// forget takes l out of the server, with a line in its transcript. It reports
// false if l has been taken out before.
func (c *core) forget(l *link, note string) bool {
	c.mu.Lock()
	_, open := c.open[l]
	delete(c.open, l)
	c.mu.Unlock()
	if open {
		l.note("%s", note)
	}
	return open
}

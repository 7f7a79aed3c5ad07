// This file runs scripts beside the test: in goroutines that the server owns,
// or guarded so that a failure is an error.

package wstest

import "context"

// Script is a function that runs in a goroutine of the server.
type Script struct {
	server Server
	done   chan struct{}
	ok     bool // the function returned; written before done is closed
}

// Done is closed when the script has ended.
func (r *Script) Done() <-chan struct{} { return r.done }

// Wait waits until the script has ended, and fails if it did not run to its end.
// Since each of its waits is bounded, so is this one.
func (r *Script) Wait() {
	r.server.core.t.Helper()
	<-r.done
	if !r.ok {
		r.server.core.fail(r.server.mode, &failure{message: "a script did not run to its end"})
	}
}

// run starts f in a goroutine of the server.
func (s *Server) run(f func()) *Script {
	r := &Script{server: *s, done: make(chan struct{})}
	s.core.workers.Go(func() {
		defer close(r.done)
		f()
		r.ok = true
	})
	return r
}

// Go runs f in a goroutine of the server, which ends when f fails. f must use
// the Server that it is given.
func (s *Server) Go(f func(s *Server)) *Script {
	return s.run(func() { f(&Server{core: s.core, mode: failScript}) })
}

// Script waits, in a goroutine of the server, for the next connection and runs
// f with it. It is what most tests need beside a client whose dial blocks:
//
//	script := srv.Script(func(c *wstest.Conn) {
//		c.Upgrade()
//		c.ExpectText("Hello")
//	})
//	… use the client …
//	script.Wait()
//
// The connection stays open when f returns.
func (s *Server) Script(f func(c *Conn)) *Script {
	return s.Go(func(s *Server) { f(s.Accept(context.Background())) })
}

// Handle runs f for every connection from now on, each in a goroutine of its
// own, until the server is closed. The connection is dropped when f returns.
// There is no limit on how long a connection takes to come.
func (s *Server) Handle(f func(c *Conn)) {
	s.Go(func(s *Server) {
		for {
			c := s.accept(context.Background(), 0)
			s.run(func() {
				defer c.link.drop()
				f(c)
			})
		}
	})
}

// Try runs f and returns its failure instead of failing the test: f stops at
// the first thing that does not go as expected. f must use the Server that it is
// given. Unlike the other methods Try can be called in any goroutine.
func (s *Server) Try(f func(s *Server)) (err error) {
	defer recoverTry(&err)
	f(&Server{core: s.core, mode: failTry})
	return nil
}

// Go runs f in a goroutine of the server, which ends when f fails. f must use
// the Conn that it is given.
func (c *Conn) Go(f func(c *Conn)) *Script {
	s := &Server{core: c.link.core, mode: c.mode}
	return s.run(func() { f(c.with(failScript)) })
}

// Try runs f and returns its failure instead of failing the test: f stops at
// the first thing that does not go as expected. f must use the Conn that it is
// given. Unlike the other methods Try can be called in any goroutine.
func (c *Conn) Try(f func(c *Conn)) (err error) {
	defer recoverTry(&err)
	f(c.with(failTry))
	return nil
}

func (c *Conn) with(mode failMode) *Conn {
	view := *c
	view.mode = mode
	return &view
}

//go:build unix

package actors

import (
	"io"
	"net"
	"syscall"
)

// nonblockingWrite returns a function that writes as much of p as the socket
// takes at once, or nil if stream is not a plain socket. It never blocks, so an
// actor can use it.
func nonblockingWrite(stream io.Writer) func(p []byte) (int, error) {
	switch stream.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil // anything else may put a layer between us and the socket
	}
	raw, err := stream.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	a := &attempt{raw: raw}
	a.fn = a.write
	return a.run
}

// attempt is one non-blocking write; it is kept so that a write allocates nothing.
type attempt struct {
	raw syscall.RawConn
	fn  func(fd uintptr) bool
	p   []byte
	n   int
	err error
}

func (a *attempt) run(p []byte) (int, error) {
	a.p, a.n, a.err = p, 0, nil
	err := a.raw.Write(a.fn)
	a.p = nil
	if err == nil {
		err = a.err
	}
	return a.n, err
}

func (a *attempt) write(fd uintptr) bool {
	for len(a.p) > 0 {
		n, err := syscall.Write(int(fd), a.p)
		switch err {
		case nil:
			a.n += n
			a.p = a.p[n:]
			if len(a.p) > 0 {
				return true // the socket's buffer is full
			}
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			a.err = err
			return true
		}
	}
	return true
}

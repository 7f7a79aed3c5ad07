//go:build unix

package actors

// This file reads from and writes to plain sockets without blocking.

import (
	"io"
	"net"
	"os"
	"syscall"
)

// nonblockingWrite returns a function that writes as much of p as the socket takes at once; nil
// if stream is not a plain socket. It never blocks, so an actor can use it.
func nonblockingWrite(stream io.Writer) func(p []byte) (int, error) {
	raw := rawConn(stream)
	if raw == nil {
		return nil
	}
	w := &socketWrite{raw: raw}
	w.fn = w.write
	return w.run
}

// nonblockingRead returns a function that waits until stream is readable without
// holding a buffer: it calls get when it is about to read, and put if nothing was
// there after all. It returns nil if stream is not a plain socket.
func nonblockingRead(stream io.Reader) func(get func() []byte, put func()) (int, error) {
	raw := rawConn(stream)
	if raw == nil {
		return nil
	}
	r := &readiness{raw: raw}
	r.fn = r.read
	return r.run
}

// readiness is one read that waits without a buffer; it is kept so that a read
// allocates nothing.
type readiness struct {
	raw syscall.RawConn
	fn  func(fd uintptr) bool
	get func() []byte
	put func()
	n   int
	err error
}

func (r *readiness) run(get func() []byte, put func()) (int, error) {
	r.get, r.put, r.n, r.err = get, put, 0, nil
	err := r.raw.Read(r.fn)
	if err == nil {
		err = r.err
	}
	return r.n, err
}

func (r *readiness) read(fd uintptr) (done bool) {
	p := r.get()
	for {
		n, err := syscall.Read(int(fd), p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			r.put()
			return false
		case err != nil:
			r.err = os.NewSyscallError("read", err)
		case n == 0:
			r.err = io.EOF
		default:
			r.n = n
		}
		return true
	}
}

// rawConn gives access to the file descriptor of a plain socket. It returns nil for anything
// else, which may have a layer between us and the socket.
func rawConn(stream any) syscall.RawConn {
	switch stream.(type) {
	case *net.TCPConn, *net.UnixConn:
		if raw, err := stream.(syscall.Conn).SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// socketWrite is one non-blocking write; it is kept so that a write allocates nothing.
type socketWrite struct {
	raw syscall.RawConn
	fn  func(fd uintptr) bool
	p   []byte
	n   int
	err error
}

func (w *socketWrite) run(p []byte) (int, error) {
	w.p, w.n, w.err = p, 0, nil
	err := w.raw.Write(w.fn)
	w.p = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}

func (w *socketWrite) write(fd uintptr) bool {
	for len(w.p) > 0 {
		n, err := syscall.Write(int(fd), w.p)
		switch err {
		case nil:
			w.n += n
			w.p = w.p[n:]
			if len(w.p) > 0 {
				return true // the socket's buffer is full
			}
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			w.err = os.NewSyscallError("write", err)
			return true
		}
	}
	return true
}

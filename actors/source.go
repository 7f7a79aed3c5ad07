package actors

// This file reads the stream, with a buffer only while there is something to read.

import "io"

// source reads the stream. While there is nothing to read it owns no buffer, if the stream can
// tell when that changes (see nonblockingRead).
type source struct {
	stream io.Reader
	// try blocks until the stream is readable and then calls get for a buffer to
	// read into; nil if the stream cannot do that.
	try  func(get func() []byte, put func()) (int, error)
	size inputSizer

	in  *input
	get func() []byte
	put func()
}

func newSource(stream io.Reader) source {
	return source{stream: stream, try: nonblockingRead(stream)}
}

// read reads what has come, at least one byte, into a new input, which belongs to the caller.
func (s *source) read() (in *input, n int, err error) {
	if s.try == nil {
		in = newInput(s.size.class)
		n, err = s.stream.Read(in.buf)
	} else {
		if s.get == nil {
			s.get = func() []byte {
				s.in = newInput(s.size.class)
				return s.in.buf
			}
			s.put = func() {
				s.in.free()
				s.in = nil
			}
		}
		n, err = s.try(s.get, s.put)
		in, s.in = s.in, nil
	}
	s.size.brought(n)
	return in, n, err
}

// readInto reads what has come into p.
func (s *source) readInto(p []byte) (int, error) { return s.stream.Read(p) }

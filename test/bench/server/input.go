package server

import "io"

const (
	firstInput = 4 << 10   // idle connections are many
	fullInput  = 256 << 10 // larger ones leave the cache
)

// input is what was read and not yet taken. It grows with the traffic.
type input struct {
	r    io.Reader
	buf  []byte
	from int // buf[from:to] is there
	to   int
}

func newInput(r io.Reader) *input { return &input{r: r, buf: make([]byte, firstInput)} }

func (in *input) bytes() []byte { return in.buf[in.from:in.to] }

func (in *input) take(n int) { in.from += n }

// more reads once, behind what is there.
func (in *input) more() error {
	full := in.to == len(in.buf)
	if in.from > 0 {
		in.to = copy(in.buf, in.buf[in.from:in.to])
		in.from = 0
	}
	// Either the last read may have left something in the socket, or one frame
	// needs more than all of buf.
	if full && (len(in.buf) < fullInput || in.to == len(in.buf)) {
		in.buf = append(in.buf[:in.to], make([]byte, 2*len(in.buf)-in.to)...)
	}
	n, err := in.r.Read(in.buf[in.to:])
	in.to += n
	return err
}

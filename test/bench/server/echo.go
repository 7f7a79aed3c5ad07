package server

import "io"

// echo sends every frame back as soon as it is whole.
func echo(rw io.ReadWriter) {
	in := newInput(rw)
	var out []byte
	for in.more() == nil {
		closed := false
		for !closed {
			p := in.bytes()
			h, ok := parse(p)
			if !ok || len(p) < h.size+h.body {
				break
			}
			switch h.first & opMask {
			case opPing:
				h.first = bitFin | opPong
			case opClose:
				closed = true
			}
			out = AppendHeader(out, h.first, h.body)
			out = appendUnmasked(out, p[h.size:h.size+h.body], h.key)
			in.take(h.size + h.body)
		}
		if len(out) > 0 {
			if _, err := rw.Write(out); err != nil || closed {
				return
			}
			out = out[:0]
		}
	}
}

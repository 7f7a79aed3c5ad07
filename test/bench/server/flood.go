package server

import (
	"bytes"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/dandelionws/dandelion/test/bench/payload"
)

// writeSize is about how much one write of a flood carries, in bytes.
const writeSize = 256 << 10

// flood sends messages for as long as the client asks for.
func flood(rw io.ReadWriter, query url.Values) {
	kind, err1 := strconv.Atoi(query.Get("kind"))
	size, err2 := strconv.Atoi(query.Get("size"))
	if err1 != nil || err2 != nil || size <= 0 {
		return
	}
	write := floodOf(byte(kind), payload.Make(payload.Sample(query.Get("sample")), min(size, writeSize)), size)

	in := newInput(rw)
	var request []byte
	for in.more() == nil {
		p := in.bytes()
		h, ok := parse(p)
		if !ok || len(p) < h.size+h.body {
			continue
		}
		request = appendUnmasked(request[:0], p[h.size:h.size+h.body], h.key)
		in.take(h.size + h.body)
		ms, err := strconv.Atoi(string(request))
		if err != nil {
			return // a Close, for one
		}
		var counts Counts
		for end := time.Now().Add(time.Duration(ms) * time.Millisecond); time.Now().Before(end); {
			n, err := write(rw)
			if err != nil {
				return
			}
			counts.Messages += int64(n)
			counts.Bytes += int64(n * size)
		}
		if _, err := rw.Write(AppendFrame(nil, byte(payload.Binary), counts.append(nil))); err != nil {
			return
		}
	}
}

// floodOf returns a function that writes messages and says how many. Small ones
// go many at a time; one that is larger than part repeats part.
func floodOf(op byte, part []byte, size int) func(io.Writer) (int, error) {
	if size > len(part) {
		head := AppendHeader(nil, bitFin|op, size)
		return func(w io.Writer) (int, error) {
			_, err := w.Write(head)
			for left := size; left > 0 && err == nil; left -= len(part) {
				_, err = w.Write(part[:min(left, len(part))])
			}
			return 1, err
		}
	}
	n := max(1, writeSize/(size+4))
	frames := bytes.Repeat(AppendFrame(nil, op, part), n)
	return func(w io.Writer) (int, error) {
		_, err := w.Write(frames)
		return n, err
	}
}

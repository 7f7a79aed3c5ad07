package client

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	"github.com/dandelionws/dandelion/test/bench/payload"
)

// raw is what plain TCP can do: it writes ready-made frames, as many at a time as
// there are, and finds the messages that arrive by their headers alone. Nothing
// is encoded, masked, checked or joined.
var raw = Library{Name: "raw", Floor: true, Dial: dialRaw}

const (
	// rawBuffer is how much a read or a write of small frames carries at most, in bytes.
	rawBuffer = 256 << 10
	// rawHeader is the longest header of a frame with its key, rounded up.
	rawHeader = 16
	// rawWhole is the size up to which a message is given with its real content.
	rawWhole = 64
)

const rawRequest = "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// rawConn is what the workload has; it sends from outside of OnMessage.
type rawConn struct {
	rawWriter
	cork   bool // Send waits until there is enough for a write
	closed atomic.Bool
}

func dialRaw(url string, cfg Config) (Conn, error) {
	nc, err := connectRaw(url)
	if err != nil {
		return nil, err
	}
	w := newRawWriter(nc, cfg)
	c := &rawConn{rawWriter: w, cork: cfg.Load == Sending}
	r := &rawReader{rawWriter: w, cfg: cfg, blank: make([]byte, cfg.Size)}
	go r.run(&c.closed)
	return c, nil
}

// connectRaw connects and makes the opening handshake, without a look at the answer.
func connectRaw(url string) (net.Conn, error) {
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "ws://"), "/")
	nc, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(nc, rawRequest, "/"+path, host); err != nil {
		nc.Close()
		return nil, err
	}
	var answer [512]byte
	n, err := nc.Read(answer[:])
	if err != nil || !bytes.HasSuffix(answer[:n], []byte("\r\n\r\n")) {
		nc.Close()
		return nil, fmt.Errorf("opening handshake: got %q, %v", answer[:n], err)
	}
	return nc, nil
}

// Send writes at once, unless more messages like this one are to be expected.
func (c *rawConn) Send(kind payload.Kind, p []byte) error {
	if err := c.add(kind, p); err != nil || c.cork && c.unsent < c.most {
		return err
	}
	return c.flush()
}

func (c *rawConn) Close() {
	c.closed.Store(true)
	c.nc.Close()
}

// rawWriter writes messages of one size, which it takes to be equal, many at a
// time, and other messages one by one.
type rawWriter struct {
	nc     net.Conn
	size   int
	most   int    // messages in one write
	frames []byte // so many, when the first one was sent
	unsent int
}

func newRawWriter(nc net.Conn, cfg Config) rawWriter {
	w := rawWriter{nc: nc, size: cfg.Size, most: 1}
	if cfg.Load == Sending || cfg.Load == Pipelined {
		w.most = max(1, rawBuffer/(cfg.Size+rawHeader))
	}
	return w
}

func (w *rawWriter) add(kind payload.Kind, p []byte) error {
	if len(p) == w.size {
		if w.frames == nil {
			w.frames = bytes.Repeat(rawFrame(kind, p), w.most)
		}
		w.unsent++
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err := w.nc.Write(rawFrame(kind, p))
	return err
}

func (w *rawWriter) flush() error {
	for w.unsent > 0 {
		n := min(w.unsent, w.most)
		if _, err := w.nc.Write(w.frames[:n*(len(w.frames)/w.most)]); err != nil {
			return err
		}
		w.unsent -= n
	}
	return nil
}

// rawFrame returns p in a frame whose key is zero.
func rawFrame(kind payload.Kind, p []byte) []byte {
	b := []byte{0x80 | byte(kind)}
	switch n := len(p); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xFFFF:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), p...)
}

// rawReader reads, and is what OnMessage sends on: its frames go out together
// when everything that one read brought was handled.
type rawReader struct {
	rawWriter
	cfg   Config
	blank []byte // stands for the payload of messages longer than rawWhole
	whole int    // size of the message that is being read …
	left  int    // … and how much of it is still to come
}

func (r *rawReader) Send(kind payload.Kind, p []byte) error { return r.add(kind, p) }
func (r *rawReader) Close()                                 { r.nc.Close() }

func (r *rawReader) run(closed *atomic.Bool) {
	buf := make([]byte, r.bufferSize())
	kept := 0
	for {
		n, err := r.nc.Read(buf[kept:])
		if err == nil {
			rest := r.handle(buf[:kept+n])
			kept = copy(buf, rest)
			err = r.flush()
		}
		if err != nil {
			if !closed.Load() {
				r.cfg.OnError(err)
			}
			return
		}
	}
}

func (r *rawReader) bufferSize() int {
	switch r.cfg.Load {
	case Many:
		return min(r.cfg.Size, 512) + slack
	case Latency:
		return r.cfg.Size + slack
	}
	return rawBuffer
}

// handle takes what it can from p and returns the rest: a header or a small
// message that is not complete.
func (r *rawReader) handle(p []byte) (rest []byte) {
	for {
		if r.left > 0 {
			n := min(r.left, len(p))
			p = p[n:]
			if r.left -= n; r.left > 0 {
				return nil
			}
			r.cfg.OnMessage(r, r.blank[:r.whole])
		}
		if len(p) < 2 {
			return p
		}
		head, size := 2, int(p[1])
		switch size {
		case 126:
			if head = 4; len(p) < head {
				return p
			}
			size = int(binary.BigEndian.Uint16(p[2:]))
		case 127:
			if head = 10; len(p) < head {
				return p
			}
			size = int(binary.BigEndian.Uint64(p[2:]))
		}
		if size > rawWhole {
			r.whole, r.left = size, size
			p = p[head:]
			continue
		}
		if len(p) < head+size {
			return p
		}
		r.cfg.OnMessage(r, p[head:head+size])
		p = p[head+size:]
	}
}

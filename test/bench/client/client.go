// Package client puts every library behind one door, so that one workload runs
// with all of them. Each adapter uses the fastest way that its library documents.
package client

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/dandelionws/dandelion/test/bench/payload"
)

// Load is the shape of a workload, by which an adapter sizes its buffers.
type Load uint8

const (
	// Latency: one message at a time on one connection.
	Latency Load = iota
	// Pipelined: messages come back and are sent again, many at a time.
	Pipelined
	// Sending: as many messages as will go, on one connection.
	Sending
	// Receiving: as many messages as will come, on one connection.
	Receiving
	// Many: many connections with little traffic each. Buffers have their default size.
	Many
)

// Config is what a workload wants of a connection.
type Config struct {
	Load Load
	Size int // of the messages, in bytes of payload

	// OnMessage is called for every message, for one at a time. p is good until
	// it returns. It may send.
	OnMessage func(c Conn, p []byte)
	// OnError is called when the connection ends without Close.
	OnError func(error)
}

// Conn is an open connection.
type Conn interface {
	// Send sends a message, or sees to it that it is sent. p must not be changed
	// afterwards. One goroutine at a time may send.
	Send(kind payload.Kind, p []byte) error
	// Close drops the connection, without a closing handshake.
	Close()
}

// Library is one way to use one library.
type Library struct {
	Name string
	// Ours: it is a way to use dandelion.
	Ours bool
	// Checks: text that arrives is checked for UTF-8.
	Checks bool
	// Floor: not a library but what plain TCP can do.
	Floor bool
	// OnlyReceives: it differs from another way to use the same library only in
	// how messages arrive.
	OnlyReceives bool
	// OnDemand: it runs only if it is named.
	OnDemand bool
	// Module is where it comes from.
	Module string
	// Dial connects to a ws URL.
	Dial func(url string, cfg Config) (Conn, error)
}

// Libraries are all of them, in the order of the tables.
var Libraries = []Library{
	gorilla,
	gorillaOwned,
	coder,
	gws,
	gobwas,
	nbio,
	raw,
	rawActors,
	dandelion,
	dandelionBorrowed,
	dandelionPull,
	dandelionActor,
}

// Peer reports whether the library is one that dandelion is compared with.
func (l Library) Peer() bool { return !l.Ours && !l.Floor }

const (
	bulkBuffer = 64 << 10
	// slack is room for a header and for the read-ahead of a buffer.
	slack = 64
)

// buffer is the size of a read or write buffer in bytes; 0 stands for the
// library's default.
func (cfg Config) buffer() int {
	switch {
	case cfg.Load == Many:
	case cfg.Load != Latency:
		return max(bulkBuffer, min(cfg.Size+slack, 4*bulkBuffer))
	case cfg.Size > 4096-slack:
		return cfg.Size + slack
	}
	return 0
}

// readLoop calls OnMessage for what next returns until the connection ends.
func (cfg Config) readLoop(c Conn, closed *atomic.Bool, next func() ([]byte, error)) {
	for {
		p, err := next()
		if err != nil {
			if !closed.Load() {
				cfg.OnError(err)
			}
			return
		}
		cfg.OnMessage(c, p)
	}
}

// errClosed is for libraries that say that a connection has ended and not why.
var errClosed = errors.New("connection closed")

// readAll reads r to its end into buf, which it makes larger if need be.
func readAll(r io.Reader, buf []byte) ([]byte, error) {
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// Package server is the other end of every benchmark: a WebSocket server that
// does as little as the workload allows, so that the client is what is measured.
// A connection has one goroutine, which parses in its input buffer and writes
// once for all that one read brought. The path of the request says what the
// connection is for.
package server

import (
	"net"
	"net/url"
	"strconv"

	"github.com/dandelionws/dandelion/test/bench/payload"
)

const (
	// PathEcho: every message comes back.
	PathEcho = "/echo"
	// PathSink: messages are counted and never looked at. A text message of
	// SinkEnd bytes is answered with the counts (ParseCounts) since the last answer.
	PathSink = "/sink"
	// PathHold: nothing happens after the handshake.
	PathHold = "/hold"

	pathFlood = "/flood"
)

// SinkEnd is the size of the message that asks a sink for its counts.
const SinkEnd = 1

// FloodPath is for a connection on which the client asks, with a text message
// that holds a number of milliseconds, for messages of that kind and size. After
// that time the server sends its counts (ParseCounts) in a binary message of CountsSize bytes.
func FloodPath(kind payload.Kind, sample payload.Sample, size int) string {
	return pathFlood + "?" + url.Values{
		"kind":   {strconv.Itoa(int(kind))},
		"sample": {string(sample)},
		"size":   {strconv.Itoa(size)},
	}.Encode()
}

// Serve serves all connections of ln until it is closed.
func Serve(ln net.Listener) error {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return err
		}
		go serve(nc.(*net.TCPConn))
	}
}

// serve ends with the connection. Errors only mean that the client is gone.
func serve(nc *net.TCPConn) {
	defer nc.Close()
	uri, err := upgrade(nc)
	if err != nil {
		return
	}
	switch uri.Path {
	case PathEcho:
		echo(nc)
	case PathSink:
		sink(nc)
	case pathFlood:
		flood(nc, uri.Query())
	case PathHold:
		hold(nc)
	}
}

// hold waits for the client to leave and resets the connection: a closed one
// would keep the client's port busy for a minute (TIME_WAIT).
func hold(nc *net.TCPConn) {
	nc.SetLinger(0)
	var p [64]byte
	for {
		if _, err := nc.Read(p[:]); err != nil {
			return
		}
	}
}

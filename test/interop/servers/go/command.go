package main

// This file is the commands that a test sends to a server as text messages.

import (
	"bytes"
	"strconv"
	"strings"
)

// A session is one accepted connection, in terms of the commands. Each library implements
// it as far as it can.
type session interface {
	// send writes one message in one frame.
	send(text bool, p []byte) error
	// sendParts writes one message in several frames; without end its last
	// frame is never sent.
	sendParts(text bool, parts [][]byte, end bool) error
	// ping sends a Ping; pong is called when it is answered.
	ping(data []byte) error
	// startClose sends the first Close frame; code 0 means an empty one.
	startClose(code int, reason string) error
}

// answer carries a command out and echoes any other message.
func answer(s session, text bool, p []byte) error {
	if !text || len(p) > 125 {
		return s.send(text, p)
	}
	name, rest, _ := strings.Cut(string(p), " ")
	switch name {
	case "close":
		code, reason, _ := strings.Cut(rest, " ")
		return s.startClose(number(code), reason)
	case "ping":
		return s.ping([]byte(rest))
	case "blob":
		return s.send(false, binaryPattern(number(rest)))
	case "fragments":
		kind, counts, _ := strings.Cut(rest, " ")
		n, size, _ := strings.Cut(counts, " ")
		parts := cut(pattern(kind == "text", number(n)*number(size)), number(size))
		return s.sendParts(kind == "text", parts, true)
	case "half":
		return s.sendParts(false, [][]byte{binaryPattern(number(rest))}, false)
	}
	return s.send(text, p)
}

// pong answers the test's "ping" command.
func pong(s session, data []byte) error {
	return s.send(true, append([]byte("pong "), data...))
}

// number reads a count in a command. Only the tests write commands, so anything else
// counts as 0.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// pattern returns n bytes of contents that both server and test know.
func pattern(text bool, n int) []byte {
	if text {
		// One character of each UTF-8 length, 10 bytes in all.
		return bytes.Repeat([]byte("aé€😀"), n/10)
	}
	return binaryPattern(n)
}

func binaryPattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i % 251)
	}
	return p
}

// cut divides p into parts of size bytes.
func cut(p []byte, size int) [][]byte {
	var parts [][]byte
	for len(p) > size {
		parts = append(parts, p[:size])
		p = p[size:]
	}
	return append(parts, p)
}

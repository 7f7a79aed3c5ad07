package main

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/test/wstest"
)

// inOrder is a pattern for these lines with any lines between them.
func inOrder(lines ...string) string { return strings.Join(lines, `\n(.*\n)*`) }

func TestRun(t *testing.T) {
	var out strings.Builder
	err := run(t.Context(), &out, "")
	require.NoError(t, err, "%s", &out)
	require.Regexp(t, inOrder(
		`^> sent .*`,
		`= OPEN epoch 1`,
		`> TEXT "hello"`,
		`< TEXT "hello"`,
		`> BINARY "\\x00\\x01\\xfe\\xff"`,
		`< BINARY "\\x00\\x01\\xfe\\xff"`,
		`> TEXT "Gr\\xc3" …`,
		`> PING`,
		`< PONG after .*s`,
		`> TEXT … "Welt"`,
		`< TEXT "Grüße, Welt"`,
		`# the server restarts`,
		`= CLOSED code 1006 .*`,
		`% waits .*: connection lost`,
		`= OPEN epoch 2`,
		`< TEXT "still here"`,
		`> CLOSE 1000 "done"`,
		`= CLOSED code 1000 \(normal closure\), clean: true`,
		`= STOPPED\n$`,
	), out.String())
}

func TestRunWithURL(t *testing.T) {
	server, err := wstest.NewEchoServer("")
	require.NoError(t, err)
	defer server.Close()
	var out strings.Builder
	err = run(t.Context(), &out, server.URL())
	require.NoError(t, err, "%s", &out)
	require.Regexp(t, inOrder(`= OPEN epoch 1`, `< TEXT "Grüße, Welt"`, `> CLOSE 1000 "done"`, `= STOPPED\n$`), out.String())
	require.NotContains(t, out.String(), "restart")
}

func TestRunWithoutServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener.Close() // nothing listens there any more
	var out strings.Builder
	err = run(t.Context(), &out, "ws://"+listener.Addr().String())
	require.ErrorContains(t, err, "refused")
	require.Regexp(t, inOrder(`% waits .*: dial failed`, `% gives up: 3 attempts made.*`, `= STOPPED\n$`), out.String())
}

func TestRunWithBadURL(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), new(strings.Builder), "http://127.0.0.1"), "ws://")
}

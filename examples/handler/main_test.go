package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	err := run(t.Context(), &out)
	require.NoError(t, err, "%s", &out)
	require.Regexp(t, strings.Join([]string{
		`^> sent .*`,
		`= OPEN`,
		`> TEXT "20"`,
		`< TEXT "20"`,
		`< TEXT "oops"`,
		`# a callback panicked: .*invalid syntax`,
		`< TEXT "22"`,
		`> BINARY 2a`,
		`< BINARY 2a`,
		`> PING "done\?"`,
		`< PONG "done\?" after .*s`,
		`> CLOSE 1000`,
		`= CLOSED code 1000, clean: true`,
		`= STOPPED\n$`,
	}, `\n(.*\n)*`), out.String())
}

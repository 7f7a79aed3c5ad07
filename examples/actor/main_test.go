package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	err := run(&out)
	require.NoError(t, err, "%s", &out)
	require.Regexp(t, strings.Join([]string{
		`^> to send .*`,
		`= OPEN epoch 1`,
		`> TEXT "is anybody there\?"`,
		`< TEXT "is anybody there\?"`,
		`! "is anybody there\?"`,
		`> TEXT "caf\\xe9"`,
		`! error: .*not valid UTF-8.*`,
		`= CLOSED code 1001, clean: true`,
		`= OPEN epoch 2`,
		`> TEXT "and on another connection\?"`,
		`! "and on another connection\?"`,
		`= CLOSED code 1000, clean: true`,
		`= STOPPED\n$`,
	}, `\n(.*\n)*`), out.String())
}

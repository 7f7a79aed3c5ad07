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
		`^< received .*`,
		`= OPEN epoch 1`,
		`# drops the connection`,
		`= CLOSED code 1006, reason ""`,
		`% waits \d+ms: connection lost`,
		`= CONNECTING epoch 2, attempt 1`,
		`= OPEN epoch 2`,
		`# closes for a new version`,
		`= CLOSED code 1012, reason "new version"`,
		`% waits \d+ms: server closed with code 1012 \(service restart\)`,
		`= OPEN epoch 3`,
		`# is overloaded`,
		`% waits \d+ms: server closed with code 1013 \(try again later\)`,
		`= OPEN epoch 4`,
		`# is away for three attempts`,
		`% waits \d+ms: connection lost`,
		`= CONNECTING epoch 5, attempt 1`,
		`% waits \d+ms: dial failed`,
		`= CONNECTING epoch 6, attempt 2`,
		`% waits \d+ms: dial failed`,
		`= CONNECTING epoch 7, attempt 3`,
		`% waits \d+ms: dial failed`,
		`= CONNECTING epoch 8, attempt 4`,
		`= OPEN epoch \d+`,
		`# closes the account`,
		`= CLOSED code 4001, reason "goodbye"`,
		`% gives up: the account is closed`,
		`= STOPPED\n$`,
	}, `\n(.*\n)*`), out.String())
}

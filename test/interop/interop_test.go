//go:build linux

package interop

// This file runs every scenario against every server.

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// patience bounds every scenario.
const patience = 30 * time.Second

var scenarios = []struct {
	name string
	run  func(t *testing.T, ctx context.Context, s *running)
}{
	{"connect", connect},
	{"echo text", echoText},
	{"echo binary", echoBinary},
	{"echo many", echoMany},
	{"fragments to server", fragmentsToServer},
	{"fragments from server", fragmentsFromServer},
	{"ping between fragments", pingBetweenFragments},
	{"ping by client", pingByClient},
	{"ping by server", pingByServer},
	{"close by client", closeByClient},
	{"close by client without status", closeByClientWithoutStatus},
	{"close by server", closeByServer},
	{"close by server without status", closeByServerWithoutStatus},
	{"killed while client receives", killedWhileClientReceives},
	{"killed while client sends", killedWhileClientSends},
	{"killed between fragments", killedBetweenFragments},
	{"reconnect after kill", reconnectAfterKill},
	{"reconnect after close", reconnectAfterClose},
}

func TestInterop(t *testing.T) {
	for _, server := range servers {
		t.Run(server.name, func(t *testing.T) {
			s := server.launch(t)
			for _, scenario := range scenarios {
				t.Run(scenario.name, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					s.start(t) // the previous scenario may have killed it
					scenario.run(t, ctx, s)
				})
			}
		})
	}
}

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := buildGoServer(dir); err != nil {
		fmt.Fprintf(os.Stderr, "build of servers/go: %v\n", err)
		return 1
	}
	code := m.Run()
	for _, stack := range leaked(10 * time.Second) {
		fmt.Fprintf(os.Stderr, "goroutine left after the tests:\n%s\n\n", stack)
		code = 1
	}
	return code
}

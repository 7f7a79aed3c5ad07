package bboltstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// What the child gets from the test that starts it again.
const (
	envFile  = "BBOLTSTORE_TEST_FILE"
	envURL   = "BBOLTSTORE_TEST_URL"
	envFirst = "BBOLTSTORE_TEST_FIRST" // the first number to send; 0: send what is left, and end
)

func TestMain(m *testing.M) {
	if os.Getenv(envFile) != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if left := goroutinesLeft(); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// goroutinesLeft shows those of the store and of bbolt, besides the one that asks.
func goroutinesLeft() (left string) {
	for range 50 {
		buf := make([]byte, 1<<20)
		stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		left = strings.Join(slices.DeleteFunc(stacks[1:], func(s string) bool { return !strings.Contains(s, "bbolt") }), "\n\n")
		if left == "" {
			return ""
		}
		time.Sleep(20 * time.Millisecond)
	}
	return left
}

// child sends numbers until it is killed, and prints each that was accepted.
func child() error {
	first, err := strconv.ParseUint(os.Getenv(envFirst), 10, 64)
	if err != nil {
		return err
	}
	store, err := Open(os.Getenv(envFile), nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := dandelion.Supervise(ctx, os.Getenv(envURL), &dandelion.Options{
		Retry:  retry.Policy{Backoff: retry.Exponential{Base: 10 * time.Millisecond, Max: 50 * time.Millisecond}.New},
		Outbox: &outbox.Config{Store: store, Acked: acked},
	})
	if err != nil {
		return err
	}
	if first == 0 {
		if err := client.Shutdown(ctx); err != nil {
			return err
		}
		return store.Close()
	}
	var next atomic.Uint64
	next.Store(first - 1)
	for range 3 {
		go func() {
			for {
				n := strconv.FormatUint(next.Add(1), 10)
				m := dandelion.Text(n).With(messages.Delivery{ID: n})
				switch err := client.Queue(context.Background(), m); {
				case err == nil:
					os.Stdout.WriteString(n + "\n") // accepted: from here on it must not be lost
				case errors.Is(err, messages.ErrQueueFull):
					time.Sleep(time.Millisecond)
				default:
					fmt.Fprintln(os.Stderr, "child:", err)
					os.Exit(1)
				}
			}
		}()
	}
	<-client.Done()
	return client.Err()
}

// acked takes the echo of a message for its acknowledgement.
func acked(_ messages.Kind, data []byte) (outbox.Ack, bool) {
	return outbox.Ack{ID: string(data)}, true
}

// tally is what the server does and has got.
type tally struct {
	mood atomic.Value // of serverMoods

	mu    sync.Mutex
	times map[string]int
}

// serverMoods are what the server does in one round after the other.
var serverMoods = []string{"acknowledges", "is silent", "refuses", "acknowledges and drops connections", "acknowledges some"}

func (s *tally) serve(c *wstest.Conn) {
	mood := s.mood.Load().(string)
	if mood == "refuses" {
		return
	}
	// It ends as the child does: in the middle of anything.
	_ = c.Try(func(c *wstest.Conn) {
		c.Upgrade()
		for count := 1; ; count++ {
			f := c.ReadFrame()
			switch f.Opcode {
			case wire.OpText:
			case wire.OpClose:
				c.SendClose(wire.StatusGoingAway, "")
				return
			default:
				continue
			}
			s.mu.Lock()
			s.times[string(f.Payload)]++
			s.mu.Unlock()
			switch {
			case mood == "is silent", mood == "acknowledges some" && count%3 != 0:
			case mood == "acknowledges and drops connections" && count%40 == 0:
				return // instead of an acknowledgement
			default:
				c.SendText(string(f.Payload))
			}
		}
	})
}

func (s *tally) got(n string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times[n] > 0
}

// A program that is killed in the middle of sending, again and again, with the
// same file: everything that was accepted reaches the server.
func TestKilledProgramLosesNothing(t *testing.T) {
	path := tempFile(t)
	server := &tally{times: map[string]int{}}
	server.mood.Store(serverMoods[0])
	srv := wstest.NewServer(t)
	srv.Handle(server.serve)
	start := func(ctx context.Context, first int) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), envFile+"="+path, envURL+"="+srv.URL(), fmt.Sprintf("%s=%d", envFirst, first))
		return cmd
	}

	accepted := map[string]bool{}
	rounds, most := 0, 0
	for deadline := time.Now().Add(6 * time.Second); time.Now().Before(deadline) && (rounds < 25 || !testing.Short()); rounds++ {
		mood := serverMoods[rounds%len(serverMoods)]
		server.mood.Store(mood)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		cmd := start(ctx, (rounds+1)*1_000_000)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		out := bufio.NewReader(stdout)
		count, enough := 0, 1+rand.IntN(150)
		for {
			line, err := out.ReadString('\n')
			if err != nil {
				break // the rest of a line was not printed in time
			}
			accepted[strings.TrimSpace(line)] = true
			if count++; count == enough {
				time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
				require.NoError(t, cmd.Process.Kill())
			}
		}
		err = cmd.Wait()
		cancel()
		require.GreaterOrEqual(t, count, enough, "round %d: the child ended by itself: %v\n%s", rounds, err, &stderr)
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, -1, exit.ExitCode(), "round %d: the child was not killed: %v\n%s", rounds, err, &stderr)

		// What has not arrived is in the file.
		store := open(t, path)
		kept := map[string]bool{}
		for _, m := range replay(t, store) {
			kept[string(m.Data)] = true
		}
		require.NoError(t, store.Close())
		most = max(most, len(kept))
		for n := range accepted {
			if !kept[n] && !server.got(n) {
				t.Fatalf("round %d (the server %s): message %s was accepted and is lost", rounds, mood, n)
			}
		}
	}

	// One that is not killed sends what is left.
	server.mood.Store(serverMoods[0])
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := start(ctx, 0).CombinedOutput()
	require.NoError(t, err, "the last child: %s", out)
	again := 0
	for n := range accepted {
		require.True(t, server.got(n), "message %s was accepted and has not arrived", n)
	}
	for _, times := range server.times {
		again += times - 1
	}
	require.Empty(t, replay(t, open(t, path)))
	t.Logf("killed %d times: %d messages accepted, all arrived; %d came again; up to %d in the file after a kill",
		rounds, len(accepted), again, most)
}

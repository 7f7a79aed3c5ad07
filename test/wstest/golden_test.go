package wstest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
)

const goldenSteps = "# A scenario without its trace.\n\nuser: spawn\nuser: text \"a\"\ntime: 1s\nserver: close 1000 \"\"\n"

const goldenTrace = `# A scenario without its trace.

user: spawn
    user       ← Connecting epoch 1 attempt 1
    user       ← Opened epoch 1
user: text "a"
    answers    ← Sent 1
    server     ← text "a"
time: 1s
server: close 1000 ""
    user       ← Closing epoch 1 by remote code 1000
    user       ← Closed epoch 1 code 1000 clean true unsent 0
    user       ← GaveUp after 1 attempts: server closed with code 1000 (normal closure)
    user       ← Stopped epoch 1
    server     ← close 1000 ""
`

// userAndServer lets a user with one connection, and a server, do something.
func userAndServer(t *testing.T, s *wstest.Scenario) {
	mock := wstest.NewMock(t)
	mock.Play(s)
	root := mock.System().Root
	user := root.Spawn(actor.PropsFromFunc(func(actor.Context) {}, s.Traced("user")))
	s.Receivers("user", "answers", "server")
	var pid *actor.PID
	s.Part("user", func(words []string) {
		switch words[0] {
		case "spawn":
			pid = mock.Spawn(supervisor.Config{Target: user, Retry: retry.Policy{MaxAttempts: 1}})
		case "text":
			root.RequestWithCustomSender(pid, &messages.SendText{Ref: 1, Text: words[1]}, user)
		}
	})
}

func TestGoldenUpdate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scenario.txt")
	check(t, os.WriteFile(file, []byte(strings.ReplaceAll(goldenSteps, "\n", "\r\n")), 0o644))
	wstest.Golden(t, file, true, userAndServer)
	got, err := os.ReadFile(file)
	check(t, err)
	if string(got) != goldenTrace {
		t.Errorf("written:\n%s\nwant:\n%s", got, goldenTrace)
	}
	wstest.Golden(t, file, false, userAndServer)
}

// TestGoldenThatFails runs in a process of its own, with a scenario file in the environment.
func TestGoldenThatFails(t *testing.T) {
	if file := os.Getenv("WSTEST_SCENARIO"); file != "" {
		wstest.Golden(t, file, os.Getenv("WSTEST_UPDATE") != "", userAndServer)
		return
	}
	for _, test := range []struct {
		name, script, want string
		update             bool
	}{
		{"other trace", strings.Replace(goldenTrace, "code 1000", "code 1001", 1), "accept it with -update", false},
		{"no trace", goldenSteps, "+    server     ← text \"a\"", false},
		{"no step", "hello\n", `scenario.txt:1: "hello": want «who: what»`, true},
		{"nobody", "# x\nnobody: does\n", `scenario.txt:2: nobody is called "nobody"`, false},
		{"nothing", "server:  \n", `scenario.txt:1: "server:  ": server does nothing`, false},
		{"no time", "time: soon\n", `invalid duration`, false},
		{"no step of a server", "server: dances\n", `a server cannot do ["dances"`, false},
		{"no number", "server: refuses x\n", `invalid syntax`, false},
		{"no connection yet", "server: text \"a\"\n", `no connection is open after 1h0m0s`, false},
		{"no file", "", "no scenario file matches", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "scenario.txt")
			if test.script != "" {
				check(t, os.WriteFile(file, []byte(test.script), 0o644))
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestGoldenThatFails$")
			cmd.Env = append(os.Environ(), "WSTEST_SCENARIO="+file)
			if test.update {
				cmd.Env = append(cmd.Env, "WSTEST_UPDATE=1")
			}
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.want) {
				t.Errorf("error %v, output:\n%s\nwant one with: %s", err, out, test.want)
			}
			if strings.Contains(string(out), "panic:") || strings.Contains(string(out), "deadlock") {
				t.Errorf("output:\n%s", out)
			}
			if test.script != "" {
				if after, err := os.ReadFile(file); err != nil || string(after) != test.script {
					t.Errorf("the file was changed: %v\n%s", err, after)
				}
			}
		})
	}
}

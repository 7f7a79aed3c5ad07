package wstest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dandelionws/dandelion/test/wstest"
)

const goldenSteps = "# A scenario without its trace.\n\nconfig: once\nuser: spawn\nuser: text \"a\"\ntime: 1s\nserver: close 1000 \"\" eof\n"

const goldenTrace = `# A scenario without its trace.

config: once
user: spawn
    user       ← Connecting epoch 1 attempt 1
    user       ← Opened epoch 1
user: text "a"
    answers    ← Sent 1
    server     ← TEXT "a"
time: 1s
server: close 1000 "" eof
    user       ← Closing epoch 1 by remote code 1000
    user       ← Closed epoch 1 code 1000 clean true unsent 0
    user       ← Stopped epoch 1
    server     ← CLOSE 1000 ""
    server     ← EOF
`

// userAndServer is a stage without the insides of the library.
func userAndServer(t *testing.T, s *wstest.Scenario) {
	wstest.NewStage(t, s).PlayUser()
	s.Receivers("user", "answers", "server")
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
		{"other trace", strings.Replace(goldenTrace, "CLOSE 1000", "CLOSE 1001", 1), "accept it with -update", false},
		{"no trace", goldenSteps, "+    server     ← TEXT \"a\"", false},
		{"no step", "hello\n", `scenario.txt:1: "hello": want «who: what»`, true},
		{"nobody", "# x\nnobody: does\n", `scenario.txt:2: nobody is called "nobody"`, false},
		{"nothing", "server:  \n", `scenario.txt:1: "server:  ": server does nothing`, false},
		{"no time", "time: soon\n", `invalid duration`, false},
		{"no user yet", "user: text \"a\"\n", `user: spawn has to come first`, false},
		{"no command", "user: spawn\nuser: dances\n", `unknown command ["dances"]`, false},
		{"too few words", "user: spawn\nuser: text\n", `["text"]: too few words`, false},
		{"no number", "user: spawn\nuser: close x \"\"\n", `invalid syntax`, false},
		{"no duration", "config: keepalive x y z\n", `invalid duration`, false},
		{"no configuration", "config: x\n", `unknown configuration ["x"]`, false},
		{"no connection yet", "server: text \"a\"\n", `no connection has come yet`, false},
		{"no frame", "server: x\n", `unknown frame "x"`, false},
		{"server gone", "user: spawn\nserver: dies\nserver: text \"a\"\n", `closed`, false},
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

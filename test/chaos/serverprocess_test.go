package chaos_test

// This file runs an echo server in a separate process, so that it can be killed and its
// files and memory do not count.

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/dandelionws/dandelion/test/wstest"
)

// serverEnv is set in the server's process, to the number of connections it may get.
const serverEnv = "DANDELION_CHAOS_SERVER"

func TestMain(m *testing.M) {
	if addr := os.Getenv(serverEnv); addr != "" {
		if err := serveUntilStdinEnds(addr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveUntilStdinEnds(addr string) error {
	if err := allowFiles(manyFiles); err != nil {
		return err
	}
	s, err := wstest.NewEchoServer(addr)
	if err != nil {
		return err
	}
	fmt.Println(s.Addr())
	_, err = io.Copy(io.Discard, os.Stdin) // ends with the parent at the latest
	return err
}

// serverProcess is an echo server that can be killed.
type serverProcess struct {
	cmd   *exec.Cmd
	stdin io.Closer
	addr  string
}

// startServer starts a server at addr and returns when it is listening.
func startServer(addr string) (*serverProcess, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &serverProcess{cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), serverEnv+"="+addr)
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}

// kill ends the process as a crash would.
func (p *serverProcess) kill() {
	p.stdin.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // its error is that it was killed
}

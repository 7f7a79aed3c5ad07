//go:build linux

package interop

// This file starts, watches, pauses and kills server processes.

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const setupHint = "run test/interop/setup.sh to install the servers"

// A process is a server that was started for the tests.
type process struct {
	name   string
	cmd    *exec.Cmd
	lines  chan string   // its standard output
	done   chan struct{} // closed when it has ended
	stderr tail
}

// startProcess starts a server for the test t. It lives until owner, which is t or the test
// around it, ends, unless it is killed before.
func startProcess(t, owner *testing.T, name string, argv ...string) *process {
	t.Helper()
	p := &process{
		name:  name,
		cmd:   exec.Command(argv[0], argv[1:]...),
		lines: make(chan string, 1024),
		done:  make(chan struct{}),
	}
	p.cmd.Stderr = &p.stderr
	// If the test process dies without cleaning up, e.g. at the timeout of go test, no
	// server stays behind.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v; %s", name, err, setupHint)
	}
	go p.collect(stdout)
	owner.Cleanup(func() {
		p.kill()
		if text := p.stderr.String(); owner.Failed() && text != "" {
			owner.Logf("%s wrote to its standard error, at last:\n%s", name, text)
		}
	})
	return p
}

// collect reads what the process prints until its end.
func (p *process) collect(stdout io.Reader) {
	defer close(p.done)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		select {
		case p.lines <- lines.Text():
		default: // nobody wants that many
		}
	}
	p.cmd.Wait()
}

// expect waits for a line with the prefix and returns the rest of it.
func (p *process) expect(t *testing.T, ctx context.Context, prefix string) string {
	t.Helper()
	for {
		select {
		case line := <-p.lines:
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				return rest
			}
		case <-p.done:
			t.Fatalf("%s ended before it printed %q; %s\n%s", p.name, prefix, setupHint, &p.stderr)
		case <-ctx.Done():
			t.Fatalf("%s did not print %q: %v\n%s", p.name, prefix, ctx.Err(), &p.stderr)
		}
	}
}

// pause suspends the process: the kernel still receives data for it until its socket
// buffers are full.
func (p *process) pause(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatalf("pause %s: %v", p.name, err)
	}
}

// kill ends the process with SIGKILL and waits for its end.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// A tail keeps the last part of what several goroutines write.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 2000 // bytes

func (b *tail) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	if cut := len(b.text) - tailSize; cut > 0 {
		b.text = append(b.text[:0], b.text[cut:]...)
	}
	return len(p), nil
}

func (b *tail) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/dandelionws/dandelion/test/bench/work"
	"golang.org/x/sys/unix"
)

// This file starts the processes: the program calls itself, once as the server
// and once as the client of each run, so that no run sees the heap, the pools or
// the garbage of another one. With -against the client is another build of it.

// spare is how long a run may take beyond what is measured.
const spare = 60 * time.Second

// runOnce runs one workload with one library against a server of its own. program is
// what plays the client; "" stands for this program.
func runOnce(ctx context.Context, program string, job clientJob, pinned bool) (r work.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, job.Env.Warmup+job.Env.Duration+spare)
	defer cancel()
	var cpus unix.CPUSet
	if pinned {
		if cpus, err = oneCPU(); err != nil {
			return r, err
		}
	}

	server, err := startServer(ctx, cpus)
	if err != nil {
		return r, fmt.Errorf("server: %w", err)
	}
	defer server.stop()
	job.Env.Addr = server.addr

	arg, err := json.Marshal(job)
	if err != nil {
		return r, err
	}
	cmd, hold, err := command(ctx, program, roleClient, string(arg))
	if err != nil {
		return r, err
	}
	defer hold.Close()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := startOn(cmd, cpus); err != nil {
		return r, err
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return r, fmt.Errorf("%s with %s took too long", job.Workload, job.Library)
		}
		return r, fmt.Errorf("%w: %s", err, lastLines(errs.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return r, err
	}
	// What a client says of its CPU time does not tell user and kernel mode apart in all
	// revisions. Its process has both, with those of starting and warming up.
	user, sys := cmd.ProcessState.UserTime(), cmd.ProcessState.SystemTime()
	r.User = r.CPU * user.Seconds() / max(user+sys, 1).Seconds()
	return r, nil
}

// command prepares a call of program, or of this program if that is "". The call ends
// when hold is closed.
func command(ctx context.Context, program, role string, args ...string) (cmd *exec.Cmd, hold io.Closer, err error) {
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return nil, nil, err
		}
	}
	cmd = exec.CommandContext(ctx, program, append([]string{role}, args...)...)
	hold, err = cmd.StdinPipe()
	return cmd, hold, err
}

// endWithParent ends this process when the one that has started it ends.
func endWithParent() {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
}

type serverProcess struct {
	cmd  *exec.Cmd
	hold io.Closer
	addr string
}

func startServer(ctx context.Context, cpus unix.CPUSet) (*serverProcess, error) {
	cmd, hold, err := command(ctx, "", roleServer)
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := startOn(cmd, cpus); err != nil {
		return nil, err
	}
	s := &serverProcess{cmd: cmd, hold: hold}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.stop()
		return nil, errors.New("it has not said its address")
	}
	s.addr = strings.TrimSpace(addr)
	return s, nil
}

func (s *serverProcess) stop() {
	s.hold.Close()
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// startOn starts a process on the CPUs of the set; on all if it is empty. A
// process inherits them from the thread that starts it.
func startOn(cmd *exec.Cmd, cpus unix.CPUSet) error {
	if cpus.Count() == 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &cpus); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &before)
	return cmd.Start()
}

// oneCPU returns the last one of the CPUs that this process may use: the first
// one has most of the interrupts.
func oneCPU() (one unix.CPUSet, err error) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return one, fmt.Errorf("CPUs of this process: %w", err)
	}
	for i := len(all)*64 - 1; i >= 0; i-- {
		if all.IsSet(i) {
			one.Set(i)
			return one, nil
		}
	}
	return one, errors.New("no CPU to pin to")
}

// lastLines returns the end of what a process has written.
func lastLines(s string) string {
	const most = 2000
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-most):]
}

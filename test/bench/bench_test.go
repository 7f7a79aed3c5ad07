package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/report"
	"github.com/dandelionws/dandelion/test/bench/server"
	"github.com/dandelionws/dandelion/test/bench/work"
)

// TestMain lets the test binary play the roles of the program.
func TestMain(m *testing.M) {
	isChild, err := runChild(os.Args[1:])
	switch {
	case !isChild:
		os.Exit(m.Run())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestWorkloads runs every workload with every library for a moment. That the
// right messages have arrived is checked by the workloads themselves.
func TestWorkloads(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go server.Serve(ln)
	env := work.Env{Addr: ln.Addr().String(), Warmup: time.Millisecond, Duration: 3 * time.Millisecond, Connections: 5}
	for _, w := range work.Workloads {
		for _, lib := range client.Libraries {
			if !w.Has(lib) {
				continue
			}
			t.Run(w.Name+"/"+lib.Name, func(t *testing.T) {
				if w.Name == "idle" {
					t.Parallel() // it waits most of the time
				}
				r, err := w.Run(env, lib)
				if err != nil {
					t.Fatal(err)
				}
				if r.Messages <= 0 || r.Elapsed <= 0 {
					t.Errorf("got %+v", r)
				}
			})
		}
	}
}

// TestProgram runs the program from the command line to the tables.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "results.json")
	err := run(t.Context(), []string{
		"-only", "pingpong-32-pinned,send-128", "-libs", "gorilla,raw,dandelion", "-rounds", "2",
		"-duration", "10ms", "-warmup", "1ms", "-json", name, "-cpuprofile", dir, "-details",
	})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(content, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Lines) != 2 {
		t.Fatalf("got %d lines, want 2", len(r.Lines))
	}
	for _, l := range r.Lines {
		for _, c := range l.Cells {
			if len(c.Samples) != 2 || c.Median <= 0 || c.Ratio <= 0 {
				t.Errorf("%s, %s: got %+v", l.Workload, c.Library, c)
			}
			if _, err := os.Stat(filepath.Join(dir, l.Workload+"."+c.Library+".prof")); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestAgainst compares the present tree with its last commit. It builds both.
func TestAgainst(t *testing.T) {
	if testing.Short() {
		t.Skip("builds this program twice")
	}
	name := filepath.Join(t.TempDir(), "results.json")
	err := run(t.Context(), []string{
		"-against", "HEAD", "-only", "send-128", "-libs", "gws,dandelion", "-rounds", "2",
		"-duration", "10ms", "-warmup", "1ms", "-json", name,
	})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var c report.Comparison
	if err := json.Unmarshal(content, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Rows) != 2 {
		t.Fatalf("got %d rows, want 2", len(c.Rows))
	}
	for _, r := range c.Rows {
		ours := r.Library == "dandelion"
		if len(r.Rounds) != 2 || r.Value.This <= 0 || r.Ratio <= 0 || (r.Value.Ratio > 0) != ours || (r.User.Base > 0) != ours {
			t.Errorf("%s: got %+v", r.Library, r)
		}
	}
}

// TestAgainstNothing shows that a revision that is not there is an error.
func TestAgainstNothing(t *testing.T) {
	if err := run(t.Context(), []string{"-against", "no-such-revision"}); err == nil {
		t.Error("got no error")
	}
}

// TestFailedRun shows that a run that fails is reported as such.
func TestFailedRun(t *testing.T) {
	p, err := parsePlan([]string{"-only", "send-128", "-libs", "raw", "-rounds", "1", "-duration", "1ms"})
	if err != nil {
		t.Fatal(err)
	}
	p.libs = []client.Library{{Name: "none"}}
	r := p.measure(t.Context())
	if !r.Failed() {
		t.Error("got a report without a failure")
	}
	var b bytes.Buffer
	r.WriteErrors(&b)
	if want := `there is no "none"`; !strings.Contains(b.String(), want) {
		t.Errorf("got %q, want %q in it", b.String(), want)
	}
}

// TestCommandLine shows what is refused.
func TestCommandLine(t *testing.T) {
	for _, args := range [][]string{{"-only", "nothing"}, {"-libs", "nobody"}, {"more"}, {"-rounds", "x"}} {
		if _, err := parsePlan(args); err == nil {
			t.Errorf("%q: got no error", args)
		}
	}
}

// TestTargets shows that every target can be looked up.
func TestTargets(t *testing.T) {
	for _, target := range report.Targets {
		if _, err := find(work.Workloads, target.Workload, func(w work.Workload) string { return w.Name }); err != nil {
			t.Error(err)
		}
	}
}

// Command bench measures dandelion side by side with other WebSocket clients for
// Go and with plain TCP, alone and through actors, on loopback.
//
//	go run .                               everything; about 20 minutes
//	go run . -quick                        everything, roughly; within 90 seconds
//	go run . -only pingpong,send-128       some workloads, by the beginnings of their names
//	go run . -libs gws,raw,dandelion       some libraries; gorilla-owned only so
//	go run . -json results.json -details   all numbers
//	go run . -only send-128 -libs dandelion -rounds 1 -cpuprofile /tmp
//	go run . -against HEAD~3               the present tree and a revision; see below
//
// Every run is a pair of new processes, a client and a server. The server is the
// same for all libraries. For each workload the libraries take turns, A B C, A B
// C, for as many rounds as -rounds says; the tables show medians. It needs Linux.
//
// With -against the present tree is compared with another revision, each built with its
// own client. In every round each way to use dandelion runs three times: this tree, the
// revision, and the revision again. How far those two lie apart is what the machine makes
// of equal programs; what this tree differs by more than that, and more than 3 percent,
// is marked. Peers and floors run, with this tree's client, only if -libs names them. Five rounds of
// everything take 35 minutes; -rounds, -duration, -only and -libs choose how much of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/report"
	"github.com/dandelionws/dandelion/test/bench/work"
)

func main() {
	if isChild, err := runChild(os.Args[1:]); isChild {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// plan is what the command line asks for.
type plan struct {
	workloads []work.Workload
	libs      []client.Library
	rounds    int
	within    time.Duration // skip rounds that would make it longer; 0: do not
	env       work.Env
	profiles  string // folder for CPU profiles
	json      string // file for the results
	details   bool
	against   string // revision to compare with
	command   string // how the program was called
}

func parsePlan(args []string) (*plan, error) {
	p := &plan{command: strings.Join(append([]string{"go run ."}, args...), " ")}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "short runs: everything within 90 s")
	only := flags.String("only", "", "workloads, by the beginnings of their names, separated by commas")
	libs := flags.String("libs", "", "libraries, separated by commas")
	flags.IntVar(&p.rounds, "rounds", 5, "how often each library gets its turn")
	flags.DurationVar(&p.env.Duration, "duration", time.Second, "what one run measures")
	flags.DurationVar(&p.env.Warmup, "warmup", 200*time.Millisecond, "what a run does before")
	flags.IntVar(&p.env.Connections, "connections", 5000, "of the workload idle")
	flags.StringVar(&p.json, "json", "", "file for all results")
	flags.StringVar(&p.profiles, "cpuprofile", "", "folder for CPU profiles of the clients; not with -against")
	flags.BoolVar(&p.details, "details", false, "print all numbers, not only the medians")
	flags.StringVar(&p.against, "against", "", "revision to compare the present tree with")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick {
		p.rounds, p.within = 3, 80*time.Second
		p.env = work.Env{Warmup: 15 * time.Millisecond, Duration: 60 * time.Millisecond, Connections: 500}
	}
	var err error
	if p.workloads, err = choose(work.Workloads, *only, func(w work.Workload, name string) bool { return strings.HasPrefix(w.Name, name) }); err != nil {
		return nil, err
	}
	p.libs, err = choose(client.Libraries, *libs, func(l client.Library, name string) bool { return l.Name == name })
	if *libs == "" {
		p.libs = slices.DeleteFunc(slices.Clone(p.libs), func(l client.Library) bool { return l.OnDemand || p.against != "" && !l.Ours })
	}
	return p, err
}

// choose returns the elements that are named, all if none is.
func choose[T any](all []T, names string, has func(T, string) bool) (chosen []T, err error) {
	if names == "" {
		return all, nil
	}
	list := strings.Split(names, ",")
	used := make([]bool, len(list))
	for _, v := range all {
		for i, name := range list {
			if has(v, name) {
				chosen, used[i] = append(chosen, v), true
				break
			}
		}
	}
	for i, name := range list {
		if !used[i] {
			return nil, fmt.Errorf("there is no %q", name)
		}
	}
	return chosen, nil
}

var errRuns = errors.New("not all runs were good")

func run(ctx context.Context, args []string) error {
	p, err := parsePlan(args)
	if err != nil {
		return err
	}
	if p.against != "" {
		return p.compare(ctx)
	}
	r := p.measure(ctx)
	if p.json != "" {
		if err := writeFile(p.json, r.WriteJSON); err != nil {
			return err
		}
	}
	if p.details {
		r.WriteDetails(os.Stdout)
		fmt.Println()
	}
	r.WriteTable(os.Stdout)
	fmt.Println()
	r.WriteTargets(os.Stdout)
	if r.Failed() {
		r.WriteErrors(os.Stderr)
		return errRuns
	}
	return ctx.Err()
}

// measure does all runs, until ctx ends.
func (p *plan) measure(ctx context.Context) *report.Report {
	r := &report.Report{Machine: report.ThisMachine(p.command)}
	var line *report.Line
	p.each(ctx, func(w work.Workload, round int) {
		if round == 0 {
			line = report.NewLine(w, p.libs)
		}
		p.round(ctx, w, line)
	}, func() {
		line.Finish()
		r.Lines = append(r.Lines, line)
	})
	return r
}

// each calls round for every round of every workload, and finish behind the last round
// of each, until ctx ends.
func (p *plan) each(ctx context.Context, round func(w work.Workload, round int), finish func()) {
	begin := time.Now()
	for i, w := range p.workloads {
		budget := p.within * time.Duration(i+1) / time.Duration(len(p.workloads))
		for n := range w.Rounds(p.rounds) {
			if n > 0 && budget > 0 && time.Since(begin) > budget {
				break
			}
			round(w, n)
		}
		if ctx.Err() != nil {
			return
		}
		finish()
		fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(begin).Seconds(), w.Name)
	}
}

// round gives each library its turn.
func (p *plan) round(ctx context.Context, w work.Workload, line *report.Line) {
	for i, lib := range p.libs {
		if ctx.Err() == nil && w.Has(lib) {
			result, err := runOnce(ctx, "", p.job(w, lib), w.Pinned)
			line.Add(i, result, err)
		}
	}
}

func (p *plan) job(w work.Workload, lib client.Library) clientJob {
	job := clientJob{Workload: w.Name, Library: lib.Name, Env: p.env}
	if p.profiles != "" {
		job.Profile = filepath.Join(p.profiles, w.Name+"."+lib.Name+".prof")
	}
	return job
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return write(f)
}

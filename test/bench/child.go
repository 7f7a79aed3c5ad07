package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime/pprof"
	"slices"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/server"
	"github.com/dandelionws/dandelion/test/bench/work"
)

// The program calls itself with a role as its first argument. With -against it calls the
// same program of another revision, so these stay as they are: the role of the client,
// the fields of clientJob and work.Env that it reads, that it prints a work.Result, and
// what the server does for a path and a query (package server). What is added has to
// be optional on both sides.
const (
	roleServer = "bench-server"
	roleClient = "bench-client"
)

// clientJob is what a client process does.
type clientJob struct {
	Workload string
	Library  string
	Env      work.Env
	Profile  string `json:",omitempty"` // file for a CPU profile
}

// runChild plays the role in args, if there is one.
func runChild(args []string) (isChild bool, err error) {
	if len(args) == 0 {
		return false, nil
	}
	switch args[0] {
	case roleServer:
		endWithParent()
		return true, runServer()
	case roleClient:
		endWithParent()
		var job clientJob
		if err := json.Unmarshal([]byte(args[1]), &job); err != nil {
			return true, err
		}
		return true, runClient(job)
	}
	return false, nil
}

// runServer serves until the process ends.
func runServer() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	return server.Serve(ln)
}

// runClient runs one workload and prints the result as JSON.
func runClient(job clientJob) error {
	w, err := find(work.Workloads, job.Workload, func(w work.Workload) string { return w.Name })
	if err != nil {
		return err
	}
	lib, err := find(client.Libraries, job.Library, func(l client.Library) string { return l.Name })
	if err != nil {
		return err
	}
	if job.Profile != "" {
		f, err := os.Create(job.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	r, err := w.Run(job.Env, lib)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// find returns the element with that name.
func find[T any](list []T, name string, nameOf func(T) string) (T, error) {
	i := slices.IndexFunc(list, func(v T) bool { return nameOf(v) == name })
	if i < 0 {
		var none T
		return none, fmt.Errorf("there is no %q", name)
	}
	return list[i], nil
}

//go:build linux

package interop

// This file is the servers under test and how each is started.

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// A server is a row of the table: a kind of server and its peculiarities.
type server struct {
	name string
	// argv is the command line for an echo server that listens on addr.
	argv func(addr string) []string
	// nginx puts nginx with TLS in front of it.
	nginx bool
	// ownPingData is set if the library itself chooses the data of its Pings.
	ownPingData bool
	// emptyClose is set if the library can begin with a Close frame without a status.
	emptyClose bool
}

var servers = []server{
	{name: "gorilla", argv: goServer("gorilla"), emptyClose: true},
	{name: "coder", argv: goServer("coder"), emptyClose: true, ownPingData: true},
	{name: "gws", argv: goServer("gws")},
	{name: "gobwas", argv: goServer("gobwas"), emptyClose: true},
	{name: "python", argv: pythonServer},
	{name: "node", argv: nodeServer, emptyClose: true},
	{name: "nginx", argv: goServer("gorilla"), emptyClose: true, nginx: true},
}

// goServerBinary is built by TestMain.
var goServerBinary string

// buildGoServer builds servers/go into dir. It is not this test binary, so that it runs
// without the race detector, as fast as its library is.
func buildGoServer(dir string) error {
	goServerBinary = filepath.Join(dir, "echo")
	cmd := exec.Command("go", "build", "-o", goServerBinary, "./servers/go")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

func goServer(library string) func(addr string) []string {
	return func(addr string) []string {
		return []string{goServerBinary, "-library", library, "-listen", addr}
	}
}

// pythonServer runs with Debian's Python, the one that has Debian's packages.
func pythonServer(addr string) []string {
	return []string{"/usr/bin/python3", filepath.Join("servers", "python", "echo.py"), "-listen", addr}
}

func nodeServer(addr string) []string {
	return []string{"node", filepath.Join("servers", "node", "echo.js"), "--listen", addr}
}

// A running server keeps its address through kills and restarts.
type running struct {
	server
	owner     *testing.T // the server is stopped at the end of this test
	url       string
	tlsConfig *tls.Config // for the client, nil without TLS
	addr      string      // of the echo server itself
	proc      *process    // the echo server, nil when it is not running
	front     *front      // nginx, if there is one
}

// launch starts the server on a free port until the end of the test.
func (s server) launch(t *testing.T) *running {
	t.Helper()
	addr := freeAddr(t)
	r := &running{server: s, owner: t, addr: addr, url: "ws://" + addr + "/"}
	r.start(t)
	if s.nginx {
		r.front = startNginx(t, addr)
		r.url, r.tlsConfig = "wss://"+r.front.addr+"/", r.front.clientTLS
	}
	return r
}

// start starts the echo server if it is not running, and returns when it is listening.
func (r *running) start(t *testing.T) {
	t.Helper()
	if r.proc != nil {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	proc := startProcess(t, r.owner, r.name, r.argv(r.addr)...)
	if got := proc.expect(t, ctx, "listening "); got != r.addr {
		t.Fatalf("%s listens on %s, want %s", r.name, got, r.addr)
	}
	r.proc = proc
}

// kill ends the echo server with SIGKILL.
func (r *running) kill() {
	r.proc.kill()
	r.proc = nil
}

// freeAddr returns a loopback address on which nobody listens. Its port is below those that
// the kernel gives to outgoing connections, so that none of them takes it while a server is
// being restarted.
func freeAddr(t *testing.T) string {
	t.Helper()
	var err error
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000)))
		var ln net.Listener
		if ln, err = net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatalf("no free port: %v", err)
	return ""
}

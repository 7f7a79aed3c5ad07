// Command go is an echo server on one of the Go libraries for WebSocket, chosen by a
// flag. It is a separate process so that the tests can kill it. servers/README.md
// describes its answers.
package main

import (
	"flag"
	"fmt"
	"log"
	"maps"
	"net"
	"slices"
	"strings"
)

// libraries has a function for each -library; it serves until the process ends.
var libraries = map[string]func(net.Listener) error{
	"coder":   serveCoder,
	"gobwas":  serveGobwas,
	"gorilla": serveGorilla,
	"gws":     serveGWS,
}

// maxMessage is the receive limit, in bytes, for libraries that have one.
const maxMessage = 128 << 20

// subprotocol is the only one that the servers accept.
const subprotocol = "echo.interop"

func main() {
	log.SetFlags(0)
	names := strings.Join(slices.Sorted(maps.Keys(libraries)), ", ")
	library := flag.String("library", "", "which library serves: "+names)
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()

	serve, ok := libraries[*library]
	if !ok {
		log.Fatalf("go echo server: -library is %q, want one of %s", *library, names)
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatalf("go echo server: %v", err)
	}
	fmt.Printf("listening %s\n", ln.Addr())
	log.Fatalf("go echo server: %v", serve(ln))
}

// reportClosed reports the Close frame from the client to the test.
func reportClosed(code int, reason string) {
	fmt.Printf("closed %d %s\n", code, reason)
}

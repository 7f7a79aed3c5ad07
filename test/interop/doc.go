// Package interop holds no code but tests: the client of dandelion against
// servers that other people wrote, each a process of its own on loopback.
//
// setup.sh installs what the tests need beside Go. A server that is missing
// fails the tests; none is skipped. The servers and what they answer are
// described in servers/README.md.
//
//	./setup.sh && go test -race -count=1 ./...
//
// -count=1 because go test does not see when a server was changed, and would
// show an earlier result.
//
// The tests need Linux: they look into socket queues and have the kernel end
// the servers of a test process that died.
package interop

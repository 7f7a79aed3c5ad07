// Package interop holds only tests: the client of dandelion against servers that other
// people wrote, each in its own process on loopback.
//
// setup.sh installs what the tests need besides Go. A missing server fails the tests;
// none is skipped. servers/README.md describes the servers and their answers.
//
//	./setup.sh && go test -race -count=1 ./...
//
// -count=1 is needed because go test does not notice a changed server and would show an
// earlier result.
//
// The tests need Linux: they look into socket queues, and the kernel ends the servers of a
// test process that died.
package interop

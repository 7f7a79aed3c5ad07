// Package mailbox decides on which goroutine an actor handles a message. It knows places
// and no messages: each actor has a function from the one to the other.
//
// protoactor's default dispatcher starts a goroutine each time it wakes an idle actor, which
// costs about a microsecond (BenchmarkHop). So an actor that only computes works on the
// goroutine of whoever sends to it; one that may take longer has a lane, a goroutine that
// stays for a while; and one that handles what a loop brings, such as that of a reader, can
// do so where the loop runs.
package mailbox

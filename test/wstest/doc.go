// Package wstest is a test kit for programs that use dandelion, and for
// WebSocket clients in general. It has a part for every distance from the
// network:
//
//   - [MockClient] and [MockActor] stand in for the client, without a server;
//   - [Recorder] and [Probe] record what a Handler and an actor get, and await it;
//   - [Server] is a scripted server that can send any byte sequence in any split,
//     observes exactly what the client puts on the wire, and can misbehave, stall,
//     drop and restart; [EchoServer] is a small correct one;
//   - [Golden] plays scenario files and compares the trace with the expected one;
//   - a [Matcher] says in all of them what is expected, and explains what differs.
//
// All of it works with fake time, inside a testing/synctest bubble; there
// [NewSystem] makes the actor system. The files example_*_test.go show how to test a
// handler, an actor that embeds a connection, a reconnect with a fresh token, a
// protocol of one's own, and how to write scenario files.
//
// # Matchers
//
// What is expected is a value, or a Matcher: [Equal], [Like] (some of the fields),
// [OfType], [Text], [Binary], [JSON], [PartialJSON], [Regexp], [Satisfies] (a
// predicate), [Anything], [AllOf], [AnyOf], [Not]:
//
//	wstest.AssertMatch(t, wstest.Text(wstest.PartialJSON(`{"op": "ack"}`)), msg)
//	store.On("Save", mock.MatchedBy(wstest.Arg(wstest.JSON(`{"id": 7}`)))) // testify
//
// # Mocks
//
// A mock is given expectations with what shall then happen, and verifies them at
// the end of the test:
//
//	client := wstest.NewMockClient(t, nil) // a wstest.Client, as is *dandelion.Client
//	client.Expect(wstest.Text("subscribe")).Accept().Delay(time.Second).ReplyText("ack")
//	client.Expect(wstest.Text("again")).Fail(messages.ErrQueueFull)
//
// A MockActor does the same behind a PID; its Props take the place of
// supervisor.Props. Both emit any event when the test says so: [Mock.Emit],
// [Mock.EmitOpen], [Mock.EmitClose], [Mock.EmitLost].
//
// # Recorders and probes
//
// A Recorder makes a Handler that records its calls, or wraps one; a Probe is an
// actor for supervisor.Config.Target, or for the sender of commands. The test
// awaits what they record, in order, up to a deadline:
//
//	probe := wstest.NewProbe(t, system)
//	…
//	probe.Await(wstest.OfType[*messages.Opened]())
//	probe.Expect(wstest.Text("hello"))
//	probe.ExpectNothing(time.Minute)
//
// # The scripted server
//
// A [Server] listens on loopback TCP ([NewServer]), on loopback TCP with TLS
// and a CA of its own ([NewTLSServer]), or nowhere at all: the server of
// [NewPipe] hands out in-memory connections and can be used inside a
// testing/synctest bubble. All three are the same type:
//
//	srv := wstest.NewPipe(t)
//	go dialTheClient(srv.URL(), srv.DialContext)
//
//	c := srv.Accept(t.Context())  // one connection of the client
//	c.Upgrade()                   // read its request, answer 101
//	c.SendText("Hello")
//	c.ExpectText("Hello")
//	c.WriteRaw(wstest.Hex("83 00"))  // a reserved opcode
//	c.ExpectFailure(wire.StatusProtocolError)
//
// # Nothing happens by itself
//
// A [Conn] does what its script says and no more: it reads only while the
// script waits for something (and then at most 4 KiB beyond it), it answers
// no Ping and no Close. A script that does not read is a server that stalls.
//
// # Deadlines and failures
//
// Every wait is bounded by the server's timeout ([WithTimeout], 5 s by
// default), or by the one of [Conn.Within]. What does not come in time, or
// comes differently, fails the test with a message that shows what came
// instead and what happened before on this connection.
//
// How the test fails depends on where the script runs:
//   - methods of a Server and its Conns call t.FailNow and are for the
//     goroutine that runs the test;
//   - inside [Server.Go], [Server.Script], [Server.Handle] and [Conn.Go], in
//     goroutines that the server owns, the Server or Conn given to the function
//     marks the test as failed and ends that goroutine;
//   - inside [Server.Try] and [Conn.Try] it does neither: the failure is what
//     Try returns, as an error that wraps the cause (io.EOF,
//     os.ErrDeadlineExceeded, …).
//
// So a goroutine that the test started with a go statement uses Try.
//
// # Echo server
//
// An [EchoServer] is a small correct server without a test around it, for
// examples and programs. [Conn.Echo] is the same inside a script.
package wstest

// Package wstest is a test kit for programs that use dandelion: what is replaced is
// the network and the server, not the client. The code under test runs with the true
// client, or the true actor of package supervisor, on a connection in memory, so what
// these promise holds in the test, too, and a double cannot lag behind them.
//
//	func TestGreeting(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) { // fake time: an hour takes no time
//			mock := wstest.NewMock(t)
//			mock.Expect(wstest.Text("hello")).Reply("hello yourself")
//			greet(mock.Dial(nil).Client) // the code under test
//		})
//	}
//
// A [Mock] is the server, with expectations: of what the client sends, and with what
// happens then. A line or two for what one wants to know of one's code:
//
//	it sends the right thing    mock.Expect(wstest.Text(wstest.JSON(`{"op": "join"}`))).Reply("welcome")
//	it reacts to a message      mock.Send("news")
//	                            mock.Wait() // or a Recorder, or synctest.Wait
//	the connection is lost      mock.Lose()
//	the server closes           mock.Close(dandelion.StatusGoingAway, "restart")
//	a handshake is refused      mock.Refuse(401); mock.Refuse(503, "Retry-After: 7")
//	the server is down, hangs   mock.Server.Refuse(); mock.Server.Hang(); mock.Server.Resume()
//	the server is slow          mock.Expect(subscribe).Delay(time.Minute).Reply("ack")
//	it does not answer, a Ping included; the queue is full
//	                            mock.Stall()
//	a method has this outcome   client.WriteFunc = func(…) error { return dandelion.ErrQueueFull }
//	a token in the request      mock.Requests()[1].Value("Authorization")
//
// The ways to it: [Mock.Dial] and [Mock.Supervise] make a client; [Mock.Options] is for
// code that makes its own, [Mock.Config] and [Mock.Spawn] are for actors. The other parts:
//
//   - What is expected is a value or a [Matcher]: by value ([Equal], [Like]), by type
//     ([OfType]), by what JSON means ([JSON], [PartialJSON]), and so on. [AssertMatch]
//     and testify's mock ([Arg]) take them, too.
//   - A [Recorder] records what a Handler is called with, a [Probe] what an actor gets;
//     the test awaits it.
//   - A [Server] is a script: it sends any bytes in any split, sees every byte of the
//     client, misbehaves, stalls, drops and restarts, in memory, over TCP or TLS.
//     [Mock.Conn] is one connection of it. An [EchoServer] is a correct one for programs.
//   - [Golden] plays scenario files, and compares what happens with what is in them.
//
// Each file example_*_test.go shows a way to test: a handler, an actor that has a
// connection, a reconnect with a fresh token, a protocol of one's own, scenario files.
//
// # Deadlines and failures
//
// Every wait is bounded: see [DefaultTimeout], WithTimeout, Conn.Within and
// Recorder.Within. What does not come in time, or comes differently, fails the test with
// a message that shows what came instead and what happened before. No goroutine is left
// when the test has ended. Tests are *testing.T, or what other frameworks have: [TestingT].
//
// In scripts it depends on the goroutine how the test fails. Methods of a Server and its
// Conns call t.FailNow and are for the goroutine that runs the test. In functions that
// Server.Go, Server.Script, Server.Handle and Conn.Go run, on goroutines of the server,
// a failure marks the test and ends that goroutine. In Server.Try and Conn.Try it is an
// error that wraps its cause (io.EOF, os.ErrDeadlineExceeded …): that is for goroutines
// that the test has started itself.
package wstest

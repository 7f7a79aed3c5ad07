// Package bboltstore keeps the outbox of a supervised connection in a file, so that
// a program that is killed loses nothing that was accepted for sending. It is an
// [outbox.Store] on go.etcd.io/bbolt, which is written in Go and embedded.
//
//	store, err := bboltstore.Open("outbox.db", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close() // after the client has ended
//	client, err := dandelion.Supervise(ctx, url, &dandelion.Options{
//		Outbox: &outbox.Config{Store: store, Acked: acked},
//	})
//
// # What is on disk when
//
// When Append returns nil its messages were written and flushed (fdatasync, or what
// the system has for it), and so was the directory entry of the file: they survive
// the end of the program, of the system, and a loss of power, as far as the disk
// keeps what it says. With Options.NoSync they survive the end of the program only.
// An Append is one transaction: after a crash all of its messages are there or none.
// If it fails none of them is there; if even taking them back fails the Store takes
// no more until that has succeeded.
//
// When Ack returns nil its messages will not be replayed.
//
// # At least once
//
// A program that dies after a message was sent and before Ack is done sends it again
// when it is started next, even if it is not marked Resend: the Store cannot know.
// Without Config.Acked a message is forgotten when the operating system has
// taken it, which does not say that the server has it. So a server that must get
// everything has to acknowledge (Config.Acked and an ID for each message), and
// has to recognise what comes twice, by the same ID.
//
// # Commits
//
// Append and Ack are each one transaction, whatever the number of messages, and its
// cost is that of the flush. The outbox calls them with all that has gathered while
// the last call was under way; so senders that run beside each other share a commit,
// and one that waits for each message pays for each.
//
// # The file
//
// It belongs to one Store of one program at a time, by a lock that ends with the
// program; see [ErrLocked]. It belongs to one supervisor: two that share a Store forget
// each other's messages, and get [ErrOrder] sooner or later. It should be on a local
// disk: network file systems may lack the lock. Room in it is used again, but it never
// gets smaller.
//
// Every message has a checksum over its content and number. A file that is damaged
// gives a [*CorruptError], neither a panic nor a message that nobody sent. But bbolt
// has no checksum over its own pages: damage there may also hide messages unnoticed.
package bboltstore

// Package messages is the vocabulary of dandelion: the commands that are sent
// to a connection, the events that come from it, the names of its states and
// its errors.
//
// All of them are plain Go structs. Commands and events travel as pointers
// (&messages.SendText{…}); once sent, a message and everything it refers to
// must not be changed by anybody. What arrives in an event belongs to its
// receiver.
package messages

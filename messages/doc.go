// Package messages is the vocabulary of dandelion: the commands sent to a connection,
// the events that come from it, the names of its states, and its errors.
//
// Commands and events are plain Go structs and travel as pointers
// (&messages.SendText{…}). Nobody may change a message, or anything it refers to, once
// it is sent. The contents of an event belong to its receiver.
package messages

package conformance

// This file is the rows that no test claims yet.

// pendingRFCs are the RFCs whose rows wait for a later issue. The value says what is missing.
var pendingRFCs = map[string]string{
	"7692": "permessage-deflate is not implemented yet",
	"8441": "WebSocket over HTTP/2 is not implemented yet",
}

// pendingRows are single rows of the other RFCs. The value says what is missing.
var pendingRows = map[string]string{
	"6455-7.4.1-06": "there is no extension yet that could be required",
	"6455-9.1-04":   "the API has no compression options yet",
	"6455-9.2-01":   "the library cannot negotiate anything yet, so there is no list of what it can",
}

// partlyPending are claimed rows of which variants are still missing. The value says which.
var partlyPending = map[string]string{
	"6455-4.1-29":  "compression switched on by an option; an offer is made with handshake.Request.Extensions",
	"6455-5.2-04":  "with permessage-deflate agreed",
	"6455-5.2-13":  "a compressed frame with permessage-deflate agreed",
	"6455-9.1-06":  "decoding a 32768-byte window",
	"6455-10.7-01": "with permessage-deflate agreed",
}

// Pending returns why no test needs to claim a row yet, "" if one must.
func Pending(r Requirement) string {
	if why := pendingRows[r.ID]; why != "" {
		return why
	}
	return pendingRFCs[r.RFC]
}

// Missing returns which variants of a claimed row no test shows yet, "" if all are shown.
func Missing(r Requirement) string { return partlyPending[r.ID] }

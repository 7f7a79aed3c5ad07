package conformance

// The rows that no test claims yet.

// pendingRFCs are the RFCs whose rows wait for an issue of their own; the value says for what.
var pendingRFCs = map[string]string{
	"7692": "permessage-deflate is not implemented yet",
	"8441": "WebSocket over HTTP/2 is not implemented yet",
}

// pendingRows are single rows of the other RFCs. The value says what is missing.
var pendingRows = map[string]string{
	"6455-7.4.1-06": "no extension can be required as long as there is none",
	"6455-9.1-04":   "the API has no compression options yet",
	"6455-9.2-01":   "there is no list of what the library can negotiate, because it can negotiate nothing yet",
}

// partlyPending are rows that are claimed, but of which variants are still missing. The value says which.
var partlyPending = map[string]string{
	"6455-4.1-29":  "compression switched on by an option; an offer is made with handshake.Request.Extensions",
	"6455-5.2-04":  "with permessage-deflate agreed",
	"6455-5.2-13":  "a compressed frame with permessage-deflate agreed",
	"6455-9.1-06":  "decoding a 32768-byte window",
	"6455-10.7-01": "with permessage-deflate agreed",
}

// Pending says why no test has to claim a row yet, "" if one has to.
func Pending(r Requirement) string {
	if why := pendingRows[r.ID]; why != "" {
		return why
	}
	return pendingRFCs[r.RFC]
}

// Missing says which variants of a claimed row no test shows yet, "" if all are shown.
func Missing(r Requirement) string { return partlyPending[r.ID] }

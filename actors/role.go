package actors

// This file names the actors.

// Role names an actor of the library.
type Role uint8

// The roles. Reader, protocol and writer belong to one connection; the others outlive it.
const (
	RoleSupervisor Role = iota + 1
	RoleReader
	RoleProtocol
	RoleWriter
	RoleCallback
	RolePool
)

var roleNames = [...]string{"unknown", "supervisor", "reader", "protocol", "writer", "callback", "pool"}

// String returns the name in lower case.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return roleNames[0]
}

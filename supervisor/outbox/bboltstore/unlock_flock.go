//go:build unix && !solaris && !aix

package bboltstore

import (
	"os"
	"syscall"
)

// unlock ends the lock of a file that stays mapped: the mapping would keep it.
func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

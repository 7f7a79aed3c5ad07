//go:build !unix || solaris || aix

package bboltstore

import "os"

// unlock does nothing: here the lock ends when the file is closed.
func unlock(*os.File) error { return nil }

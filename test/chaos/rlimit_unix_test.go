//go:build unix

package chaos_test

// This file raises the limit of open files.

import (
	"fmt"
	"syscall"
)

// allowFiles lets this process have n open files.
func allowFiles(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= n {
		return nil
	}
	limit.Cur = min(n, limit.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur < n {
		return fmt.Errorf("%d open files are needed and the system allows %d: raise the hard limit (ulimit -Hn) or lower -chaos.connections", n, limit.Cur)
	}
	return nil
}

package report

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/dandelionws/dandelion/test/bench/client"
	"golang.org/x/sys/unix"
)

// Machine says where, when and with which versions the numbers were measured.
type Machine struct {
	Command string
	Date    string
	CPU     string
	CPUs    int
	Kernel  string
	Go      string
	Modules map[string]string // version by library, dandelion excluded
}

// ThisMachine describes the machine the program runs on. command is how it was called.
func ThisMachine(command string) Machine {
	return Machine{
		Command: command,
		Date:    time.Now().UTC().Format(time.DateOnly),
		CPU:     cpuName(),
		CPUs:    runtime.NumCPU(),
		Kernel:  kernel(),
		Go:      runtime.Version(),
		Modules: versions(),
	}
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d × %s, Linux %s, %s", m.Date, m.CPUs, m.CPU, m.Kernel, m.Go)
}

func cpuName() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

func versions() map[string]string {
	v := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, lib := range client.Libraries {
		for _, m := range info.Deps {
			if m.Path == lib.Module && !lib.Ours {
				v[lib.Name] = m.Version
			}
		}
	}
	return v
}

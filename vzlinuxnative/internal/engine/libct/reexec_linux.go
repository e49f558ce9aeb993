package libct

import (
	"os"
	"unsafe"

	"github.com/opencontainers/runc/libcontainer"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // joins the namespaces
	"golang.org/x/sys/unix"
)

func init() {
	if len(os.Args) > 1 && os.Args[1] == "init" && os.Getenv("_LIBCONTAINER_INITPIPE") != "" {
		heedInternal()
		libcontainer.Init()
	}
}

// heedInternal gives the two signals that glibc keeps for itself their default
// action where they are ignored: a program that posix_spawn started, such as all
// that make runs, may have inherited that, and so would the workload. Handlers
// that glibc has set by now stay. See rt_sigaction(2).
func heedInternal() {
	const ignored = 1
	for _, sig := range []uintptr{32, 33} {
		var old, byDefault [4]uint64 // the kernel's struct sigaction, the handler first
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&old)), 8, 0, 0)
		if errno == 0 && old[0] == ignored {
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0) // cannot fail
		}
	}
}

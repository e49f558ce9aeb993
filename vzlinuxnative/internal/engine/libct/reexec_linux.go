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
// action: a program that posix_spawn started, such as all that make runs, may
// have inherited that they are ignored, and so would the workload. Nothing else
// can be ignored by now. See rt_sigaction(2).
func heedInternal() {
	var action [4]uint64 // the kernel's struct sigaction: SIG_DFL, no flags
	for _, sig := range []uintptr{32, 33} {
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0) // cannot fail
	}
}

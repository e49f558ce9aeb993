package libct

import (
	"os"
	"unsafe"

	"github.com/opencontainers/runc/libcontainer"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // joins the namespaces
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/timerslack"
)

func init() {
	if len(os.Args) > 1 && os.Args[1] == "init" && os.Getenv("_LIBCONTAINER_INITPIPE") != "" {
		heedSignals()
		_ = timerslack.Restore() // cannot fail
		libcontainer.Init()
	}
}

// heedSignals gives the signals that are ignored their default action: what
// nohup started ignores SIGHUP, what posix_spawn started (such as all that make
// runs) the two signals that glibc keeps for itself, and so would the workload.
// Handlers that the runtimes of Go and C have set by now stay. See rt_sigaction(2).
func heedSignals() {
	const ignored = 1
	for sig := uintptr(1); sig <= 64; sig++ {
		var old, byDefault [4]uint64 // the kernel's struct sigaction, the handler first
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&old)), 8, 0, 0)
		if errno == 0 && old[0] == ignored {
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0) // cannot fail
		}
	}
}

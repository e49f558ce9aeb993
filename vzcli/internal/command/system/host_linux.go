package system

import "golang.org/x/sys/unix"

// host returns the kernel's version and the memory in bytes.
func host() (kernel string, memory int64) {
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Release[:])
	}
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) == nil {
		memory = int64(i.Totalram) * int64(i.Unit)
	}
	return kernel, memory
}

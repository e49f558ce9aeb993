package system

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/box/applet"
)

var mountFlags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC, "noatime": unix.MS_NOATIME,
	"remount": unix.MS_REMOUNT, "bind": unix.MS_BIND, "rbind": unix.MS_BIND | unix.MS_REC, "relatime": unix.MS_RELATIME,
	"private": unix.MS_PRIVATE, "shared": unix.MS_SHARED, "slave": unix.MS_SLAVE, "sync": unix.MS_SYNCHRONOUS,
}

// mount lists what is mounted, or mounts: -t TYPE -o OPTIONS SOURCE DIRECTORY.
func mount(std *applet.IO, args []string) int {
	opts, rest, err := applet.Options("t:o:r", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(rest) == 0 {
		return listMounts(std)
	}
	flags, data := uintptr(0), []string(nil)
	if _, ok := opts['r']; ok {
		flags = unix.MS_RDONLY
	}
	for o := range strings.SplitSeq(opts['o'], ",") {
		switch f, ok := mountFlags[o]; {
		case ok:
			flags |= f
		case o != "" && o != "rw" && o != "defaults":
			data = append(data, o)
		}
	}
	if len(rest) == 1 {
		rest = []string{"none", rest[0]}
	}
	if err := unix.Mount(rest[0], rest[1], opts['t'], flags, strings.Join(data, ",")); err != nil {
		return std.Fail(fmt.Errorf("%s: %w", rest[1], err))
	}
	return 0
}

func listMounts(std *applet.IO) int {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return std.Fail(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if p := strings.Fields(s.Text()); len(p) >= 4 {
			fmt.Fprintf(std.Out, "%s on %s type %s (%s)\n", p[0], p[1], p[2], p[3])
		}
	}
	if err := s.Err(); err != nil {
		return std.Fail(err)
	}
	return 0
}

// umount takes file systems away: -l when they are no longer used.
func umount(std *applet.IO, args []string) int {
	opts, rest, err := applet.Options("lf", args)
	if err != nil {
		return std.Fail(err)
	}
	flags := 0
	if _, ok := opts['l']; ok {
		flags |= unix.MNT_DETACH
	}
	if _, ok := opts['f']; ok {
		flags |= unix.MNT_FORCE
	}
	status := 0
	for _, dir := range rest {
		if err := unix.Unmount(dir, flags); err != nil {
			status = std.Fail(fmt.Errorf("%s: %w", dir, err))
		}
	}
	return status
}

package rootfs

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// mountOverlayString mounts an overlay the old way, with all options in one
// string of at most a page. Descriptors as names keep that short.
func mountOverlayString(l layout, target string) error {
	var short shortener
	defer short.close()
	lower := make([]string, len(l.lower))
	for i, dir := range l.lower {
		lower[i] = short.opened(dir)
	}
	options := []string{"lowerdir=" + strings.Join(lower, ":")}
	if l.upper != "" {
		options = append(options, "upperdir="+short.opened(l.upper), "workdir="+short.opened(l.work))
	}
	for _, s := range l.settings() {
		options = append(options, strings.TrimSuffix(s[0]+"="+s[1], "="))
	}
	if short.err != nil {
		return short.err
	}
	data := strings.Join(options, ",")
	if len(data) >= os.Getpagesize() {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "mount overlay: %d layers are too many for this kernel", len(l.lower))
	}
	if err := unix.Mount("overlay", target, "overlay", 0, data); err != nil {
		return fmt.Errorf("mount overlay on %s: %w", target, err)
	}
	return nil
}

// openOverlayString mounts in a namespace of its own, that of a thread which
// then ends; the descriptor keeps the mount.
func openOverlayString(l layout) (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with its namespace
		f, err := openInNamespace(l)
		done <- result{f, err}
	}()
	r := <-done
	return r.f, r.err
}

func openInNamespace(l layout) (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return nil, fmt.Errorf("mount overlay: new mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("mount overlay: make mounts private: %w", err)
	}
	target := l.lower[len(l.lower)-1] // hidden for a moment, in this namespace
	if err := mountOverlayString(l, target); err != nil {
		return nil, err
	}
	return openDir(target)
}

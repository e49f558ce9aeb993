package owner

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"

	"vz.internal/vzcontract"
)

// MakeDisk makes a disk of so many bytes with an empty file system. It appears when it is
// complete.
func MakeDisk(ctx context.Context, path string, size int64) error {
	next := path + ".new"
	err := format(ctx, next, size)
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(next))
	}
	return nil
}

// inodeBytes is for how many bytes of a disk there is an inode: a small one has room for
// small files too.
func inodeBytes(size int64) int64 { return min(max(size>>16, 4<<10), 64<<10) }

func format(ctx context.Context, path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(size); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// Tables are not written before they are needed, so this touches few blocks.
	cmd := exec.CommandContext(ctx, "mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-i", strconv.FormatInt(inodeBytes(size), 10), "-J", "size=16",
		"-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0", path)
	program, err := lookPath("mke2fs")
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "make the container's disk: mke2fs is not installed (Debian: apt-get install e2fsprogs)")
	}
	cmd.Path, cmd.Err = program, nil
	if out, err := cmd.CombinedOutput(); err != nil {
		return vzcontract.Errorf(vzcontract.ErrInternal, "make the container's disk: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// lookPath finds a program of the system, also where an ordinary user's PATH does not
// lead.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err == nil {
			break
		}
		path, err = exec.LookPath(dir + "/" + name)
	}
	return path, err
}

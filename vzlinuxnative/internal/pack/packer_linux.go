package pack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/inroot"
)

// Options of New.
type Options struct {
	// Devices are written, as entries without content, and so are pipes.
	// Without it they are left out. Sockets always are.
	Devices bool
	// OneFileSystem leaves out what is in directories that another file
	// system is mounted on, as find -xdev does.
	OneFileSystem bool
}

// A Packer writes one archive. It is not safe for concurrent use.
type Packer struct {
	Options
	tar   *tar.Writer
	links map[inode]string
	mount uint64 // the only one to stay on, 0 for any
	seen  devices
}

type inode struct{ dev, ino uint64 }

// New returns a Packer that writes to w.
func New(w io.Writer, o Options) *Packer {
	return &Packer{Options: o, tar: tar.NewWriter(w), links: map[inode]string{}, seen: devices{}}
}

// Close ends the archive. The writer below stays open.
func (p *Packer) Close() error { return p.tar.Close() }

// Children writes all that is in the directory open as dir, with names below
// prefix. A file that vanishes meanwhile is left out.
func (p *Packer) Children(ctx context.Context, dir int, prefix string) error {
	if p.OneFileSystem && p.mount == 0 {
		p.mount = mountOf(dir)
	}
	f, err := inroot.Dir(dir, ".")
	if err != nil {
		return fmt.Errorf("read directory %s: %w", prefix, err)
	}
	defer f.Close()
	p.seen.begin(int(f.Fd()))
	names, err := f.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("read directory %s: %w", prefix, err)
	}
	slices.Sort(names)
	for _, name := range names {
		err := p.Entry(ctx, int(f.Fd()), name, path.Join(prefix, name))
		if err != nil && !errors.Is(err, errVanished) {
			return err
		}
	}
	return nil
}

// errVanished: what was to be written is not there (any more).
var errVanished = fmt.Errorf("it vanished: %w", fs.ErrNotExist)

// Entry writes the entry called name in the directory open as dir, and all
// below it, as as.
func (p *Packer) Entry(ctx context.Context, dir int, name, as string) error {
	fd, err := open(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return p.Opened(ctx, fd, as)
}

// Opened writes what is open as fd, with O_PATH, and all below it, as as. What
// the kernel shows in /proc, /sys and the like is left out, unless it is what
// the archive began with.
func (p *Packer) Opened(ctx context.Context, fd int, as string) error {
	st, err := p.header(ctx, fd, as)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	if p.mount != 0 && mountOf(fd) != p.mount || p.seen.kernel(fd, st.Dev) {
		return nil
	}
	return p.Children(ctx, fd, as)
}

// One writes the entry called name without what is below it.
func (p *Packer) One(ctx context.Context, dir int, name, as string) error {
	fd, err := open(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = p.header(ctx, fd, as)
	return err
}

// Empty writes an empty file, such as a mark.
func (p *Packer) Empty(as string) error {
	return p.tar.WriteHeader(&tar.Header{Name: as, Typeflag: tar.TypeReg, Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
}

func open(dir int, name string) (int, error) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return -1, errVanished
	}
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

// header writes what is open as fd, with a file's content.
func (p *Packer) header(ctx context.Context, fd int, as string) (*unix.Stat_t, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: as, Err: err}
	}
	h := &tar.Header{
		Name: as, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid),
		ModTime: time.Unix(st.Mtim.Unix()), Format: tar.FormatPAX,
	}
	kind := st.Mode & unix.S_IFMT
	switch kind {
	case unix.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, st.Size
	case unix.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, strings.TrimSuffix(as, "/")+"/"
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(fd, "", buf)
		if err != nil {
			return nil, &os.PathError{Op: "read link", Path: as, Err: err}
		}
		h.Linkname = string(buf[:n])
	case unix.S_IFCHR, unix.S_IFBLK, unix.S_IFIFO:
		if !p.Devices {
			return &st, nil
		}
		h.Typeflag = map[uint32]byte{unix.S_IFCHR: tar.TypeChar, unix.S_IFBLK: tar.TypeBlock, unix.S_IFIFO: tar.TypeFifo}[kind]
		if kind != unix.S_IFIFO {
			h.Devmajor, h.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
		}
	default:
		return &st, nil
	}
	if kind != unix.S_IFDIR && st.Nlink > 1 {
		id := inode{st.Dev, st.Ino}
		if first, ok := p.links[id]; ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			return &st, p.write(h, as)
		}
		p.links[id] = as
	}
	var err error
	if h.PAXRecords, err = Attributes(fd); err != nil {
		return nil, &os.PathError{Op: "read attributes", Path: as, Err: err}
	}
	if kind != unix.S_IFREG || st.Size == 0 {
		return &st, p.write(h, as)
	}
	return &st, p.file(fd, h, as)
}

func (p *Packer) write(h *tar.Header, as string) error {
	if err := p.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("write %s: %w", as, err)
	}
	return nil
}

// file writes as many bytes as the header says: a file that grows meanwhile is
// cut, one that shrinks is filled up with zeros.
func (p *Packer) file(fd int, h *tar.Header, as string) error {
	f, err := inroot.Reopen(fd, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return fmt.Errorf("read %s: %w", as, err)
	}
	defer f.Close()
	if err := p.write(h, as); err != nil {
		return err
	}
	n, err := io.Copy(p.tar, io.LimitReader(f, h.Size))
	if err == nil && n < h.Size {
		_, err = io.CopyN(p.tar, zeros{}, h.Size-n)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", as, err)
	}
	return nil
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func mountOf(fd int) uint64 {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st); err != nil {
		return 0
	}
	return st.Mnt_id
}

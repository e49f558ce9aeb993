package container

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/copytar"
	"vz.internal/vzcontract"
)

// out copies from a container to the host.
func (j copyJob) out(container, from, to string) (int64, error) {
	source := path.Join("/", from)
	if j.FollowLink || slashed(from) || contents(from) {
		_, resolved, err := j.stat(container, from)
		if err != nil {
			return 0, err
		}
		source = resolved
	}
	stream, st, err := j.copier.CopyOut(j.env.Ctx, container, source)
	if err != nil {
		return 0, err
	}
	if to == "-" {
		name := path.Base(path.Join("/", from))
		if contents(from) {
			name = "."
		}
		n, err := j.outToStream(stream, copytar.Options{From: st.Name, To: name})
		return n, joinClose(err, stream)
	}
	dir := fs.FileMode(st.Mode).IsDir()
	if slashed(from) && !dir && !contents(from) {
		return 0, joinClose(notDirectory(container+":"+from), stream)
	}
	base, name, err := outPlace(to, path.Base(path.Join("/", from)), dir, contents(from))
	if err != nil {
		return 0, joinClose(err, stream)
	}
	n, err := j.extract(base, stream, copytar.Options{From: st.Name, To: name, KeepOwner: j.Archive})
	return n, joinClose(err, stream)
}

func (j copyJob) outToStream(stream io.Reader, opts copytar.Options) (int64, error) {
	if _, ok := command.Terminal(j.env.Stdout); ok {
		return 0, command.Usagef("cp: the archive does not go to a terminal; use a pipe")
	}
	if opts.From == opts.To {
		return io.Copy(j.env.Stdout, stream)
	}
	return copytar.Rename(j.env.Stdout, stream, opts)
}

func (j copyJob) extract(base string, stream io.Reader, opts copytar.Options) (int64, error) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return 0, fmt.Errorf("cp: %w", err)
	}
	n, err := copytar.Extract(root, stream, opts)
	return n, joinClose(err, root)
}

// outPlace applies docker's rules: in which directory of the host the copy
// lands and under which name.
func outPlace(to, sourceName string, sourceDir, contentsOnly bool) (base, name string, err error) {
	info, err := os.Stat(to)
	switch {
	case err == nil && info.IsDir():
		if sourceDir && contentsOnly || sourceName == "/" {
			return to, ".", nil
		}
		return to, sourceName, nil
	case err == nil && (sourceDir || slashed(to)):
		return "", "", notDirectory(to)
	case err == nil && !info.Mode().IsRegular():
		return "", "", vzcontract.Errorf(vzcontract.ErrValidation, "cp: %s is neither a file nor a directory; - as the target writes an archive to stdout", to)
	case err == nil:
		if to, err = filepath.EvalSymlinks(to); err != nil {
			return "", "", fmt.Errorf("cp: %w", err)
		}
		return filepath.Dir(to), filepath.Base(to), nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", "", fmt.Errorf("cp: %w", err)
	}
	to = linked(to)
	if slashed(to) && !sourceDir {
		return "", "", noDirectory(to)
	}
	if _, err := os.Stat(filepath.Dir(filepath.Clean(to))); err != nil {
		return "", "", noDirectory(filepath.Dir(filepath.Clean(to)))
	}
	to = filepath.Clean(to)
	return filepath.Dir(to), filepath.Base(to), nil
}

// linked follows a link of the user's to what is not there yet.
func linked(to string) string {
	for range 40 {
		target, err := os.Readlink(to)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Dir(to) + string(filepath.Separator) + target
		}
		to = target
	}
	return to
}

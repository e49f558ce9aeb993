package files

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/box/applet"
)

// ln makes links: -s symbolic ones, -f in place of what is there, -n without
// following a link to a directory.
func ln(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("sfnv", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(names) == 0 {
		return std.Usage("[-sfn] TARGET... [NAME | DIRECTORY]")
	}
	if len(names) == 1 {
		names = append(names, filepath.Base(names[0]))
	}
	_, symbolic := opts['s']
	_, force := opts['f']
	_, noFollow := opts['n']
	last := names[len(names)-1]
	st, err := os.Stat(last)
	if noFollow {
		st, err = os.Lstat(last)
	}
	intoDir := err == nil && st.IsDir()
	if len(names) > 2 && !intoDir {
		return std.Fail(fmt.Errorf("%s: not a directory", last))
	}
	status := 0
	for _, target := range names[:len(names)-1] {
		at := last
		if intoDir {
			at = filepath.Join(last, filepath.Base(target))
		}
		if force {
			_ = os.Remove(at) // the link's error tells
		}
		link := os.Link
		if symbolic {
			link = os.Symlink
		}
		if err := link(target, at); err != nil {
			status = std.Fail(err)
		}
	}
	return status
}

// readlink prints what links lead to: -f all links on the way resolved.
func readlink(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("fnen", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(names) == 0 {
		return std.Usage("[-f] NAME...")
	}
	status := 0
	for _, name := range names {
		target, err := os.Readlink(name)
		if _, full := opts['f']; full {
			target, err = resolve(name)
		}
		if err != nil {
			status = 1 // silent, as it is used to ask whether there is a link
			continue
		}
		fmt.Fprintln(std.Out, target)
	}
	return status
}

// resolve allows the last part to be missing.
func resolve(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if full, err := filepath.EvalSymlinks(abs); err == nil {
		return full, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}

func rmdir(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("p", args)
	if err != nil {
		return std.Fail(err)
	}
	status := 0
	for _, name := range names {
		for {
			if st, err := os.Lstat(name); err == nil && !st.IsDir() {
				status = std.Fail(fmt.Errorf("%s: not a directory", name))
				break
			}
			if err := os.Remove(name); err != nil {
				status = std.Fail(err)
				break
			}
			if name = filepath.Dir(name); name == "." || name == "/" {
				break
			}
			if _, parents := opts['p']; !parents {
				break
			}
		}
	}
	return status
}

// chown gives files away: -R all below too, -h links themselves.
func chown(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("Rh", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(names) < 2 {
		return std.Usage("[-Rh] USER[:GROUP] FILE...")
	}
	uid, gid, err := owner(names[0])
	if err != nil {
		return std.Fail(err)
	}
	status := 0
	for _, name := range names[1:] {
		change := os.Chown
		if _, links := opts['h']; links {
			change = os.Lchown
		}
		if _, below := opts['R']; !below {
			if err := change(name, uid, gid); err != nil {
				status = std.Fail(err)
			}
			continue
		}
		err := filepath.WalkDir(name, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, uid, gid)
		})
		if err != nil {
			status = std.Fail(err)
		}
	}
	return status
}

// owner takes USER, USER:GROUP and :GROUP, by name or number; -1 stays as it is.
func owner(text string) (uid, gid int, err error) {
	uid, gid = -1, -1
	who, group, hasGroup := strings.Cut(text, ":")
	if who != "" {
		if uid, err = strconv.Atoi(who); err != nil {
			u, err := user.Lookup(who)
			if err != nil {
				return 0, 0, fmt.Errorf("no user %s", who)
			}
			uid, _ = strconv.Atoi(u.Uid) // on Unix a number
		}
	}
	if hasGroup && group != "" {
		if gid, err = strconv.Atoi(group); err != nil {
			g, err := user.LookupGroup(group)
			if err != nil {
				return 0, 0, fmt.Errorf("no group %s", group)
			}
			gid, _ = strconv.Atoi(g.Gid) // on Unix a number
		}
	}
	return uid, gid, nil
}
